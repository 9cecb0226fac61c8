import { createECDH, randomBytes, randomUUID } from 'node:crypto';
import { Agent } from 'node:https';
import webpush from 'web-push';
import { drive, IN_FLIGHT } from '../drive.ts';
import { task } from '../task.ts';

/** Kept-alive connections, as many as Bellhop opens. */
const agent = new Agent({ keepAlive: true, maxSockets: 128 });

task(({ message: { title, body, data }, port, ...plan }) => {
  const { publicKey, privateKey } = webpush.generateVAPIDKeys();
  webpush.setVapidDetails('mailto:ops@example.com', publicKey, privateKey);
  const subscriptions = Array.from({ length: 1_000 }, () => ({
    endpoint: `https://127.0.0.1:${port}/push/${randomBytes(32).toString('hex')}`,
    keys: {
      p256dh: createECDH('prime256v1').generateKeys('base64url'),
      auth: randomBytes(16).toString('base64url'),
    },
  }));
  let n = 0;
  return drive(plan, IN_FLIGHT['Web Push'], async () => {
    const subscription = subscriptions[n++ % subscriptions.length];
    const topic = randomBytes(24).toString('base64url');
    const payload = JSON.stringify({ title, body, tag: randomUUID(), data });
    await webpush.sendNotification(subscription, payload, { agent, TTL: 3_600, topic });
    return 1;
  });
});
