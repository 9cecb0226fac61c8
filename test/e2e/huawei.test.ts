import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { json, text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { eventually, type RunningBellhop, startBellhop } from '../support/process.ts';

const APP = '100000001';
const SOON_MS = 20_000;

/** Push Kit and its OAuth server, with the codes of the documentation: the token of a device says how it is answered. */
class PushKit {
  tokens = 0;
  /** Access tokens up to this one have ended. */
  ended = 0;
  readonly sent: { token: string; message: Record<string, unknown> }[] = [];
  readonly server: Server = createServer(async (request, response) => {
    const { status, body } =
      request.url === '/oauth' ? await this.#grant(request) : await this.#send(request);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });

  async #grant(request: IncomingMessage) {
    const expected = `grant_type=client_credentials&client_id=${APP}&client_secret=secret`;
    if ((await text(request)) !== expected) return { status: 400, body: { error: 1101 } };
    this.tokens++;
    return { status: 200, body: { access_token: `access-token-number-${this.tokens}`, expires_in: 3600 } };
  }

  async #send(request: IncomingMessage) {
    const { message } = (await json(request)) as { message: { token: string[] } };
    const said = (code: string, msg: string) => ({ status: 200, body: { code, msg, requestId: `r${code}` } });
    assert.equal(request.url, `/v1/${APP}/messages:send`);
    const given = Number(/^Bearer access-token-number-(\d+)$/.exec(request.headers.authorization ?? '')?.[1]);
    if (!(given > this.ended)) return said('80200003', 'OAuth token expired');
    const [token] = message.token;
    if (token!.startsWith('dead')) return said('80300007', 'All the tokens are invalid');
    if (token!.startsWith('illegal'))
      return said('80100000', `{"success":0,"failure":1,"illegal_tokens":["${token}"]}`);
    this.sent.push({ token: token!, message });
    return said('80000000', 'Success');
  }
}

describe('Huawei Push Kit', () => {
  const kit = new PushKit();
  let bellhop: RunningBellhop;

  before(async () => {
    kit.server.listen(0, '127.0.0.1');
    [bellhop] = await Promise.all([startBellhop(), once(kit.server, 'listening')]);
    const origin = `http://127.0.0.1:${(kit.server.address() as { port: number }).port}`;
    const config = {
      appId: APP,
      clientSecret: 'secret',
      tokenUrl: `${origin}/oauth`,
      baseUrl: origin,
      callbackUsername: 'bell',
      callbackKey: 'callback-key',
    };
    const put = (app: string | null) =>
      bellhop.call('PUT', '/v1/connections/huawei', { provider: 'huawei', app, config });
    // Else tokens of Google would be sent to Huawei, who calls them dead.
    assert.equal((await put(null)).body.errors[0].field, '/app');
    const saved = await put('shop');
    assert.equal(saved.status, 201, JSON.stringify(saved.body));
  });
  after(async () => {
    await bellhop?.dispose();
    kit.server.closeAllConnections();
    kit.server.close();
  });

  const view = async (id: string) => (await bellhop.call('GET', `/v1/notifications/${id}`)).body;

  /** The notification, once it has ended, of a push to a new user with this device. */
  async function pushTo(userId: string, token: string) {
    await bellhop.call('PUT', `/v1/users/${userId}`, {});
    const device = await bellhop.call('POST', `/v1/users/${userId}/devices`, {
      app: 'shop',
      platform: 'android',
      token,
    });
    assert.ok(device.status < 300, JSON.stringify(device.body));
    const request = { userId, message: { title: 'T', body: 'B' }, channels: ['push'] };
    const { body } = await bellhop.call('POST', '/v1/notifications', request);
    return eventually(
      () => view(body.id),
      ({ status }) => status === 'sent' || status === 'failed',
      SOON_MS,
    );
  }
  const devicesOf = async (userId: string) =>
    (await bellhop.call('GET', `/v1/users/${userId}/devices`)).body.items;

  it('gets a message with an access token, and tells by a signed receipt that it arrived', async () => {
    const notification = await pushTo('ada', 'alive-1');
    const [delivery] = notification.deliveries;
    assert.equal(delivery.providerMessageId, 'r80000000');
    assert.equal(kit.tokens, 1);
    const { android } = kit.sent[0]!.message as { android: { bi_tag: string } };
    assert.equal(android.bi_tag, delivery.id);
    const { receiptsPath } = (await bellhop.call('GET', '/v1/connections/huawei')).body;
    const post = (key: string) => {
      const [timestamp, nonce] = [Date.now(), 'a07bfa17-6d82-4b53-a9a2-07cfef5ceef1'];
      const value = createHmac('sha256', key).update(`${timestamp}${nonce}bell`).digest('base64');
      return fetch(bellhop.url + receiptsPath, {
        method: 'POST',
        headers: { 'X-HUAWEI-CALLBACK-ID': `timestamp=${timestamp}; nonce=${nonce}; value=${value}` },
        body: JSON.stringify({
          statuses: [
            { biTag: android.bi_tag, token: 'alive-1', status: 0, timestamp, requestId: 'r80000000' },
          ],
        }),
      });
    };
    assert.equal((await post('another')).status, 401);
    const answer = await post('callback-key');
    assert.deepEqual([answer.status, await answer.json()], [200, { code: '0', message: 'success' }]);
    assert.ok((await view(notification.id)).deliveries[0].deliveredAt);
  });

  it('gets the message with a new access token when the one at hand has ended', async () => {
    kit.ended = kit.tokens;
    const { deliveries } = await pushTo('bob', 'alive-2');
    assert.equal(kit.tokens, 2);
    assert.equal(deliveries[0].attempts.length, 1);
    assert.equal(kit.sent.at(-1)!.token, 'alive-2');
  });

  it('says of a dead token that it is one, also within a partial success, and the device is written off', async () => {
    for (const [userId, token] of [
      ['cyd', 'dead-1'],
      ['dan', 'illegal-1'],
    ] as const) {
      const { deliveries } = await pushTo(userId, token);
      assert.deepEqual([deliveries[0].state, deliveries[0].reason], ['failed', 'device_unregistered']);
      const [device] = await eventually(
        () => devicesOf(userId),
        ([one]: { state: string }[]) => one?.state !== 'active',
        SOON_MS,
      );
      assert.equal(device!.state, 'inactive');
    }
    assert.equal((await devicesOf('ada'))[0].state, 'active');
  });
});
