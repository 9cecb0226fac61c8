import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { eventually, type RunningBellhop, startBellhop } from '../support/process.ts';
import {
  type Apple,
  type MailServer,
  newVapidKeys,
  type PushService,
  startApple,
  startMailServer,
  startPushService,
} from './counterparts.ts';

const MESSAGE = { title: 'New Message!', body: 'You have a new message from Alice.', data: { type: 'chat' } };
const appleKey = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const PENDING = ['accepted', 'processing'];

// The main job of Bellhop, against real counterparts, the way a newcomer would do it over the API.
describe('the main job', () => {
  let bellhop: RunningBellhop;
  let mail: MailServer;
  let browser: PushService;
  let apple: Apple;
  const iosToken = randomBytes(32).toString('hex');

  before(async () => {
    [mail, browser, apple] = await Promise.all([startMailServer(), startPushService(), startApple()]);
    bellhop = await startBellhop();
    await connectAll();
    await registerUser('user-12345');
  });
  after(async () => {
    await bellhop?.dispose();
    await Promise.all([mail.close(), browser.close(), apple.close()]);
  });

  async function connectAll(): Promise<void> {
    const connections = {
      mail: {
        provider: 'smtp',
        config: { host: '127.0.0.1', port: mail.port, security: 'none', from: 'Shop <news@shop.example>' },
      },
      apple: {
        provider: 'apns',
        config: {
          teamId: 'TEAM123456',
          keyId: 'KEY1234567',
          privateKey: appleKey.privateKey.export({ type: 'pkcs8', format: 'pem' }),
          bundleId: 'com.example.shop',
          baseUrl: apple.origin,
        },
      },
      browser: {
        provider: 'webpush',
        config: { ...newVapidKeys(), subject: 'mailto:ops@shop.example' },
      },
    };
    for (const [id, body] of Object.entries(connections)) {
      const { status, body: answer } = await bellhop.call('PUT', `/v1/connections/${id}`, body);
      assert.equal(status, 201, JSON.stringify(answer));
    }
  }

  async function registerUser(userId: string): Promise<void> {
    await bellhop.call('PUT', `/v1/users/${userId}`, { contacts: { email: `${userId}@mail.example` } });
    const web = await bellhop.call('POST', `/v1/users/${userId}/devices`, {
      platform: 'web',
      subscription: browser.subscription,
    });
    assert.equal(web.status, 201, JSON.stringify(web.body));
    const ios = await bellhop.call('POST', `/v1/users/${userId}/devices`, {
      platform: 'ios',
      token: iosToken,
    });
    assert.equal(ios.status, 201, JSON.stringify(ios.body));
  }

  const send = (body: object, headers: Record<string, string> = {}) =>
    bellhop.call('POST', '/v1/notifications', body, headers);
  const settled = async (id: string) =>
    (
      await eventually(
        () => bellhop.call('GET', `/v1/notifications/${id}`),
        ({ body }) => !PENDING.includes(body.status),
      )
    ).body;

  it('brings one notification to the mailbox, the browser and the phone, once', async () => {
    const request = { userId: 'user-12345', message: MESSAGE, channels: ['push', 'email'] };
    const startedAt = performance.now();
    const { status, body } = await send(request, { 'idempotency-key': 'order-1' });
    const tookMs = performance.now() - startedAt;
    assert.equal(status, 202);
    assert.match(body.id, /^[0-9a-f-]{36}$/);
    assert.ok(tookMs < 1_000, `202 took ${tookMs} ms`);

    const view = await settled(body.id);
    assert.equal(view.status, 'sent', JSON.stringify(view));
    assert.deepEqual(view.deliveries.map((delivery: { provider: string }) => delivery.provider).sort(), [
      'apns',
      'smtp',
      'webpush',
    ]);
    for (const delivery of view.deliveries) {
      assert.equal(delivery.state, 'sent');
      assert.equal(delivery.attempts.length, 1);
      assert.ok(delivery.attempts[0].startedAt && delivery.attempts[0].latencyMs >= 0);
    }
    checkMail(view);
    checkBrowser();
    checkApple(view);

    const again = await send(request, { 'idempotency-key': 'order-1' });
    assert.deepEqual([again.status, again.body.id], [202, body.id]);
    const other = await send({ ...request, message: { title: 'Other' } }, { 'idempotency-key': 'order-1' });
    assert.deepEqual([other.status, other.body.code], [422, 'idempotency.mismatch']);
    assert.deepEqual([mail.mails.length, browser.requests.length, apple.requests.length], [1, 1, 1]);
  });

  function checkMail(view: { deliveries: { channel: string; id: string }[] }): void {
    const [received] = mail.mails;
    const delivery = view.deliveries.find(({ channel }) => channel === 'email')!;
    assert.equal(received!.subject, MESSAGE.title);
    assert.match(received!.text!, /You have a new message from Alice\./);
    assert.match(received!.html!, /You have a new message from Alice\./);
    assert.equal(received!.messageId, `<${delivery.id}@shop.example>`);
    assert.deepEqual(
      received!.to?.map(({ address }) => address),
      ['user-12345@mail.example'],
    );
  }

  function checkBrowser(): void {
    const [request] = browser.requests;
    assert.equal(request!.headers['content-encoding'], 'aes128gcm');
    assert.match(String(request!.headers.ttl), /^\d+$/);
    const payload = JSON.parse(browser.decrypt(request!.body));
    assert.equal(payload.title, MESSAGE.title);
    assert.equal(payload.body, MESSAGE.body);
    assert.deepEqual(payload.data, { type: 'chat' });
    assert.match(String(request!.headers.authorization), /^vapid t=[\w-]+\.[\w-]+\.[\w-]+, k=[\w-]+$/);
  }

  // https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns
  function checkApple(view: {
    deliveries: { provider: string; id: string; providerMessageId: string }[];
  }): void {
    const [{ headers, body }] = apple.requests as [Apple['requests'][number]];
    const delivery = view.deliveries.find(({ provider }) => provider === 'apns')!;
    assert.equal(headers[':method'], 'POST');
    assert.equal(headers[':path'], `/3/device/${iosToken}`);
    assert.equal(headers['apns-topic'], 'com.example.shop');
    assert.equal(headers['apns-push-type'], 'alert');
    assert.equal(headers['apns-id'], delivery.id);
    assert.equal(delivery.providerMessageId, delivery.id);
    const payload = JSON.parse(body);
    assert.deepEqual(payload.aps.alert, { title: MESSAGE.title, body: MESSAGE.body });
    assert.equal(payload.type, 'chat');
    const [head, claims, signature] = String(headers.authorization).replace('bearer ', '').split('.');
    assert.deepEqual(JSON.parse(Buffer.from(head!, 'base64url').toString()), {
      alg: 'ES256',
      kid: 'KEY1234567',
    });
    const key = { key: appleKey.publicKey, dsaEncoding: 'ieee-p1363' as const };
    assert.ok(verify('sha256', Buffer.from(`${head}.${claims}`), key, Buffer.from(signature!, 'base64url')));
  }

  it('deactivates a device that Apple calls gone', async () => {
    apple.answer = (token) =>
      token === iosToken
        ? { status: 410, body: { reason: 'Unregistered', timestamp: Date.now() + 1_000 } }
        : null;
    const view = await settled(
      (await send({ userId: 'user-12345', message: MESSAGE, channels: ['push'] })).body.id,
    );
    apple.answer = () => null;
    const failed = view.deliveries.find(({ provider }: { provider: string }) => provider === 'apns');
    assert.deepEqual([failed.state, failed.reason], ['failed', 'device_unregistered']);
    const { body: devices } = await bellhop.call('GET', '/v1/users/user-12345/devices');
    const ios = devices.items.find(({ platform }: { platform: string }) => platform === 'ios');
    assert.equal(ios.state, 'inactive', JSON.stringify(ios));
    const next = await settled(
      (await send({ userId: 'user-12345', message: MESSAGE, channels: ['push'] })).body.id,
    );
    assert.deepEqual(
      next.deliveries.map(({ provider }: { provider: string }) => provider),
      ['webpush'],
    );
  });

  it('fails a refused recipient at once and tries a busy server again', async () => {
    await bellhop.call('PUT', '/v1/users/nobody', { contacts: { email: 'nobody@mail.example' } });
    await bellhop.call('PUT', '/v1/users/busy', { contacts: { email: 'busy@mail.example' } });
    mail.replies.set('nobody@mail.example', [550]);
    mail.replies.set('busy@mail.example', [451]);
    const refused = await settled(
      (await send({ userId: 'nobody', message: MESSAGE, channels: ['email'] })).body.id,
    );
    assert.deepEqual([refused.status, refused.deliveries[0].reason], ['failed', 'recipient_invalid']);
    const later = await settled(
      (await send({ userId: 'nobody', message: MESSAGE, channels: ['email'] })).body.id,
    );
    assert.deepEqual([later.status, later.deliveries[0].reason], ['skipped', 'contact_suppressed']);

    const { id } = (await send({ userId: 'busy', message: MESSAGE, channels: ['email'], priority: 'high' }))
      .body;
    const view = await settled(id);
    assert.equal(view.status, 'sent', JSON.stringify(view));
    assert.deepEqual(
      view.deliveries[0].attempts.map(({ outcome }: { outcome: string }) => outcome),
      ['retry', 'accepted'],
    );
    assert.equal(view.deliveries[0].attempts[0].n, 1);
  });

  it('fails over at once when the credentials of a connection are refused', async () => {
    const config = {
      host: '127.0.0.1',
      port: mail.port,
      security: 'none',
      from: 'a@shop.example',
      username: 'u',
      password: 'wrong',
    };
    await bellhop.call('PUT', '/v1/connections/first', { provider: 'smtp', priority: 1, config });
    const view = await settled(
      (await send({ userId: 'user-12345', message: MESSAGE, channels: ['email'] })).body.id,
    );
    await bellhop.call('DELETE', '/v1/connections/first');
    assert.equal(view.status, 'sent', JSON.stringify(view));
    const tries = view.deliveries[0].attempts.map(
      ({ connection, outcome }: { connection: string; outcome: string }) => [connection, outcome],
    );
    assert.deepEqual(tries, [
      ['first', 'unavailable'],
      ['mail', 'accepted'],
    ]);
  });

  it('lists what failed, and sends it again on request', async () => {
    const { body } = await bellhop.call('GET', '/v1/deliveries?state=failed&reason=recipient_invalid');
    assert.equal(body.items.length, 1);
    await bellhop.call('DELETE', '/v1/suppressions?kind=email&address=nobody@mail.example');
    const replayed = await bellhop.call('POST', `/v1/deliveries/${body.items[0].id}/replay`);
    assert.equal(replayed.status, 202);
    const view = await settled(body.items[0].notificationId);
    assert.equal(view.status, 'sent', JSON.stringify(view));
  });
});
