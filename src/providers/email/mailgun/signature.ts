import { createHash, createHmac } from 'node:crypto';
import { Lru } from '../../../lib/lru.ts';
import type { Secret } from '../../../lib/secret.ts';
import type { ReceiptRequest } from '../../contract.ts';
import { isEqual } from '../../wire/equal.ts';
import { asObject, asText, parseJson } from '../mail/vendor-json.ts';

/** Mailgun repeats a post for eight hours, and does not say whether it signs anew. */
const WINDOW_MS = 9 * 3_600_000;
const MAX_TOKENS = 50_000;

/** Which body each token came with. Only tokens with a right signature get here. */
const BODIES = new Lru<string>(MAX_TOKENS);

/**
 * HMAC-SHA256 over time and token, in hexadecimal. It covers nothing of the event, so one who saw one signature could
 * tell any story with it: a token vouches for the first body that this process saw with it, and for no other.
 * https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks
 */
export function isSigned(
  { body }: ReceiptRequest,
  { webhookSigningKey }: { webhookSigningKey?: Secret },
  { now }: { now: number },
): boolean {
  const { timestamp, token, signature } = asObject(asObject(parseJson(body)).signature);
  const key = webhookSigningKey?.reveal();
  const time = String(asText(timestamp) ?? (Number.isInteger(timestamp) ? timestamp : ''));
  const given = asText(signature);
  const nonce = asText(token);
  if (!key || given === null || nonce === null || nonce.length > 128 || !/^\d{1,12}$/.test(time))
    return false;
  if (Math.abs(Number(time) * 1000 - now) > WINDOW_MS) return false;
  const expected = createHmac('sha256', key)
    .update(time + nonce)
    .digest('hex');
  return isEqual(given, expected) && isFirstBody(`${expected}:${nonce}`, body);
}

/** A repeat of the same bytes is a retry, and welcome. */
function isFirstBody(token: string, body: Uint8Array): boolean {
  const digest = createHash('sha256').update(body).digest('base64');
  const known = BODIES.get(token);
  if (known !== undefined) return known === digest;
  BODIES.set(token, digest);
  return true;
}
