import { createPublicKey, verify } from 'node:crypto';
import type { Receipt, ReceiptRequest } from '../../contract.ts';
import { asObject, asText, dateOfSeconds, parseJson } from '../mail/vendor-json.ts';
import { HAS_OPTED_OUT, IS_DEAD } from '../mail/verdict.ts';

/**
 * ECDSA (P-256, SHA-256, DER) over the timestamp's text and the raw bytes, which end in CRLF. The time is not judged:
 * SendGrid repeats for a day, and a repeated event changes nothing.
 * https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
 */
export function isSigned(
  { headers, body }: ReceiptRequest,
  { webhookPublicKey }: { webhookPublicKey?: string },
): boolean {
  const signature = headers['x-twilio-email-event-webhook-signature'];
  const timestamp = headers['x-twilio-email-event-webhook-timestamp'];
  if (!webhookPublicKey || !signature || !timestamp) return false;
  try {
    const key = createPublicKey({
      key: Buffer.from(webhookPublicKey, 'base64'),
      format: 'der',
      type: 'spki',
    });
    if (key.asymmetricKeyType !== 'ec') return false;
    return verify(
      'sha256',
      Buffer.concat([Buffer.from(timestamp), body]),
      key,
      Buffer.from(signature, 'base64'),
    );
  } catch {
    return false;
  }
}

type Meaning = Pick<Receipt, 'event' | 'reason' | 'effect'>;

/** https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event#events */
const EVENTS = new Map<string, Meaning | ((event: Record<string, unknown>) => Meaning)>([
  // Handed to SendGrid's mail server, not yet to anybody else's.
  ['processed', { event: 'queued' }],
  ['deferred', { event: 'delayed' }],
  ['delivered', { event: 'delivered' }],
  ['bounce', meaningOfBounce],
  ['dropped', meaningOfDrop],
  ['open', { event: 'opened' }],
  ['click', { event: 'clicked' }],
  ['spamreport', { event: 'complained', ...HAS_OPTED_OUT }],
  ['unsubscribe', { event: 'unsubscribed', ...HAS_OPTED_OUT }],
  // One group of mails only: the rest may go on.
  ['group_unsubscribe', { event: 'unsubscribed', reason: 'recipient_opted_out' }],
]);

/** A batch: any order, and some events more than once. */
export function parseEvents({ body }: ReceiptRequest): Receipt[] {
  const events = parseJson(body);
  return Array.isArray(events) ? events.map(asObject).flatMap(readEvent) : [];
}

function readEvent(event: Record<string, unknown>): Receipt[] {
  const found = EVENTS.get(String(asText(event.event)));
  const eventKey = asText(event.sg_event_id);
  if (found === undefined || eventKey === null) return [];
  const meaning = typeof found === 'function' ? found(event) : found;
  return [
    {
      deliveryId: asText(event.bellhop_delivery),
      // `{X-Message-Id of the answer}.{which server, which recipient}`
      providerMessageId: asText(event.sg_message_id)?.split('.', 1)[0] ?? null,
      at: dateOfSeconds(event.timestamp),
      eventKey,
      ...meaning,
      ...codeOf(event),
    },
  ];
}

/** Only an invalid address is for good; a full mailbox or a bad reputation is not the recipient's end. */
function meaningOfBounce({ type, bounce_classification }: Record<string, unknown>): Meaning {
  if (type === 'blocked') return { event: 'bounced', reason: 'content_refused' };
  if (bounce_classification === 'Invalid Address') return { event: 'bounced', ...IS_DEAD };
  const isRefused = /^(Content|Reputation)$/.test(String(asText(bounce_classification)));
  return { event: 'bounced', reason: isRefused ? 'content_refused' : 'recipient_unreachable' };
}

/** SendGrid did not even try: https://www.twilio.com/docs/sendgrid/glossary/drops */
function meaningOfDrop({ reason }: Record<string, unknown>): Meaning {
  const said = String(asText(reason));
  // "Bounced Address", "Invalid"
  if (/^(bounced address|invalid)/i.test(said)) return { event: 'failed', ...IS_DEAD };
  // "Spam Reporting Address", "Unsubscribed Address"
  if (/^(spam reporting|unsubscribed) address/i.test(said)) return { event: 'failed', ...HAS_OPTED_OUT };
  // "Spam Content (if Spam Checker app enabled)"
  if (/^spam content/i.test(said)) return { event: 'failed', reason: 'content_refused' };
  // "Recipient List over Package Quota"
  if (/over package quota/i.test(said)) return { event: 'failed', reason: 'quota_exhausted' };
  return { event: 'failed', reason: 'provider_error' };
}

/** The receiving server's enhanced status code (RFC 3463). */
function codeOf({ status }: Record<string, unknown>): Pick<Receipt, 'code'> {
  const code = asText(status);
  return code !== null && /^[245]\.\d{1,3}\.\d{1,3}$/.test(code) ? { code } : {};
}
