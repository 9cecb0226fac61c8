import type { Secret } from '../../../lib/secret.ts';
import type { Receipt, ReceiptRequest } from '../../contract.ts';
import { isEqual } from '../../wire/equal.ts';
import { parseCode } from '../../wire/parse-code.ts';
import { asObject, asText, dateOf, parseJson } from '../mail/vendor-json.ts';
import { HAS_OPTED_OUT, IS_DEAD } from '../mail/verdict.ts';

/** Postmark has no signature: who knows the password or the secret is believed. Both are worth as much as TLS keeps them. */
export function isAuthentic(
  { headers }: ReceiptRequest,
  config: { webhookUsername?: string; webhookPassword?: Secret; webhookSecret?: Secret },
): boolean {
  const { webhookUsername = '', webhookPassword, webhookSecret } = config;
  const secret = webhookSecret?.reveal();
  const given = headers['x-bellhop-secret'];
  if (secret && given !== undefined && isEqual(given, secret)) return true;
  const password = webhookPassword?.reveal();
  const [, credentials] = /^Basic ([A-Za-z0-9+/]+={0,2})$/i.exec(headers.authorization ?? '') ?? [];
  if (!password || credentials === undefined) return false;
  return isEqual(Buffer.from(credentials, 'base64').toString(), `${webhookUsername}:${password}`);
}

type Meaning = Pick<Receipt, 'event' | 'reason' | 'effect'>;

/** https://postmarkapp.com/developer/api/bounce-api#bounce-types; the types that are no end of a mail are left out. */
const BOUNCES = new Map<string, Meaning>([
  ['HardBounce', { event: 'bounced', ...IS_DEAD }],
  ['BadEmailAddress', { event: 'bounced', ...IS_DEAD }],
  ['SoftBounce', { event: 'bounced', reason: 'recipient_unreachable' }],
  ['Transient', { event: 'bounced', reason: 'recipient_unreachable' }],
  ['DnsError', { event: 'bounced', reason: 'recipient_unreachable' }],
  ['Unknown', { event: 'bounced', reason: 'recipient_unreachable' }],
  ['Blocked', { event: 'bounced', reason: 'content_refused' }],
  ['SpamNotification', { event: 'bounced', reason: 'content_refused' }],
  ['DMARCPolicy', { event: 'bounced', reason: 'account_misconfigured' }],
  ['SMTPApiError', { event: 'bounced', reason: 'provider_error' }],
  ['ManuallyDeactivated', { event: 'failed', ...HAS_OPTED_OUT }],
  ['Unsubscribe', { event: 'unsubscribed', ...HAS_OPTED_OUT }],
  ['SpamComplaint', { event: 'complained', ...HAS_OPTED_OUT }],
  ['VirusNotification', { event: 'failed', reason: 'content_refused' }],
  ['TemplateRenderingFailed', { event: 'failed', reason: 'content_invalid' }],
]);

/** One record to a post: https://postmarkapp.com/developer/webhooks/webhooks-overview */
export function parseRecord({ body }: ReceiptRequest): Receipt[] {
  const record = asObject(parseJson(body));
  const messageId = asText(record.MessageID);
  const meaning = meaningOf(record);
  if (messageId === null || meaning === undefined) return [];
  const when = [record.DeliveredAt, record.BouncedAt, record.ReceivedAt, record.ChangedAt].find(
    (value) => asText(value) !== null,
  );
  const who = asText(record.Recipient) ?? asText(record.Email) ?? '';
  const code = record.RecordType === 'Bounce' ? parseCode(record.Type) : undefined;
  return [
    {
      deliveryId: asText(asObject(record.Metadata).bellhop_delivery),
      providerMessageId: messageId,
      at: dateOf(when),
      // Only bounces and complaints have ids of their own; these parts are equal in every repeat of one post.
      eventKey: [record.RecordType, record.Type ?? '', messageId, who, String(when ?? '')].join(':'),
      ...meaning,
      ...(code && { code }),
    },
  ];
}

function meaningOf(record: Record<string, unknown>): Meaning | undefined {
  switch (record.RecordType) {
    case 'Delivery':
      return { event: 'delivered' };
    case 'Open':
      return { event: 'opened' };
    case 'Click':
      return { event: 'clicked' };
    case 'SpamComplaint':
      return { event: 'complained', ...HAS_OPTED_OUT };
    case 'Bounce':
      return BOUNCES.get(String(asText(record.Type)));
    case 'SubscriptionChange':
      // A bounce and a complaint are told by records of their own.
      return record.SuppressSending === true && record.SuppressionReason === 'ManualSuppression'
        ? { event: 'unsubscribed', ...HAS_OPTED_OUT }
        : undefined;
    default:
      return undefined;
  }
}
