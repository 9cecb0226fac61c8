import { randomBytes, randomUUID } from 'node:crypto';
import http2 from 'node:http2';
import { connect } from 'node:tls';
import { initializeApp } from 'firebase-admin/app';
import { getMessaging } from 'firebase-admin/messaging';
import { drive, IN_FLIGHT } from '../drive.ts';
import { task } from '../task.ts';

/** A batch may have 500; two smaller ones leave no pause between them. */
const BATCHES = 2;
const HOST = 'fcm.googleapis.com';
const devices = Array.from({ length: 1_000 }, () => randomBytes(32).toString('hex'));

/**
 * The library has no setting for its endpoint (its agent serves the older HTTP/1.1 transport only). So its sessions
 * are left as they are, and the socket under them goes to the mock, whose certificate has Google's name in it. It also
 * writes `https:` where `:scheme` is `https` (RFC 9113, 8.3.1), which Google takes and Node's server does not.
 */
function redirect(port) {
  const original = http2.connect;
  const createConnection = () =>
    connect({ host: '127.0.0.1', port, servername: HOST, ALPNProtocols: ['h2'] });
  http2.connect = (url, options, listener) => {
    const session = original(url, { ...options, createConnection }, listener);
    const request = session.request.bind(session);
    session.request = (headers, more) => {
      headers[':scheme'] = 'https';
      return request(headers, more);
    };
    return session;
  };
}

task(({ message, port, ...plan }) => {
  redirect(port);
  const credential = { getAccessToken: async () => ({ access_token: 'ya29.bench', expires_in: 3_600 }) };
  const messaging = getMessaging(initializeApp({ credential, projectId: 'bench' }));
  let n = 0;
  return drive(plan, BATCHES, async () => {
    const batch = Array.from({ length: IN_FLIGHT.FCM / BATCHES }, () => ({
      token: devices[n++ % devices.length],
      notification: { title: message.title, body: message.body },
      data: message.data,
      android: { priority: 'normal', ttl: 3_600_000, notification: { tag: randomUUID(), sound: 'default' } },
    }));
    const { successCount, responses } = await messaging.sendEach(batch);
    if (successCount < batch.length) throw responses.find(({ error }) => error)?.error;
    return successCount;
  });
});
