import { createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { startTextPeer, type TextPeer } from './text-peer.ts';

/** The account that the peer knows, and what it sends. */
export const TERMII = {
  apiKey: 'TLtermii-api-key',
  from: 'Bellhop',
  channel: 'dnd',
  secretKey: 'tsk-secret',
};

/** How Termii signs what it reports: https://developers.termii.com/events-and-reports */
export function signAsTermii(body: string): string {
  return createHmac('sha512', TERMII.secretKey).update(body).digest('hex');
}

/**
 * Termii: https://developers.termii.com/messaging-api. Takes a request only when its bytes are those of the
 * documentation; its ids have more digits than a JavaScript number.
 */
export function startTermiiPeer(): Promise<TextPeer> {
  let last = 9_122_821_270_554_876_000n;
  return startTextPeer({
    read: (request, body) => {
      const [, to, sms] = /"to":"(\d+)".*"sms":("(?:[^"\\]|\\.)*")/.exec(body) ?? [];
      const expected =
        `{"api_key":"${TERMII.apiKey}","to":"${to}","from":"${TERMII.from}","sms":${sms},"type":"plain",` +
        `"channel":"${TERMII.channel}"}`;
      return isAsDocumented(request) && body === expected
        ? { recipient: `+${to}` }
        : {
            status: 400,
            body: JSON.stringify({ code: 'error', message: 'The request is not as documented' }),
          };
    },
    accepted: () => {
      last++;
      return {
        status: 200,
        body: `{"code":"ok","balance":1047.57,"message_id":${last},"message_id_str":"${last}","message":"Successfully Sent","user":"Ada"}`,
      };
    },
    down: { status: 503, body: '{"message":"Service Unavailable"}' },
  });
}

function isAsDocumented({ method, url, headers }: IncomingMessage): boolean {
  return method === 'POST' && url === '/api/sms/send' && headers['content-type'] === 'application/json';
}
