import { randomBytes } from 'node:crypto';
import { startTextPeer, type TextPeer } from './text-peer.ts';

/** Twilio: https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource */
export function startTwilioPeer(): Promise<TextPeer> {
  return startTextPeer({
    read: (_request, body) => ({ recipient: new URLSearchParams(body).get('To')! }),
    accepted: () => ({
      status: 201,
      body: JSON.stringify({
        sid: `SM${randomBytes(16).toString('hex')}`,
        status: 'queued',
        error_code: null,
      }),
    }),
    down: {
      status: 503,
      body: JSON.stringify({ code: 20503, message: 'Service Unavailable', status: 503 }),
    },
  });
}
