import { createHmac } from 'node:crypto';
import { isUuid } from '../../../lib/ids.ts';
import type { Secret } from '../../../lib/secret.ts';
import { parseObject, type Receipt, type ReceiptRequest } from '../../contract.ts';
import { isEqual } from '../../wire/equal.ts';
import { idOf } from '../../wire/exact-json.ts';

const TOLERANCE_MS = 5 * 60_000;
/** Seconds and milliseconds since the epoch are told apart by their size: this is 2001 in the one, 33658 in the other. */
const FIRST_MILLISECONDS = 1e12;

/**
 * `X-HUAWEI-CALLBACK-ID: timestamp=…; nonce=…; value=…`, the value being base64 HMAC-SHA256 of timestamp, nonce and
 * callback user name: https://developer.huawei.com/consumer/en/doc/HMS-References/push-receiptapi. The body is not
 * signed: TLS alone keeps it whole, and the time keeps a header that was overheard from being used for long.
 */
export function isSigned(
  { headers }: ReceiptRequest,
  { username, key, now }: { username?: string; key?: Secret; now: number },
): boolean {
  if (username === undefined || key === undefined) return false;
  const parts = (headers['x-huawei-callback-id'] ?? '').split(';').map((part) => part.trim());
  const read = (name: string) => parts.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);
  const [timestamp, nonce, value] = [read('timestamp'), read('nonce'), read('value')];
  if (!timestamp || !nonce || !value) return false;
  const at = toMilliseconds(/^\d{1,15}$/.test(timestamp) ? Number(timestamp) : undefined);
  if (at === null || Math.abs(now - at) > TOLERANCE_MS) return false;
  const mac = createHmac('sha256', key.reveal()).update(`${timestamp}${nonce}${username}`);
  return isEqual(value, mac.digest('base64'));
}

type End = Pick<Receipt, 'event' | 'reason' | 'effect'>;
const prune = { type: 'prune-device' } as const;

/** https://developer.huawei.com/consumer/en/doc/HMSCore-Guides/msg-receipt-guide-0000001050040176, receipt status codes. */
const STATUSES = new Map<number, End>([
  [0, { event: 'delivered' }],
  // The app is not installed; the device was not seen for 30 days.
  [2, { event: 'failed', reason: 'device_unregistered', effect: prune }],
  [10, { event: 'failed', reason: 'device_unregistered', effect: prune }],
  // The token belongs to another user of the device, who may come back.
  [5, { event: 'failed', reason: 'recipient_unreachable' }],
  // Notifications of the app or of the channel are switched off.
  [6, { event: 'failed', reason: 'recipient_unreachable' }],
  // Replaced by a later message while the device was away.
  [15, { event: 'failed', reason: 'recipient_unreachable' }],
  [102, { event: 'failed', reason: 'recipient_rate_limited' }],
]);

/** Both versions of the body: `status` and `timestamp` of a message, or both within `deliveryStatus`. */
export function parseReceipts({ body }: ReceiptRequest): Receipt[] {
  const { statuses } = parseObject(Buffer.from(body).toString()) ?? {};
  return (Array.isArray(statuses) ? statuses : []).flatMap((one) => {
    const report = asObject(one);
    const inner = asObject(report.deliveryStatus);
    const status = report.status ?? inner.result;
    const requestId = idOf(report.requestId);
    if (!Number.isSafeInteger(status) || requestId === undefined) return [];
    const biTag = typeof report.biTag === 'string' && isUuid(report.biTag) ? report.biTag : null;
    const end = STATUSES.get(status as number) ?? { event: 'failed', reason: 'provider_error' };
    return [
      {
        deliveryId: biTag,
        providerMessageId: requestId,
        at: toMilliseconds(report.timestamp ?? inner.timestamp),
        eventKey: `${requestId}:${status}`,
        ...end,
        ...(status !== 0 && { code: `${status}` }),
      },
    ];
  });
}

function toMilliseconds(time: unknown): number | null {
  if (!Number.isSafeInteger(time) || (time as number) <= 0) return null;
  const at = (time as number) < FIRST_MILLISECONDS ? (time as number) * 1000 : (time as number);
  return Number.isNaN(new Date(at).getTime()) ? null : at;
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
