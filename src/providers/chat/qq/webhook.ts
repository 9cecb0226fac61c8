import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { Secret } from '../../../lib/secret.ts';
import type { InboundMessage, Receipt, ReceiptRequest } from '../../contract.ts';
import { idOf, parseExactObject } from '../../wire/exact-json.ts';

const TOLERANCE_MS = 5 * 60_000;
const EVENT = 0;
const TRIAL = 13;
const SEED_BYTES = 32;
/** RFC 8410, 7: an Ed25519 private key in PKCS#8, up to the seed. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

const KEYS = new WeakMap<Secret, KeyObject>();

/** The key pair that the bot and QQ both make of the bot's secret, repeated until it is long enough. */
function keyOf(secret: Secret): KeyObject {
  const known = KEYS.get(secret);
  if (known) return known;
  const bytes = Buffer.from(secret.reveal());
  const seed = Buffer.alloc(SEED_BYTES);
  for (let at = 0; at < SEED_BYTES && bytes.length > 0; at += bytes.length) bytes.copy(seed, at);
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' });
  KEYS.set(secret, key);
  return key;
}

/**
 * `X-Signature-Ed25519`, in hex, over the timestamp and the bytes of the body. Five minutes old at most: who blocked the
 * bot must not be taken up again by an earlier post.
 * https://bot.q.qq.com/wiki/develop/api-v2/dev-prepare/interface-framework/sign.html
 */
export function isSigned({ headers, body }: ReceiptRequest, secret: Secret, now: number): boolean {
  const signature = headers['x-signature-ed25519'] ?? '';
  const timestamp = headers['x-signature-timestamp'] ?? '';
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(now - Number(timestamp) * 1000) > TOLERANCE_MS) return false;
  if (!/^[0-9a-f]{128}$/i.test(signature)) return false;
  const signed = Buffer.concat([Buffer.from(timestamp), body]);
  return verify(null, signed, createPublicKey(keyOf(secret)), Buffer.from(signature, 'hex'));
}

/**
 * The answer to a trial of the address: its token, signed with our key. Only for signed posts: what it signs could else be
 * chosen so that it passes for a post of QQ.
 */
export function answerTrial(
  request: ReceiptRequest,
  secret: Secret,
  verified: boolean,
): { contentType: string; body: string } | null {
  const post = readPost(request);
  const { plain_token: token, event_ts: timestamp } = asObject(post?.d);
  if (!verified || post?.op !== TRIAL || typeof token !== 'string' || typeof timestamp !== 'string')
    return null;
  const signature = sign(null, Buffer.from(timestamp + token), keyOf(secret)).toString('hex');
  return { contentType: 'application/json', body: JSON.stringify({ plain_token: token, signature }) };
}

/** Messages that QQ looks at before it shows them are named by the number of that, which was the answer when they were sent. */
export function readReceipts(request: ReceiptRequest): Receipt[] {
  const post = readPost(request);
  const data = asObject(post?.d);
  const id = idOf(data.audit_id);
  if (post?.op !== EVENT || !id) return [];
  const receipt = { deliveryId: null, providerMessageId: id, at: timeOf(data.audit_time) };
  switch (post.t) {
    case 'MESSAGE_AUDIT_PASS':
      return [{ ...receipt, event: 'sent', eventKey: `${id}:pass` }];
    case 'MESSAGE_AUDIT_REJECT':
      return [
        {
          ...receipt,
          event: 'failed',
          eventKey: `${id}:reject`,
          reason: 'content_refused',
          code: 'audit_reject',
        },
      ];
    default:
      return [];
  }
}

const STOPS = /^(FRIEND_DEL|C2C_MSG_REJECT|GROUP_DEL_ROBOT|GROUP_MSG_REJECT)$/;
const STARTS = /^(FRIEND_ADD|C2C_MSG_RECEIVE|GROUP_ADD_ROBOT|GROUP_MSG_RECEIVE)$/;

/** What people said to the bot alone, and whether they, or a group, want its messages. In a group one speaks for himself. */
export function readMessages(request: ReceiptRequest): InboundMessage[] {
  const post = readPost(request);
  if (post?.op !== EVENT || typeof post.t !== 'string') return [];
  const data = asObject(post.d);
  if (post.t === 'C2C_MESSAGE_CREATE') {
    const author = asObject(data.author);
    const openid = idOf(author.user_openid) ?? idOf(author.id);
    return openid && typeof data.content === 'string' ? [{ from: `user:${openid}`, text: data.content }] : [];
  }
  const wish = STOPS.test(post.t) ? 'stop' : STARTS.test(post.t) ? 'start' : undefined;
  const isGroup = post.t.startsWith('GROUP_');
  const id = isGroup ? idOf(data.group_openid) : idOf(data.openid);
  return wish && id ? [{ from: `${isGroup ? 'group' : 'user'}:${id}`, text: '', wish }] : [];
}

function readPost({ body }: ReceiptRequest): Record<string, unknown> | null {
  return parseExactObject(Buffer.from(body).toString());
}

/** ISO 8601 with a zone, or seconds. */
function timeOf(value: unknown): number | null {
  const text = idOf(value) ?? '';
  const at = /^\d{1,11}$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  return Number.isNaN(at) ? null : at;
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
