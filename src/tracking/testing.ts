import { createHmac } from 'node:crypto';
import type { Server } from '../http/index.ts';
import { createReceiptLane, type ReceiptLaneOptions } from './lane.ts';
import { receiptUrl, registerTrackingRoutes, type TrackingOptions } from './routes.ts';

export const PUBLIC_URL = 'https://bellhop.example.com';

/** For tests: the routes with a lane of their own. */
export async function mountReceipts(
  app: Server,
  options: Omit<TrackingOptions, 'lane' | 'store'> & Omit<ReceiptLaneOptions, 'maxWaiting'>,
): Promise<void> {
  const lane = createReceiptLane({ ...options, maxWaiting: 1_000 });
  await registerTrackingRoutes(app, { ...options, lane });
}

export interface TwilioCallback {
  tenantId: string;
  connection?: string;
  /** Of the delivery. */
  id: string;
  status: string;
  /** Twilio's error code. */
  code?: string;
  /** The auth token that signs. */
  token: string;
  /** What becomes of the right signature; undefined sends none. */
  sign?(signature: string): string | undefined;
}

/** For tests: `X-Twilio-Signature` of a form posted to this URL. Sorted by name, as the rule for signatures wants it. */
export function signAsTwilio(url: string, fields: Record<string, string>, token: string): string {
  const sorted = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHmac('sha1', token)
    .update(url + sorted.flat().join(''))
    .digest('base64');
}

/** For tests: a status callback as Twilio makes it. Answers the HTTP status. */
export async function callAsTwilio(app: Server, callback: TwilioCallback): Promise<number> {
  const { tenantId, connection = 'texts', id, status, code, token, sign = (text) => text } = callback;
  const url = receiptUrl(PUBLIC_URL, { tenantId, connection, id });
  const fields = { ...(code && { ErrorCode: code }), MessageSid: `SM${id}`, MessageStatus: status };
  const signature = sign(signAsTwilio(url, fields, token));
  const answer = await app.inject({
    method: 'POST',
    url: url.slice(PUBLIC_URL.length),
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      ...(signature === undefined ? {} : { 'x-twilio-signature': signature }),
    },
    payload: new URLSearchParams(fields).toString(),
  });
  return answer.statusCode;
}
