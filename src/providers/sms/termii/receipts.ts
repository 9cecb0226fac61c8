import { createHmac } from 'node:crypto';
import type { Secret } from '../../../lib/secret.ts';
import type { InboundMessage, Reason, Receipt, ReceiptEvent, ReceiptRequest } from '../../contract.ts';
import { isEqual } from '../../wire/equal.ts';
import { idOf, parseExactObject } from '../../wire/exact-json.ts';
import { toE164 } from '../number/number.ts';

/**
 * `X-Termii-Signature`: HMAC-SHA512 of the payload with the dashboard's secret key, which is not the API key
 * (https://developers.termii.com/events-and-reports). Hex or base64 is not said; both are taken.
 */
export function isSigned({ headers, body }: ReceiptRequest, secretKeys: Secret[]): boolean {
  const given = headers['x-termii-signature']?.trim();
  if (!given) return false;
  return secretKeys.some((key) => {
    const mac = createHmac('sha512', key.reveal()).update(body).digest();
    return isEqual(given.toLowerCase(), mac.toString('hex')) || isEqual(given, mac.toString('base64'));
  });
}

/** By how a status begins, whatever its case: "DELIVERED | Message delivered to handset" is one. */
const STATUSES: [begins: string, event: ReceiptEvent, reason?: Reason][] = [
  ['message sent', 'sent'],
  ['delivered', 'delivered'],
  ['message failed', 'failed', 'provider_error'],
  ['rejected', 'failed', 'provider_error'],
  ['expired', 'failed', 'recipient_unreachable'],
  // Such a number is reached by the dnd channel only.
  ['dnd active on phone number', 'failed', 'recipient_unreachable'],
];

/** https://developers.termii.com/events-and-reports: an event names no message but by Termii's own id. */
export function parseReport({ url, body }: ReceiptRequest): Receipt[] {
  const report = parseExactObject(Buffer.from(body).toString());
  const id = idOf(report?.message_id);
  if (!id || report?.type !== 'outbound' || typeof report.status !== 'string') return [];
  const status = report.status.trim().toLowerCase();
  const known = STATUSES.find(([begins]) => status.startsWith(begins));
  if (!known) return [];
  const [begins, event, reason] = known;
  return [
    {
      event,
      deliveryId: URL.parse(url)?.searchParams.get('delivery') || null,
      providerMessageId: id,
      // `sent_at` names no time zone.
      at: null,
      eventKey: `${id}:${begins}`,
      ...(reason && { reason, code: begins.replaceAll(' ', '_') }),
    },
  ];
}

/** A text that came in: the same address, with `type` "inbound". */
export function parseInbound({ body }: ReceiptRequest): InboundMessage[] {
  const report = parseExactObject(Buffer.from(body).toString());
  const from = idOf(report?.sender);
  return from && report?.type === 'inbound' && typeof report.message === 'string'
    ? [{ from: toE164(from), text: report.message }]
    : [];
}
