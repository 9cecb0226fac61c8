/**
 * Sends one notification and waits until every delivery has ended. No package is needed: the API is HTTP and JSON.
 *
 *   BELLHOP_URL=http://127.0.0.1:3000 BELLHOP_KEY=bh_test_… node_modules/.bin/node examples/send.ts
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';

const url = process.env.BELLHOP_URL ?? 'http://127.0.0.1:3000';
const key = process.env.BELLHOP_KEY;
if (!key) throw new Error('Set BELLHOP_KEY to an API key');

const MAX_TRIES = 5;
const LONGEST_WAIT_MS = 30_000;

interface Delivery {
  channel: string;
  state: string;
  reason?: string;
  attempts: unknown[];
}

interface Notification {
  id: string;
  status: string;
  deliveries: Delivery[];
}

/**
 * One request. A lost connection, 429 and 503 are tried again: with an idempotency key that can never send twice,
 * since the server answers a repeated request with the id of the first.
 */
async function call<T>(method: string, path: string, body?: object, idempotencyKey?: string): Promise<T> {
  for (let tries = 1; ; tries++) {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body && { 'content-type': 'application/json' }),
        ...(idempotencyKey && { 'idempotency-key': idempotencyKey }),
      },
      body: body && JSON.stringify(body),
    }).catch((error: Error) => {
      if (tries >= MAX_TRIES) throw error;
      return null;
    });
    if (response?.ok) return (await response.json()) as T;
    const isWorthAnotherTry = response === null || response.status === 429 || response.status === 503;
    if (!isWorthAnotherTry || tries >= MAX_TRIES) {
      const problem = (await response!.json()) as { code: string; detail: string };
      throw new Error(`${problem.code}: ${problem.detail}`);
    }
    const seconds = Number(response?.headers.get('retry-after') ?? 2 ** tries / 4);
    await wait(seconds * 1_000);
  }
}

/** Asks for the status until nothing is waiting any more. */
async function waitForEnd(id: string): Promise<Notification> {
  const end = Date.now() + LONGEST_WAIT_MS;
  for (;;) {
    const notification = await call<Notification>('GET', `/v1/notifications/${id}`);
    const isUnderWay = ['accepted', 'scheduled', 'processing', 'unknown'].includes(notification.status);
    if (!isUnderWay || Date.now() > end) return notification;
    await wait(200);
  }
}

await call('PUT', '/v1/users/grace', {
  contacts: { email: 'grace@example.com', phone: '+14155550199' },
  locale: 'en',
});

// One key for one business event: here an order, so that a second run of the same job would not write to her twice.
const order = randomUUID().slice(0, 8);
const request = {
  userId: 'grace',
  channels: ['email', 'sms', 'inbox'],
  category: 'transactional',
  message: { title: `Order ${order} has shipped`, body: 'It arrives tomorrow before noon.' },
};
const idempotencyKey = `order-shipped-${order}`;
const { id } = await call<{ id: string }>('POST', '/v1/notifications', request, idempotencyKey);
const repeated = await call<{ id: string }>('POST', '/v1/notifications', request, idempotencyKey);
console.log(
  `accepted ${id}; sent again with the same key: ${repeated.id === id ? 'the same id' : 'another id'}`,
);

const { status, deliveries } = await waitForEnd(id);
console.log(`status ${status}`);
for (const { channel, state, reason, attempts } of deliveries) {
  const tries = attempts.length === 1 ? '1 attempt' : `${attempts.length} attempts`;
  console.log(`  ${channel}: ${state}${reason ? ` (${reason})` : ''}, ${tries}`);
}
