import { createHmac } from 'node:crypto';
import type { Secret } from '../../../lib/secret.ts';
import type { InboundMessage, Receipt, ReceiptEvent, ReceiptRequest } from '../../contract.ts';
import { isEqual } from '../../wire/equal.ts';
import { causeOf } from '../../wire/verdict.ts';
import { toE164 } from '../number/number.ts';
import { outcomeOf } from './errors.ts';

/** `-Ma-` is signed with the token of the main account when a sub-account sent the message. */
const SIGNATURES = ['x-plivo-signature-v3', 'x-plivo-signature-ma-v3'];

/**
 * V3: base64 HMAC-SHA256 of the URL, the parameters and the nonce
 * (https://www.plivo.com/docs/messaging/concepts/signature-validation). V2 leaves the body out, so it is not taken.
 */
export function isSigned(request: ReceiptRequest, authTokens: Secret[]): boolean {
  const nonce = request.headers['x-plivo-signature-v3-nonce'];
  if (!nonce) return false;
  const given = SIGNATURES.flatMap((name) => (request.headers[name] ?? '').split(','));
  const signed = `${signedBase(request)}.${nonce}`;
  return authTokens.some((token) => {
    const expected = createHmac('sha256', token.reveal()).update(signed).digest('base64');
    return given.some((one) => isEqual(one.trim(), expected));
  });
}

/** The address and its query sorted; after a dot, if there is a query, the parameters of the form sorted. */
function signedBase({ method, url, body }: ReceiptRequest): string {
  const [address, query = ''] = url.split('#', 1)[0]!.split(/\?(.*)/s, 2) as [string, string?];
  const inQuery = sorted(new URLSearchParams(query), '=').join('&');
  const inForm =
    method === 'GET' ? '' : sorted(new URLSearchParams(Buffer.from(body).toString()), '').join('');
  if (inForm === '') return inQuery === '' ? address : `${address}?${inQuery}`;
  return inQuery === '' ? `${address}?${inForm}` : `${address}?${inQuery}.${inForm}`;
}

function sorted(parameters: URLSearchParams, separator: string): string[] {
  return [...new Set(parameters.keys())].sort().flatMap((name) =>
    parameters
      .getAll(name)
      .sort()
      .map((value) => `${name}${separator}${value}`),
  );
}

const EVENTS = new Map<string, ReceiptEvent>([
  ['queued', 'queued'],
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'opened'],
  ['undelivered', 'failed'],
  ['failed', 'failed'],
  ['rejected', 'failed'],
]);

/**
 * A status callback: https://www.plivo.com/docs/messaging/api/message/send-message#callbacks. A long text has one for
 * each of its parts, which name the message that was sent as their parent.
 */
export function parseStatus({ url, body }: ReceiptRequest): Receipt[] {
  const form = new URLSearchParams(Buffer.from(body).toString());
  const partId = form.get('MessageUUID');
  const status = form.get('Status') ?? '';
  const event = EVENTS.get(status);
  if (!partId || !event) return [];
  // "000" is the code of success.
  const code = form.get('ErrorCode')?.replace(/^0+/, '') || undefined;
  const cause = event === 'failed' ? causeOf(outcomeOf(code ?? ''), code) : undefined;
  return [
    {
      event: status === 'undelivered' && cause?.effect ? 'bounced' : event,
      deliveryId: URL.parse(url)?.searchParams.get('delivery') || null,
      providerMessageId: form.get('ParentMessageUUID') || partId,
      at: null,
      eventKey: `${partId}:${status}`,
      ...cause,
    },
  ];
}

/** A message to one of our numbers: https://www.plivo.com/docs/messaging/concepts/incoming-messages */
export function parseInbound({ body }: ReceiptRequest): InboundMessage[] {
  const form = new URLSearchParams(Buffer.from(body).toString());
  const from = form.get('From');
  const text = form.get('Text');
  if (!from || text === null || form.has('Status') || !form.has('MessageUUID')) return [];
  return [{ from: toE164(from), text }];
}
