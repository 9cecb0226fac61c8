import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Receipt } from '../../contract.ts';
import { DELIVERY, NOW, posted } from '../mail/testing.ts';
import { parseNotification } from './events.ts';

const suppress = { effect: { type: 'suppress-contact' } } as const;
const mail = {
  messageId: 'ses1',
  timestamp: '2026-11-21T11:59:00.000Z',
  destination: ['ann@example.org'],
  tags: { bellhop_delivery: [DELIVERY], 'ses:configuration-set': ['events'] },
};
const parse = (event: object, envelope: object = {}) =>
  parseNotification(
    posted({
      Type: 'Notification',
      MessageId: 'sns1',
      Message: JSON.stringify({ mail, ...event }),
      ...envelope,
    }),
  );
const bounce = (bounceType: string, bounceSubType: string, status = '') => ({
  eventType: 'Bounce',
  bounce: {
    bounceType,
    bounceSubType,
    bouncedRecipients: [{ emailAddress: 'ann@example.org', action: 'failed', status }],
    feedbackId: 'f1',
  },
});

test('an event names our delivery, the id of the answer, its own time, and the id of its notification', () => {
  const event = { eventType: 'Delivery', delivery: { timestamp: '2026-11-21T12:00:00.000Z' } };
  const named = { deliveryId: DELIVERY, providerMessageId: 'ses1', eventKey: 'sns1' };
  assert.deepEqual(parse(event), [{ event: 'delivered', ...named, at: NOW }]);
  assert.deepEqual(parse({ eventType: 'Send', send: {} }), [{ event: 'sent', ...named, at: NOW - 60_000 }]);
});

test('each event is told in our words', () => {
  const table: [object, Partial<Receipt>][] = [
    [{ eventType: 'DeliveryDelay', deliveryDelay: { delayType: 'MailboxFull' } }, { event: 'delayed' }],
    [{ eventType: 'Open', open: { userAgent: 'x' } }, { event: 'opened' }],
    [{ eventType: 'Click', click: { link: 'https://acme.org' } }, { event: 'clicked' }],
    [
      { eventType: 'Reject', reject: { reason: 'Bad content' } },
      { event: 'failed', reason: 'content_refused' },
    ],
    [{ eventType: 'Rendering Failure' }, { event: 'failed', reason: 'content_invalid' }],
    [
      bounce('Permanent', 'General', '5.1.1'),
      { event: 'bounced', reason: 'recipient_invalid', code: '5.1.1', ...suppress },
    ],
    [bounce('Permanent', 'NoEmail'), { event: 'bounced', reason: 'recipient_invalid', ...suppress }],
    [bounce('Permanent', 'Suppressed'), { event: 'failed', reason: 'recipient_opted_out', ...suppress }],
    [
      bounce('Permanent', 'OnAccountSuppressionList'),
      { event: 'failed', reason: 'recipient_opted_out', ...suppress },
    ],
    [
      bounce('Permanent', 'UnsubscribedRecipient'),
      { event: 'failed', reason: 'recipient_opted_out', ...suppress },
    ],
    [bounce('Transient', 'MailboxFull'), { event: 'bounced', reason: 'recipient_unreachable' }],
    [bounce('Transient', 'MessageTooLarge'), { event: 'bounced', reason: 'content_too_large' }],
    [bounce('Transient', 'ContentRejected'), { event: 'bounced', reason: 'content_refused' }],
    [bounce('Transient', 'AttachmentRejected'), { event: 'bounced', reason: 'content_refused' }],
    [bounce('Undetermined', 'Undetermined'), { event: 'bounced', reason: 'recipient_unreachable' }],
    [
      { eventType: 'Complaint', complaint: { complaintFeedbackType: 'abuse' } },
      { event: 'complained', reason: 'recipient_opted_out', ...suppress },
    ],
    [
      { eventType: 'Subscription', subscription: { newTopicPreferences: { unsubscribeAll: true } } },
      { event: 'unsubscribed', reason: 'recipient_opted_out', ...suppress },
    ],
    [
      {
        eventType: 'Subscription',
        subscription: {
          newTopicPreferences: {
            unsubscribeAll: false,
            topicSubscriptionStatus: [{ topicName: 'a', subscriptionStatus: 'OptOut' }],
          },
        },
      },
      { event: 'unsubscribed', reason: 'recipient_opted_out' },
    ],
  ];
  for (const [event, expected] of table) {
    const [receipt, ...others] = parse(event);
    assert.deepEqual(others, []);
    const { deliveryId, providerMessageId, at, eventKey, ...told } = receipt!;
    assert.deepEqual(told, expected, JSON.stringify(event));
  }
});

test('a feedback notification, which has no tags, is found by the id of the answer', () => {
  const event = { ...bounce('Permanent', 'General'), eventType: undefined, notificationType: 'Bounce' };
  const [receipt] = parse({ ...event, mail: { ...mail, tags: undefined } });
  assert.equal(receipt!.event, 'bounced');
  assert.equal(receipt!.deliveryId, null);
  assert.equal(receipt!.providerMessageId, 'ses1');
});

test('what is no event of a mail is ignored', () => {
  assert.deepEqual(parse({ eventType: 'Complaint', complaint: { complaintFeedbackType: 'not-spam' } }), []);
  assert.deepEqual(parse({ eventType: 'constructor' }), []);
  assert.deepEqual(parse({ eventType: 'Delivery', mail: {} }), []);
  const text = 'Successfully validated SNS topic for Amazon SES event publishing.';
  assert.deepEqual(parse({}, { Message: text }), []);
  assert.deepEqual(parse({ eventType: 'Delivery' }, { Type: 'SubscriptionConfirmation' }), []);
});
