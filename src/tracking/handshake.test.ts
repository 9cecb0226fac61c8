import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { createServer, type Server } from '../http/index.ts';
import { insertDelivery, insertNotification, readDelivery } from '../ledger/testing.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import type { Provider, ReceiptRequest } from '../providers/index.ts';
import webhook from '../providers/webhook/webhook.ts';
import type { Connection } from '../tenants/index.ts';
import { makeTenant } from '../tenants/testing.ts';
import { mountReceipts } from './testing.ts';

const SECRET = 'of the fixture';
const sign = (text: string | Uint8Array) => createHmac('sha256', SECRET).update(text).digest('hex');
const bodyOf = ({ body }: ReceiptRequest) => JSON.parse(Buffer.from(body).toString() || '{}');

/** Tries an address by GET with a token in the query, and by a signed POST whose answer is computed. */
const fixture = {
  ...webhook,
  id: 'fixture',
  channel: 'chat',
  contactKind: 'fixture',
  receipts: {
    verify: ({ headers, body }) => headers['x-signature'] === sign(body),
    handshake(request, { token }, { verified }) {
      const query = new URL(request.url).searchParams;
      const challenge = query.get('hub.challenge');
      if (request.method === 'GET' && challenge)
        return query.get('hub.verify_token') === token
          ? { contentType: 'text/plain', body: challenge }
          : null;
      if (!verified || bodyOf(request).op !== 13) return null;
      return {
        contentType: 'application/json',
        body: JSON.stringify({ signature: sign(bodyOf(request).plain) }),
      };
    },
    parse: (request, { token }) => [
      {
        event: 'delivered',
        deliveryId: bodyOf(request).id,
        providerMessageId: null,
        at: null,
        eventKey: 'delivered',
        code: token,
      },
    ],
    inbound: {
      parse: (request) => {
        const { from, text = '', wish } = bodyOf(request);
        return from ? [{ from, text, wish }] : [];
      },
      reply: { contentType: 'text/plain', body: 'heard' },
    },
    vendorTemplates: (request) => bodyOf(request).templates ?? [],
  },
} as Provider;

describeStores('a vendor that tries out the address for receipts', (store) => {
  const clock = new FakeClock();
  let app: Server;
  let tenantId: string;
  before(async () => {
    tenantId = await makeTenant(store(), clock.now());
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
    const connection = { tenantId, id: 'texts', providerId: 'fixture', channel: 'chat' };
    await mountReceipts(app, {
      store: store(),
      clock,
      logger: silentLogger,
      connections: {
        get: async () => ({ ...connection, config: { token: 't0ken' } }) as unknown as Connection,
      },
      providerOf: () => fixture,
      publicUrl: 'https://bellhop.example',
      health: { of: () => ({ reported: () => {} }) },
    });
    await app.ready();
  });
  after(() => app.close());

  const call = (method: 'GET' | 'POST', query: string, body?: object, signature?: string) =>
    app.inject({
      method,
      url: `/v1/receipts/${tenantId}/texts${query}`,
      ...(body && { payload: body }),
      ...(signature && { headers: { 'x-signature': signature } }),
    });

  it('is answered with its challenge when it knows the token, though nothing is signed', async () => {
    const answer = await call('GET', '?hub.mode=subscribe&hub.verify_token=t0ken&hub.challenge=1158201444');
    assert.deepEqual([answer.statusCode, answer.body], [200, '1158201444']);
    assert.match(String(answer.headers['content-type']), /^text\/plain/);
  });

  it('is refused without the token', async () => {
    for (const query of ['?hub.challenge=1', '?hub.verify_token=&hub.challenge=1', ''])
      assert.equal((await call('GET', query)).statusCode, 401, query);
  });

  it('gets the computed value for a signed post only', async () => {
    const trial = { op: 13, plain: 'abc' };
    const answer = await call('POST', '', trial, sign(JSON.stringify(trial)));
    assert.deepEqual([answer.statusCode, answer.json()], [200, { signature: sign('abc') }]);
    assert.equal((await call('POST', '', trial, sign('other'))).statusCode, 401);
    assert.equal((await call('POST', '', trial)).statusCode, 401);
  });

  it('is heard as usual when it reports, by a parser that knows the connection', async () => {
    const notification = await insertNotification(store(), tenantId);
    const id = await insertDelivery(store(), tenantId, { notification_id: notification, state: 'sent' });
    const report = { id };
    assert.equal((await call('POST', '', report, sign(JSON.stringify(report)))).statusCode, 204);
    assert.ok((await readDelivery(store(), id)).delivered_at);
    const { rows } = await store().engine.query('select code from receipts where delivery_id = $1', [id]);
    assert.deepEqual(rows, [{ code: 't0ken' }]);
  });

  it('tells who left a chat and who came back, by the contacts of its own kind', async () => {
    const suppressed = async () => {
      const { rows } = await store().engine.query(
        'select kind, address from suppressions where tenant_id = $1',
        [tenantId],
      );
      return rows;
    };
    const tell = async (body: object) => (await call('POST', '', body, sign(JSON.stringify(body)))).body;
    assert.equal(await tell({ from: 'u-1', wish: 'stop' }), 'heard');
    assert.equal(await tell({ from: 'u-2', text: 'why not' }), 'heard');
    assert.deepEqual(await suppressed(), [{ kind: 'fixture', address: 'u-1' }]);
    await tell({ from: 'u-1', text: 'Start' });
    assert.deepEqual(await suppressed(), []);
  });

  it('tells what became of its texts', async () => {
    const made = new Date(clock.now());
    await store().engine.query(
      `insert into connections (tenant_id, id, provider, channel, name, enabled, priority, weight, config, limits,
        secrets, version, created_at, updated_at)
       values ($1, 'texts', 'fixture', 'chat', 'f', true, 1, 1, '{}', '{}', '{"fields":{}}', 1, $2, $2)`,
      [tenantId, made],
    );
    const body = { templates: [{ id: 'parcel', language: 'de', state: 'paused', reason: 'quality' }] };
    await call('POST', '', body, sign(JSON.stringify(body)));
    const { rows } = await store().engine.query(
      'select id, language, state, reason from vendor_templates where tenant_id = $1',
      [tenantId],
    );
    assert.deepEqual(rows, body.templates);
  });
});
