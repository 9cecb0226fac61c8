import type { Receipt, ReceiptRequest } from '../../contract.ts';
import { asObject, asText, dateOfSeconds, parseJson } from '../mail/vendor-json.ts';
import { HAS_OPTED_OUT, IS_DEAD } from '../mail/verdict.ts';
import { classifyRefusal } from '../smtp/refusal.ts';

type Meaning = Pick<Receipt, 'event' | 'reason' | 'effect'>;

/** https://documentation.mailgun.com/docs/mailgun/user-manual/events/events#event-types */
const EVENTS = new Map<string, Meaning>([
  ['accepted', { event: 'queued' }],
  ['delivered', { event: 'delivered' }],
  ['opened', { event: 'opened' }],
  ['clicked', { event: 'clicked' }],
  // Mailgun itself would not send it.
  ['rejected', { event: 'failed', reason: 'provider_error' }],
  ['complained', { event: 'complained', ...HAS_OPTED_OUT }],
  ['unsubscribed', { event: 'unsubscribed', ...HAS_OPTED_OUT }],
]);

/** `reason` of a permanent failure. */
const FAILURES = new Map<string, Meaning>([
  // On the domain's own lists, for what happened before.
  ['suppress-bounce', { event: 'failed', ...IS_DEAD }],
  ['suppress-complaint', { event: 'failed', ...HAS_OPTED_OUT }],
  ['suppress-unsubscribe', { event: 'failed', ...HAS_OPTED_OUT }],
  ['espblock', { event: 'bounced', reason: 'content_refused' }],
  // Tried for too long.
  ['old', { event: 'bounced', reason: 'recipient_unreachable' }],
  ['generic', { event: 'bounced', reason: 'recipient_unreachable' }],
]);

/** One event to a post: https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhooks */
export function parseEvent({ body }: ReceiptRequest): Receipt[] {
  const event = asObject(asObject(parseJson(body))['event-data']);
  const eventKey = asText(event.id);
  const meaning =
    event.event === 'failed' ? meaningOfFailure(event) : EVENTS.get(String(asText(event.event)));
  if (eventKey === null || meaning === undefined) return [];
  const { headers } = asObject(event.message);
  const code = event.event === 'failed' ? codeOf(asObject(event['delivery-status'])) : undefined;
  return [
    {
      deliveryId: asText(asObject(event['user-variables']).bellhop_delivery),
      providerMessageId: asText(asObject(headers)['message-id']),
      at: dateOfSeconds(event.timestamp),
      eventKey,
      ...meaning,
      ...(code && { code }),
    },
  ];
}

function meaningOfFailure(event: Record<string, unknown>): Meaning {
  // Mailgun goes on trying by itself.
  if (event.severity === 'temporary') return { event: 'delayed' };
  return FAILURES.get(String(asText(event.reason))) ?? meaningOfBounce(asObject(event['delivery-status']));
}

/** What the receiving server answered is judged as when we had asked it ourselves. */
function meaningOfBounce(status: Record<string, unknown>): Meaning {
  if (status['bounce-type'] === 'hard') return { event: 'bounced', ...IS_DEAD };
  const replyCode = typeof status.code === 'number' ? status.code : 0;
  const words = [replyCode, asText(status['enhanced-code']), asText(status.message)];
  const reply = words.filter((word) => word !== null).join(' ');
  const outcome = classifyRefusal({ replyCode, reply, command: 'RCPT TO' });
  if (outcome.kind === 'rejected') {
    const { reason, effect } = outcome;
    return { event: 'bounced', reason, ...(effect && { effect }) };
  }
  return {
    event: 'bounced',
    reason: outcome.kind === 'unavailable' ? outcome.reason : 'recipient_unreachable',
  };
}

/** The enhanced status code (RFC 3463), else the reply code, or Mailgun's own (605 to 607: on a list). */
function codeOf(status: Record<string, unknown>): string | undefined {
  const enhanced = asText(status['enhanced-code']);
  if (enhanced !== null && /^[245]\.\d{1,3}\.\d{1,3}$/.test(enhanced)) return enhanced;
  return Number.isInteger(status.code) ? String(status.code) : undefined;
}
