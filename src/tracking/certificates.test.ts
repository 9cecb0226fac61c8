import assert from 'node:assert/strict';
import { createSign, generateKeyPairSync } from 'node:crypto';
import { after, before, beforeEach, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { createServer, type Server } from '../http/index.ts';
import { insertDelivery, insertNotification, readDelivery } from '../ledger/testing.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { reveal } from '../lib/secret.ts';
import { putConnection } from '../tenants/connection-changes.ts';
import { createConnections } from '../tenants/index.ts';
import { makeMasterKeys, makeTenant } from '../tenants/testing.ts';
import { mountReceipts, PUBLIC_URL } from './testing.ts';

const TOPIC = 'arn:aws:sns:us-east-1:123456789012:bellhop';
const HOST = 'https://sns.us-east-1.amazonaws.com';
const SUBSCRIBE = `${HOST}/?Action=ConfirmSubscription&Token=t1`;
const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PEM = pair.publicKey.export({ type: 'spki', format: 'pem' }) as string;

/** A message of SNS, signed by our pair. `Subject` is left out, `changed` comes after the signature. */
function snsMessage(fields: Record<string, string>, changed: object = {}): object {
  const message: Record<string, string> = { MessageId: 'm1', Timestamp: 'now', TopicArn: TOPIC, ...fields };
  const names = 'Message MessageId SubscribeURL Timestamp Token TopicArn Type'.split(' ');
  const text = names.flatMap((name) => (name in message ? `${name}\n${message[name]}\n` : [])).join('');
  const Signature = createSign('sha256').update(text).sign(pair.privateKey, 'base64');
  return { ...message, SignatureVersion: '2', SigningCertURL: `${HOST}/a.pem`, Signature, ...changed };
}

describeStores('receipts signed with a published certificate', (store) => {
  const clock = new FakeClock();
  let app: Server;
  let tenantId: string;
  let notification: string;
  /** What the vendor has published, by address, and what was asked for. */
  const published = new Map<string, string>();
  let asked: string[] = [];

  const masterKeys = makeMasterKeys();

  before(async () => {
    const options = { store: store(), clock, masterKeys };
    tenantId = await makeTenant(store(), clock.now());
    const config = {
      region: 'us-east-1',
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'secret',
      from: 'news@acme.org',
      topicArn: TOPIC,
    };
    await putConnection(options, { tenantId, id: 'mail', request: { provider: 'ses', config } });
    notification = await insertNotification(store(), tenantId);
  });
  // A server for each test, so that none finds what another has read.
  beforeEach(async () => {
    published.clear();
    asked = [];
    await app?.close();
    app = await createServer({
      authenticate: () => null,
      clock,
      logger: silentLogger,
      version: '0',
      bodyLimit: 10_000,
      requestsPerSecondPerKey: 0,
      authFailuresPerSecondPerAddress: 0,
      trustProxy: false,
    });
    await mountReceipts(app, {
      store: store(),
      clock,
      logger: silentLogger,
      connections: createConnections({ store: store(), clock, masterKeys }),
      publicUrl: PUBLIC_URL,
      transport: {
        send: async ({ url }) => {
          asked.push(reveal(url));
          const body = published.get(reveal(url));
          if (body === undefined) return { kind: 'fault', detail: 'unreachable' };
          return { kind: 'reply', reply: { status: 200, headers: {}, body } };
        },
      },
      health: { of: () => ({ reported: () => {} }) },
    });
    await app.ready();
  });
  after(() => app.close());

  const post = async (message: object) => {
    const answer = await app.inject({
      method: 'POST',
      url: `/v1/receipts/${tenantId}/mail`,
      headers: { 'content-type': 'text/plain; charset=UTF-8' },
      payload: JSON.stringify(message),
    });
    return answer.statusCode;
  };
  const insertSent = () =>
    insertDelivery(store(), tenantId, { notification_id: notification, state: 'sent', connection: 'mail' });
  const deliveryOf = (delivery: string) =>
    JSON.stringify({
      eventType: 'Delivery',
      mail: { messageId: `ses-${delivery}`, tags: { bellhop_delivery: [delivery] } },
      delivery: { timestamp: new Date(clock.now()).toISOString() },
    });

  it('are believed by the certificate, which is read once', async () => {
    published.set(`${HOST}/a.pem`, PEM);
    const ids = await Promise.all([1, 2].map(insertSent));
    const messages = ids.map((id) =>
      snsMessage({ Type: 'Notification', Message: deliveryOf(id), MessageId: id }),
    );
    assert.deepEqual(await Promise.all(messages.map(post)), [204, 204]);
    for (const id of ids) assert.equal((await readDelivery(store(), id)).delivered_at.getTime(), clock.now());
    assert.deepEqual(asked, [`${HOST}/a.pem`]);
  });

  it('are asked for again while the certificate can not be read', async () => {
    const id = await insertSent();
    const message = snsMessage({ Type: 'Notification', Message: deliveryOf(id) });
    assert.equal(await post(message), 503);
    published.set(`${HOST}/a.pem`, PEM);
    assert.equal(await post(message), 204);
    assert.notEqual((await readDelivery(store(), id)).delivered_at, null);
  });

  it('are refused with a wrong signature, and no stranger is asked for a certificate', async () => {
    published.set(`${HOST}/a.pem`, PEM);
    const fields = { Type: 'Notification', Message: deliveryOf('x') };
    assert.equal(await post(snsMessage(fields, { Message: 'other' })), 401);
    asked = [];
    assert.equal(await post(snsMessage(fields, { SigningCertURL: 'https://evil.example/a.pem' })), 401);
    assert.equal(await post(snsMessage({ ...fields, TopicArn: `${TOPIC}2` })), 401);
    assert.deepEqual(asked, []);
  });

  it('come to an address that answers when it is tried', async () => {
    const tried = async (connection: string) =>
      (await app.inject({ method: 'HEAD', url: `/v1/receipts/${tenantId}/${connection}` })).statusCode;
    assert.deepEqual([await tried('mail'), await tried('none')], [200, 404]);
  });

  it('may come in batches that are larger than other requests may be', async () => {
    assert.equal(await post({ Message: 'x'.repeat(1_000_000) }), 401);
    assert.equal(await post({ Message: 'x'.repeat(3_000_000) }), 413);
  });

  it('begin with a subscription, which is confirmed for the topic of the connection', async () => {
    published.set(`${HOST}/a.pem`, PEM);
    const fields = { Type: 'SubscriptionConfirmation', Message: 'm', Token: 't1', SubscribeURL: SUBSCRIBE };
    assert.equal(await post(snsMessage(fields)), 503);
    published.set(SUBSCRIBE, '<ConfirmSubscriptionResponse/>');
    assert.equal(await post(snsMessage(fields)), 204);
    assert.deepEqual(asked, [`${HOST}/a.pem`, SUBSCRIBE, SUBSCRIBE]);
    assert.equal(await post(snsMessage(fields, { Token: 't2' })), 401);
    assert.equal(asked.length, 3);
  });
});
