import { createHash } from 'node:crypto';
import type { Secret } from '../../../lib/secret.ts';
import {
  type InboundMessage,
  parseObject,
  type Receipt,
  type ReceiptEvent,
  type ReceiptRequest,
} from '../../contract.ts';
import { isEqual } from '../../wire/equal.ts';
import { readSignedJwt } from '../../wire/read-jwt.ts';
import { causeOf } from '../../wire/verdict.ts';
import { toE164 } from '../number/number.ts';
import { codeOf, outcomeOf } from './errors.ts';

/** How far the clock that signed may be from ours. Vonage names no limit. */
const TOLERANCE_MS = 5 * 60_000;

/**
 * A JWT (HS256, the account's signature secret) whose `payload_hash` is the SHA-256 of the raw body:
 * https://developer.vonage.com/en/getting-started/concepts/webhooks#decoding-signed-webhooks
 */
export function isSigned(
  { headers, body }: ReceiptRequest,
  { apiKey, secrets }: { apiKey: string; secrets: Secret[] },
  now: number,
): boolean {
  const [, token] = /^Bearer (\S+)$/i.exec(headers.authorization ?? '') ?? [];
  const claims = token && readSignedJwt(token, secrets, ['HS256']);
  if (!claims) return false;
  const { iat, payload_hash: payloadHash, api_key: claimedKey } = claims;
  if (typeof iat !== 'number' || Math.abs(now - iat * 1_000) > TOLERANCE_MS) return false;
  if (claimedKey !== undefined && claimedKey !== apiKey) return false;
  const expected = createHash('sha256').update(body).digest('hex');
  return typeof payloadHash === 'string' && isEqual(payloadHash.toLowerCase(), expected);
}

const EVENTS = new Map<unknown, ReceiptEvent>([
  ['submitted', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'opened'],
  ['rejected', 'failed'],
  ['undeliverable', 'failed'],
]);
const SENT_ALREADY = '1320';

/** A message status webhook: https://developer.vonage.com/en/api/messages-olympus#message-status */
export function parseStatus({ url, body }: ReceiptRequest): Receipt[] {
  const status = parseObject(Buffer.from(body).toString());
  const event = EVENTS.get(status?.status);
  const id = status?.message_uuid;
  if (!status || !event || typeof id !== 'string' || id === '') return [];
  const code = codeOf(objectOf(status.error));
  if (code === SENT_ALREADY) return [];
  const cause = event === 'failed' ? causeOf(outcomeOf(code ?? ''), code) : undefined;
  const reference = typeof status.client_ref === 'string' ? status.client_ref : '';
  const at = typeof status.timestamp === 'string' ? Date.parse(status.timestamp) : Number.NaN;
  return [
    {
      event: status.status === 'undeliverable' && cause?.effect ? 'bounced' : event,
      deliveryId: URL.parse(url)?.searchParams.get('delivery') || reference || null,
      providerMessageId: id,
      at: Number.isNaN(at) ? null : at,
      eventKey: `${id}:${status.status}`,
      ...cause,
    },
  ];
}

/** What a user sent to a number of the application: https://developer.vonage.com/en/api/messages-olympus#inbound-message */
export function parseInbound({ body }: ReceiptRequest): InboundMessage[] {
  const message = parseObject(Buffer.from(body).toString());
  if (!message || 'status' in message || message.channel !== 'sms') return [];
  const { from, text } = message;
  return typeof from === 'string' && from !== '' && typeof text === 'string'
    ? [{ from: toE164(from), text }]
    : [];
}

function objectOf(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
}
