import type { Secret } from '../../../lib/secret.ts';
import type { ReceiptRequest } from '../../contract.ts';
import { parseExactObject } from '../../wire/exact-json.ts';
import { parseSmallXml } from '../../wire/small-xml.ts';
import { decryptText, isSignedParts } from '../../wire/wechat-crypt.ts';

/** What the console of the account shares with us. */
export interface CallbackKeys {
  token: Secret | undefined;
  encodingAesKey: Secret | undefined;
  /** For whom posts are encrypted: the id of the app, or of the corporation. */
  receiveId: string;
}

/**
 * A plain post is not signed itself, only its query is, which may be in somebody's log; and who left must not be taken up
 * again by an earlier post: each serves for a while only.
 */
const LIFE_MS = 15 * 60_000;

/**
 * Whether the holder of the token posted this. With a key, posts must be encrypted, which is what makes their text
 * certain. https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/Access_Overview.html
 */
export function isAuthentic(request: ReceiptRequest, keys: CallbackKeys, now: number): boolean {
  const { token, encodingAesKey } = keys;
  if (!token) return false;
  const query = queryOf(request);
  const [timestamp, nonce] = [query.get('timestamp'), query.get('nonce')];
  const isSignedPlain = isSignedParts(query.get('signature'), token, timestamp, nonce);
  if (request.method === 'GET') {
    // What is decrypted has to be signed itself: a plain signature, which stands in logs, would open any ciphertext.
    if (!query.has('msg_signature')) return isSignedPlain;
    return isSignedParts(query.get('msg_signature'), token, timestamp, nonce, echoOf(query));
  }
  if (!(Math.abs(now - Number(timestamp) * 1000) <= LIFE_MS)) return false;
  if (!encodingAesKey) return isSignedPlain;
  const { Encrypt: encrypted } = parseText(textOf(request)) ?? {};
  if (typeof encrypted !== 'string') return false;
  // What can not be read is refused where it shows: the key or the id that was entered is another.
  return (
    isSignedParts(query.get('msg_signature'), token, timestamp, nonce, encrypted) &&
    decrypt(encrypted, keys) !== null
  );
}

/** The answer to a trial of the address: its text as it came, or decrypted where it is signed as such. */
export function answerTrial(
  request: ReceiptRequest,
  keys: CallbackKeys,
  verified: boolean,
): { contentType: string; body: string } | null {
  if (request.method !== 'GET' || !verified) return null;
  const query = queryOf(request);
  const echo = echoOf(query);
  if (!echo) return null;
  const body = query.has('msg_signature') ? decrypt(echo, keys) : echo;
  return body === null ? null : { contentType: 'text/plain', body };
}

/** What was posted, from XML or JSON, or null. */
export function readPost(request: ReceiptRequest, keys: CallbackKeys): Record<string, unknown> | null {
  const post = parseText(textOf(request));
  if (!keys.encodingAesKey) return post;
  const text = typeof post?.Encrypt === 'string' ? decrypt(post.Encrypt, keys) : null;
  return text === null ? null : parseText(text);
}

function decrypt(encrypted: string, { encodingAesKey, receiveId }: CallbackKeys): string | null {
  return encodingAesKey ? decryptText(encrypted, { encodingAesKey, receiveIds: [receiveId] }) : null;
}

function parseText(text: string): Record<string, unknown> | null {
  return text.startsWith('{') ? parseExactObject(text) : parseSmallXml(text);
}

function textOf({ body }: ReceiptRequest): string {
  return Buffer.from(body).toString().trim();
}

function queryOf({ url }: ReceiptRequest): URLSearchParams {
  return URL.parse(url)?.searchParams ?? new URLSearchParams();
}

/** Base64, in which a plus that was not encoded for the query became a space. */
function echoOf(query: URLSearchParams): string | null {
  return query.get('echostr')?.replaceAll(' ', '+') ?? null;
}
