import { createDecipheriv, createHash } from 'node:crypto';
import type { Secret } from '../../../lib/secret.ts';
import type { Receipt, ReceiptRequest } from '../../contract.ts';
import { isEqual } from '../../wire/equal.ts';
import { idOf, parseExactObject } from '../../wire/exact-json.ts';

/** What the console of the app shows beside the address for events. */
export interface EventKeys {
  encryptKey?: Secret;
  verificationToken?: Secret;
}

type Event = Record<string, unknown>;

const MAX_AGE_MS = 300_000;

/**
 * With an encrypt key: `X-Lark-Signature`, hex SHA-256 of timestamp, nonce, key and raw body, not older than five
 * minutes. Without one: the verification token within the post.
 * https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/encrypt-key-encryption-configuration-case
 */
export function isFromFeishu(request: ReceiptRequest, keys: EventKeys, now: number): boolean {
  const { encryptKey, verificationToken } = keys;
  if (!encryptKey)
    return verificationToken !== undefined && holdsToken(openEvent(request, keys), verificationToken);
  const { headers, body } = request;
  const timestamp = headers['x-lark-request-timestamp'] ?? '';
  const nonce = headers['x-lark-request-nonce'] ?? '';
  const given = headers['x-lark-signature'];
  if (!given || !/^\d{1,12}$/.test(timestamp) || Math.abs(now - Number(timestamp) * 1000) > MAX_AGE_MS)
    return false;
  const expected = createHash('sha256')
    .update(timestamp + nonce + encryptKey.reveal())
    .update(body)
    .digest('hex');
  return isEqual(given, expected);
}

/** The challenge of `url_verification`, which is signed by nothing but the verification token, if there is one. */
export function challengeOf(request: ReceiptRequest, keys: EventKeys, verified: boolean): string | null {
  const event = openEvent(request, keys);
  if (event?.type !== 'url_verification' || typeof event.challenge !== 'string') return null;
  const { verificationToken, encryptKey } = keys;
  const isKnown = verificationToken ? holdsToken(event, verificationToken) : encryptKey !== undefined;
  return verified || isKnown ? event.challenge : null;
}

/** Who read which messages: `im.message.message_read_v1`. */
export function readReceipts(request: ReceiptRequest, keys: EventKeys): Receipt[] {
  const envelope = openEvent(request, keys);
  const header = objectOf(envelope?.header);
  const event = objectOf(envelope?.event);
  if (header?.event_type !== 'im.message.message_read_v1' || !Array.isArray(event?.message_id_list))
    return [];
  const readAt = Number(objectOf(event.reader)?.read_time);
  const at = Number.isSafeInteger(readAt) && readAt > 0 ? readAt : null;
  return event.message_id_list.flatMap((value): Receipt[] => {
    const id = idOf(value);
    if (id === undefined) return [];
    return [{ event: 'opened', deliveryId: null, providerMessageId: id, at, eventKey: `${id}:read` }];
  });
}

function holdsToken(event: Event | null, token: Secret): boolean {
  const given = event?.token ?? objectOf(event?.header)?.token;
  return typeof given === 'string' && isEqual(given, token.reveal());
}

/** The event in the clear, or null. AES-256-CBC with the SHA-256 of the key; the first 16 bytes are the IV. */
export function openEvent({ body }: ReceiptRequest, { encryptKey }: EventKeys): Event | null {
  const post = parseExactObject(Buffer.from(body).toString());
  if (!post || typeof post.encrypt !== 'string') return encryptKey ? null : post;
  if (!encryptKey) return null;
  const text = decrypt(post.encrypt, encryptKey);
  return text === null ? null : parseExactObject(text);
}

export function decrypt(encrypted: string, encryptKey: Secret): string | null {
  const raw = Buffer.from(encrypted, 'base64');
  if (raw.length < 32 || raw.length % 16 !== 0) return null;
  const key = createHash('sha256').update(encryptKey.reveal()).digest();
  const decipher = createDecipheriv('aes-256-cbc', key, raw.subarray(0, 16));
  try {
    return Buffer.concat([decipher.update(raw.subarray(16)), decipher.final()]).toString();
  } catch {
    return null;
  }
}

function objectOf(value: unknown): Event | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Event) : null;
}
