import { createHash, createHmac } from 'node:crypto';
import type { Secret } from '../../../lib/secret.ts';
import type { InboundMessage, Receipt, ReceiptEvent, ReceiptRequest } from '../../contract.ts';
import { isEqual } from '../../wire/equal.ts';
import { outcomeOf } from './errors.ts';

/**
 * `X-Twilio-Signature`: base64 HMAC-SHA1 of the URL, and for a form of its parameters sorted by name; a JSON body is
 * covered by `bodySHA256` in the query. https://www.twilio.com/docs/usage/webhooks/webhooks-security
 */
export function isSigned({ url, headers, body }: ReceiptRequest, authTokens: Secret[]): boolean {
  const given = headers['x-twilio-signature'];
  if (!given) return false;
  const bodyHash = URL.parse(url)?.searchParams.get('bodySHA256');
  if (bodyHash && !isEqual(bodyHash, createHash('sha256').update(body).digest('hex'))) return false;
  const parameters = bodyHash ? '' : signedParameters(new URLSearchParams(Buffer.from(body).toString()));
  return authTokens.some((token) =>
    spellings(url).some((spelling) => {
      const mac = createHmac('sha1', token.reveal()).update(spelling + parameters);
      return isEqual(given, mac.digest('base64'));
    }),
  );
}

function signedParameters(form: URLSearchParams): string {
  return [...new Set(form.keys())]
    .sort()
    .flatMap((name) => [...new Set(form.getAll(name))].sort().map((value) => name + value))
    .join('');
}

/** Twilio signs without the fragment, and with or without the default port. */
function spellings(url: string): string[] {
  const signed = url.split('#', 1)[0]!;
  const [, scheme, host, port, rest] = /^(https?):\/\/([^/?:]+)(:\d+)?(.*)$/s.exec(signed) ?? [];
  const defaultPort = scheme === 'https' ? ':443' : ':80';
  if (port === undefined)
    return host === undefined ? [signed] : [signed, `${scheme}://${host}${defaultPort}${rest}`];
  return port === defaultPort ? [signed, `${scheme}://${host}${rest}`] : [signed];
}

/** https://www.twilio.com/docs/messaging/api/message-resource#message-status-values, less those of inbound messages. */
const EVENTS = new Map<string, ReceiptEvent>([
  ['accepted', 'queued'],
  ['scheduled', 'queued'],
  ['queued', 'queued'],
  ['sending', 'queued'],
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['partially_delivered', 'delivered'],
  ['read', 'opened'],
  ['undelivered', 'failed'],
  ['failed', 'failed'],
  ['canceled', 'failed'],
]);

/** A status callback: https://www.twilio.com/docs/messaging/guides/track-outbound-message-status */
export function parseStatusCallback({ url, body }: ReceiptRequest): Receipt[] {
  const form = new URLSearchParams(Buffer.from(body).toString());
  const messageSid = form.get('MessageSid') ?? form.get('SmsSid');
  const status = form.get('MessageStatus') ?? form.get('SmsStatus') ?? '';
  const event = EVENTS.get(status);
  if (!messageSid || !event) return [];
  const cause = event === 'failed' ? causeOf(form.get('ErrorCode')) : undefined;
  return [
    {
      event: status === 'undelivered' && cause?.effect ? 'bounced' : event,
      deliveryId: URL.parse(url)?.searchParams.get('delivery') || null,
      providerMessageId: messageSid,
      at: null,
      eventKey: `${messageSid}:${status}`,
      ...cause,
    },
  ];
}

/**
 * A message to one of our numbers: https://www.twilio.com/docs/messaging/guides/webhook-request. `OptOutType` comes with
 * Advanced Opt-Out, whose words the customer may have chosen.
 */
export function parseInbound({ body }: ReceiptRequest): InboundMessage[] {
  const form = new URLSearchParams(Buffer.from(body).toString());
  const from = form.get('From');
  const text = form.get('Body');
  if (!from || text === null || form.has('MessageStatus') || form.get('SmsStatus') !== 'received') return [];
  const wish = WISHES.get(form.get('OptOutType') ?? '');
  return [{ from, text, ...(wish && { wish }) }];
}

const WISHES = new Map<string, InboundMessage['wish']>([
  ['STOP', 'stop'],
  ['START', 'start'],
  ['HELP', 'help'],
]);

function causeOf(code: string | null): Pick<Receipt, 'reason' | 'code' | 'effect'> {
  if (!code) return { reason: 'provider_error' };
  const outcome = outcomeOf(code);
  if (outcome === undefined || !('reason' in outcome)) return { reason: 'provider_error', code };
  const effect = outcome.kind === 'rejected' ? outcome.effect : undefined;
  return { reason: outcome.reason, code, ...(effect && { effect }) };
}
