import { createHmac } from 'node:crypto';
import type { Secret } from '../../../lib/secret.ts';
import type { Receipt, ReceiptRequest } from '../../contract.ts';
import { isEqual } from '../../wire/equal.ts';
import { asObject, asText, dateOf, parseJson } from '../mail/vendor-json.ts';
import { HAS_OPTED_OUT, IS_DEAD } from '../mail/verdict.ts';

/** The window of Standard Webhooks; every attempt is signed anew. */
const WINDOW_MS = 5 * 60_000;

/**
 * Svix, which is Standard Webhooks under older names: HMAC-SHA256 over id, time and the raw bytes.
 * https://docs.svix.com/receiving/verifying-payloads/how-manual
 */
export function isSigned(
  { headers, body }: ReceiptRequest,
  { webhookSecret, secondaryWebhookSecret }: { webhookSecret?: Secret; secondaryWebhookSecret?: Secret },
  { now }: { now: number },
): boolean {
  const id = headers['svix-id'];
  const timestamp = headers['svix-timestamp'];
  if (!id || !timestamp || !/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(Number(timestamp) * 1000 - now) > WINDOW_MS) return false;
  const given = (headers['svix-signature'] ?? '').split(' ');
  return [webhookSecret, secondaryWebhookSecret].some((secret) => {
    const key = Buffer.from(secret?.reveal().replace(/^whsec_/, '') ?? '', 'base64');
    if (key.length === 0) return false;
    const mac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
    return given.some((signature) => isEqual(signature, `v1,${mac}`));
  });
}

type Meaning = Pick<Receipt, 'event' | 'reason' | 'effect'>;

/** https://resend.com/docs/dashboard/webhooks/event-types */
const EVENTS = new Map<string, Meaning>([
  ['email.scheduled', { event: 'queued' }],
  ['email.sent', { event: 'sent' }],
  ['email.delivery_delayed', { event: 'delayed' }],
  ['email.delivered', { event: 'delivered' }],
  ['email.opened', { event: 'opened' }],
  ['email.clicked', { event: 'clicked' }],
  ['email.complained', { event: 'complained', ...HAS_OPTED_OUT }],
  ['email.failed', { event: 'failed', reason: 'provider_error' }],
  // On Resend's own list, for a bounce or a complaint before.
  ['email.suppressed', { event: 'failed', ...HAS_OPTED_OUT }],
]);

/** One event to a post. `svix-id` is the same in every attempt at it. */
export function parseEvent({ headers, body }: ReceiptRequest): Receipt[] {
  const event = asObject(parseJson(body));
  const data = asObject(event.data);
  const type = String(asText(event.type));
  const emailId = asText(data.email_id);
  const meaning = type === 'email.bounced' ? meaningOfBounce(asObject(data.bounce)) : EVENTS.get(type);
  if (emailId === null || meaning === undefined) return [];
  return [
    {
      deliveryId: readTag(data.tags),
      providerMessageId: emailId,
      at: dateOf(event.created_at),
      eventKey: headers['svix-id'] ?? `${type}:${emailId}:${String(event.created_at)}`,
      ...meaning,
    },
  ];
}

/** Transient and undetermined bounces are no judgement on the address. */
function meaningOfBounce({ type }: Record<string, unknown>): Meaning {
  return type === 'Permanent'
    ? { event: 'bounced', ...IS_DEAD }
    : { event: 'bounced', reason: 'recipient_unreachable' };
}

/** By name in events, a list of pairs in requests; both are read. */
function readTag(tags: unknown): string | null {
  if (!Array.isArray(tags)) return asText(asObject(tags).bellhop_delivery);
  const pair = tags.map(asObject).find(({ name }) => name === 'bellhop_delivery');
  return asText(pair?.value);
}
