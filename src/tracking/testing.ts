import { createHmac } from 'node:crypto';
import type { Server } from '../http/index.ts';
import { receiptUrl } from './routes.ts';

export const PUBLIC_URL = 'https://bellhop.example.com';

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

/** For tests: a status callback as Twilio makes it. Answers the HTTP status. */
export async function callAsTwilio(app: Server, callback: TwilioCallback): Promise<number> {
  const { tenantId, connection = 'texts', id, status, code, token, sign = (text) => text } = callback;
  const url = receiptUrl(PUBLIC_URL, { tenantId, connection, id });
  const fields: [string, string][] = [
    ...(code ? [['ErrorCode', code] as [string, string]] : []),
    ['MessageSid', `SM${id}`],
    ['MessageStatus', status],
  ];
  // Sorted by name, as the rule for signatures wants it.
  const mac = createHmac('sha1', token).update(url + fields.flat().join(''));
  const signature = sign(mac.digest('base64'));
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
