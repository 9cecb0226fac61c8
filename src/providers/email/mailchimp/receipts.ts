import { createHmac } from 'node:crypto';
import type { Secret } from '../../../lib/secret.ts';
import type { Receipt, ReceiptRequest } from '../../contract.ts';
import { isEqual } from '../../wire/equal.ts';
import { asObject, asText, dateOfSeconds, parseJson } from '../mail/vendor-json.ts';
import { HAS_OPTED_OUT, IS_DEAD } from '../mail/verdict.ts';

/** Signs the empty post by which Mailchimp tries an address before its webhook, and so its key, exists. */
const TRIAL_KEY = 'test-webhook';

/**
 * `X-Mandrill-Signature`: base64 HMAC-SHA1 over the URL and the parameters sorted by name.
 * https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/#authenticating-webhook-requests
 */
export function isSigned(
  { url, headers, body }: ReceiptRequest,
  { webhookKey, webhookUrl }: { webhookKey?: Secret; webhookUrl?: string },
): boolean {
  const given = headers['x-mandrill-signature'];
  if (!given) return false;
  const form = new URLSearchParams(Buffer.from(body).toString());
  const names = [...new Set(form.keys())].sort();
  const text = (webhookUrl ?? url) + names.flatMap((name) => [name, ...form.getAll(name)]).join('');
  const isBy = (key: string) => isEqual(given, createHmac('sha1', key).update(text).digest('base64'));
  const key = webhookKey?.reveal();
  if (key && isBy(key)) return true;
  // Everybody knows this key, and it says nothing.
  return names.length === 1 && form.get('mandrill_events') === '[]' && isBy(TRIAL_KEY);
}

type Meaning = Pick<Receipt, 'event' | 'reason' | 'effect'>;

/** https://mailchimp.com/developer/transactional/docs/webhooks/#message-events; changes of lists have a `type` instead. */
const EVENTS = new Map<string, Meaning>([
  ['send', { event: 'sent' }],
  ['delivered', { event: 'delivered' }],
  ['deferral', { event: 'delayed' }],
  ['hard_bounce', { event: 'bounced', ...IS_DEAD }],
  ['soft_bounce', { event: 'bounced', reason: 'recipient_unreachable' }],
  ['open', { event: 'opened' }],
  ['click', { event: 'clicked' }],
  ['spam', { event: 'complained', ...HAS_OPTED_OUT }],
  ['unsub', { event: 'unsubscribed', ...HAS_OPTED_OUT }],
  ['reject', { event: 'failed', reason: 'provider_error' }],
]);

/** Up to a thousand events in the field of a form. */
export function parseEvents({ body }: ReceiptRequest): Receipt[] {
  const form = new URLSearchParams(Buffer.from(body).toString());
  const events = parseJson(form.get('mandrill_events') ?? '');
  return Array.isArray(events) ? events.map(asObject).flatMap(readEvent) : [];
}

function readEvent({ event, _id, ts, msg }: Record<string, unknown>): Receipt[] {
  const meaning = EVENTS.get(String(asText(event)));
  const message = asObject(msg);
  const id = asText(message._id) ?? asText(_id);
  if (meaning === undefined || id === null) return [];
  const code = meaning.event === 'bounced' ? enhancedCodeOf(message.diag) : undefined;
  return [
    {
      deliveryId: asText(asObject(message.metadata).bellhop_delivery),
      providerMessageId: id,
      at: dateOfSeconds(ts),
      // Events have no id of their own, and these parts are equal in every repeat.
      eventKey: `${event}:${id}:${String(ts)}`,
      ...meaning,
      ...(code && { code }),
    },
  ];
}

/** "smtp;550 5.1.1 The email account that you tried to reach does not exist." */
function enhancedCodeOf(diagnosis: unknown): string | undefined {
  return /\b[245]\.\d{1,3}\.\d{1,3}\b/.exec(asText(diagnosis) ?? '')?.[0];
}
