import type { Receipt, ReceiptRequest } from '../../contract.ts';
import { asObject, asText, dateOf, parseJson } from '../mail/vendor-json.ts';
import { HAS_OPTED_OUT, IS_DEAD } from '../mail/verdict.ts';
import { readEnvelope } from './sns.ts';

type Meaning = Pick<Receipt, 'event' | 'reason' | 'effect' | 'code'>;
type Read = (event: Record<string, unknown>) => Meaning | undefined;

/** https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html */
const EVENTS = new Map<string, Meaning | Read>([
  ['Send', { event: 'sent' }],
  ['Delivery', { event: 'delivered' }],
  ['DeliveryDelay', { event: 'delayed' }],
  ['Open', { event: 'opened' }],
  ['Click', { event: 'clicked' }],
  // "Bad content": a virus.
  ['Reject', { event: 'failed', reason: 'content_refused' }],
  ['Rendering Failure', { event: 'failed', reason: 'content_invalid' }],
  ['Bounce', meaningOfBounce],
  ['Complaint', meaningOfComplaint],
  ['Subscription', meaningOfSubscription],
]);

/** The part of an event that has its time, by type; `mail` has that of sending. */
const PARTS = new Map(
  'Delivery DeliveryDelay Open Click Bounce Complaint Subscription'
    .split(' ')
    .map((type) => [type, `${type.charAt(0).toLowerCase()}${type.slice(1)}`]),
);

/**
 * An event of SES in a notification of SNS. The message may also be plain text ("Successfully validated SNS topic …"),
 * and an older feedback notification calls its type differently and has no tags.
 */
export function parseNotification(request: ReceiptRequest): Receipt[] {
  const envelope = readEnvelope(request);
  const eventKey = asText(envelope.MessageId);
  const event = asObject(parseJson(asText(envelope.Message) ?? ''));
  const type = String(asText(event.eventType) ?? asText(event.notificationType));
  const found = EVENTS.get(type);
  const meaning = typeof found === 'function' ? found(event) : found;
  const { messageId, tags, timestamp } = asObject(event.mail);
  if (envelope.Type !== 'Notification' || eventKey === null || asText(messageId) === null) return [];
  if (meaning === undefined) return [];
  const tag = asObject(tags).bellhop_delivery;
  const part = asObject(event[PARTS.get(type) ?? '']);
  return [
    {
      deliveryId: Array.isArray(tag) ? asText(tag[0]) : null,
      providerMessageId: asText(messageId),
      at: dateOf(part.timestamp) ?? dateOf(timestamp),
      eventKey,
      ...meaning,
    },
  ];
}

/** https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types */
function meaningOfBounce(event: Record<string, unknown>): Meaning {
  const { bounceType, bounceSubType, bouncedRecipients } = asObject(event.bounce);
  const [recipient] = Array.isArray(bouncedRecipients) ? bouncedRecipients : [];
  const status = asText(asObject(recipient).status);
  const code = status !== null && /^[245]\.\d{1,3}\.\d{1,3}$/.test(status) ? { code: status } : {};
  if (bounceType !== 'Permanent') return { event: 'bounced', ...reasonOfSoft(bounceSubType), ...code };
  if (bounceSubType === 'UnsubscribedRecipient') return { event: 'failed', ...HAS_OPTED_OUT, ...code };
  // On a list, for a bounce or a complaint before: it was not sent.
  if (/^(Suppressed|OnAccountSuppressionList)$/.test(String(asText(bounceSubType))))
    return { event: 'failed', ...HAS_OPTED_OUT, ...code };
  return { event: 'bounced', ...IS_DEAD, ...code };
}

function reasonOfSoft(subType: unknown): Pick<Receipt, 'reason'> {
  if (subType === 'MessageTooLarge') return { reason: 'content_too_large' };
  if (subType === 'ContentRejected' || subType === 'AttachmentRejected') return { reason: 'content_refused' };
  return { reason: 'recipient_unreachable' };
}

function meaningOfComplaint(event: Record<string, unknown>): Meaning | undefined {
  // Somebody took it out of the spam folder.
  if (asObject(event.complaint).complaintFeedbackType === 'not-spam') return undefined;
  return { event: 'complained', ...HAS_OPTED_OUT };
}

/** By the preference page of SES itself: of everything, or of one topic. */
function meaningOfSubscription(event: Record<string, unknown>): Meaning | undefined {
  const preferences = asObject(asObject(event.subscription).newTopicPreferences);
  if (preferences.unsubscribeAll === true) return { event: 'unsubscribed', ...HAS_OPTED_OUT };
  const topics = preferences.topicSubscriptionStatus;
  const hasLeft =
    Array.isArray(topics) && topics.some((topic) => asObject(topic).subscriptionStatus === 'OptOut');
  return hasLeft ? { event: 'unsubscribed', reason: 'recipient_opted_out' } : undefined;
}
