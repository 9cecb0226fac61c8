import { createHash } from 'node:crypto';
import type { Secret } from '../../../lib/secret.ts';
import type { Receipt, ReceiptEvent, ReceiptRequest } from '../../contract.ts';
import { rejected } from '../../contract.ts';
import { isEqual } from '../../wire/equal.ts';
import { readSignedJwt } from '../../wire/read-jwt.ts';
import { causeOf } from '../../wire/verdict.ts';
import { outcomeOfReason } from './errors.ts';

/** How far the vendor's clock may be from ours, as its SDKs have it. */
const TOLERANCE_MS = 5_000;

/**
 * `MessageBird-Signature-JWT`: a token, signed with the signing key, of the hashes of the URL and of the raw body
 * (https://developers.messagebird.com/api/#verifying-http-requests).
 */
export function isSigned(
  { url, headers, body }: ReceiptRequest,
  signingKeys: Secret[],
  now: number,
): boolean {
  const token = headers['messagebird-signature-jwt'];
  const claims = token ? readSignedJwt(token, signingKeys, ['HS256', 'HS384', 'HS512']) : null;
  if (claims?.iss !== 'MessageBird') return false;
  const { nbf, exp, url_hash: urlHash, payload_hash: payloadHash } = claims;
  if (typeof nbf !== 'number' || now < nbf * 1_000 - TOLERANCE_MS) return false;
  if (typeof exp !== 'number' || now > exp * 1_000 + TOLERANCE_MS) return false;
  if (typeof urlHash !== 'string' || !isEqual(urlHash, sha256(url))) return false;
  // Absent when there is no body, and only then.
  if (body.length === 0) return payloadHash === undefined || payloadHash === sha256('');
  return typeof payloadHash === 'string' && isEqual(payloadHash, sha256(body));
}

function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const EVENTS = new Map<string, ReceiptEvent>([
  ['scheduled', 'queued'],
  ['buffered', 'queued'],
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['expired', 'failed'],
  ['delivery_failed', 'failed'],
]);

/**
 * A status report: https://developers.messagebird.com/api/sms-messaging/#handle-a-status-report. A GET, whose query has
 * everything; an account may have them posted as forms.
 */
export function parseReport({ url, body }: ReceiptRequest): Receipt[] {
  const query = URL.parse(url)?.searchParams ?? new URLSearchParams();
  const form = new URLSearchParams(Buffer.from(body).toString());
  const read = (name: string) => form.get(name) || query.get(name) || '';
  const id = read('id');
  const status = read('status');
  const event = EVENTS.get(status);
  if (!id || !event) return [];
  const cause = event === 'failed' ? causeOfFailure(status, read) : undefined;
  // A plus sign that nobody encoded has become a space.
  const at = Date.parse(read('statusDatetime').replace(' ', '+'));
  return [
    {
      event: cause?.effect ? 'bounced' : event,
      deliveryId: query.get('delivery') || read('reference') || null,
      providerMessageId: id,
      at: Number.isNaN(at) ? null : at,
      eventKey: `${id}:${read('recipient')}:${status}`,
      ...cause,
    },
  ];
}

function causeOfFailure(status: string, read: (name: string) => string) {
  const code = /^\d{1,6}$/.exec(read('statusErrorCode'))?.[0];
  const known = outcomeOfReason(read('statusReason'));
  return causeOf(known ?? (status === 'expired' ? rejected('recipient_unreachable') : undefined), code);
}
