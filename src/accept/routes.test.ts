import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { publishedTemplates } from '../../test/support/templates.ts';
import { createServer, type Server } from '../http/index.ts';
import { FakeClock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import { ROUTE_HIGH, Wake } from '../queue/index.ts';
import { createCategories } from '../rules/index.ts';
import { createGroupCommit, type GroupCommit, registerAcceptRoutes } from './index.ts';

const TENANT = uuidv7(1);

describeStores('POST /v1/notifications', (store) => {
  let app: Server;
  let clock: FakeClock;
  let full = false;
  const wake = new Wake();
  const woken: string[] = [];
  const used: string[] = [];
  wake.on((topic) => woken.push(topic));
  before(async () => {
    // Ids must fall into the partitions that the store made for its own time.
    clock = new FakeClock(store().clock.now());
    app = await createServer({
      authenticate: (token) => ({
        keyId: token,
        tenantId: TENANT,
        live: token === 'live',
        scopes: ['owner'],
      }),
      clock,
      logger: silentLogger,
      version: '0',
      bodyLimit: 262_144,
      requestsPerSecondPerKey: 0,
      authFailuresPerSecondPerAddress: 0,
      trustProxy: false,
    });
    const commit = (name: string): GroupCommit => {
      const line = createGroupCommit(store().acceptBulk, clock, { maxWaiting: 1_000, concurrency: 1 });
      const closed = createGroupCommit(store().acceptBulk, clock, { maxWaiting: 0, concurrency: 1 });
      return {
        add(row) {
          used.push(name);
          return (full ? closed : line).add(row);
        },
        waiting: 0,
        drained: () => line.drained(),
      };
    };
    registerAcceptRoutes(app, {
      clock,
      wake,
      templates: publishedTemplates((id) => id === 'welcome'),
      commits: { high: commit('high'), bulk: commit('bulk') },
      idempotencyMs: 86_400_000,
      categories: createCategories(clock),
      store: store(),
    });
    await app.ready();
  });
  after(() => app.close());

  const message = { title: 'Hello', body: 'World' };
  async function post(body: object, headers: Record<string, string> = {}, key = 'live') {
    const answer = await app.inject({
      method: 'POST',
      url: '/v1/notifications',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      payload: JSON.stringify({ userId: 'ada', ...body }),
    });
    return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
  }
  const read = async (id: string) =>
    (await store().engine.query('select * from notifications where id = $1', [id])).rows[0];

  it('stores what it answers with 202, in the mode of the key', async () => {
    for (const key of ['live', 'test']) {
      const { status, body } = await post({ message, channels: ['inbox'] }, {}, key);
      assert.deepEqual([status, body.status], [202, 'accepted']);
      const row = await read(body.id);
      assert.deepEqual(
        [row.tenant_id, row.live, row.user_id, row.state, row.request],
        [TENANT, key === 'live', 'ada', 'accepted', { message, channels: ['inbox'] }],
      );
    }
  });

  it('has a line of its own for what is urgent, and wakes routing for what is due', async () => {
    used.length = woken.length = 0;
    await post({ message, category: 'otp' });
    await post({ message, priority: 'low', sendAt: new Date(clock.now() + 60_000).toISOString() });
    assert.deepEqual([used, woken], [['high', 'bulk'], [ROUTE_HIGH]]);
  });

  it('names the field and the rule that a request breaks', async () => {
    const cases: [object, string][] = [
      [{}, '/message'],
      [{ message, template: { id: 'welcome' } }, '/message'],
      [{ template: { id: 'unknown' } }, '/template/id'],
      [{ template: { id: 'NO SLUG' } }, '/template/id'],
      [{ template: { id: 'welcome', version: 3 } }, '/template/version'],
      [{ template: { id: 'welcome', variables: { 'a/b': '\u0000' } } }, '/template/variables/a~1b'],
      [{ message, channels: [] }, '/channels'],
      [{ message, channels: ['email', 'email'] }, '/channels'],
      [{ message, channels: ['pigeon'] }, '/channels/0'],
      [{ message, userId: '' }, '/userId'],
      [{ message, userId: 7 }, '/userId'],
      [{ message, userId: 'u'.repeat(257) }, '/userId'],
      [{ message, sendAt: '2026-12-31T23:59:60Z' }, '/sendAt'],
      [{ message, expiresAt: new Date(0).toISOString() }, '/expiresAt'],
      [{ message, idempotencyKey: '' }, '/idempotencyKey'],
      [{ message, idempotencyKey: 'k'.repeat(257) }, '/idempotencyKey'],
      [{ message, tenantId: uuidv7(2) }, '/tenantId'],
      [{ message, live: true }, '/live'],
    ];
    for (const [body, field] of cases) {
      const answer = await post(body);
      assert.deepEqual([answer.status, answer.body.errors?.[0].field], [400, field], JSON.stringify(body));
    }
  });

  it('gives a repeated request the first answer, wherever the key stands', async () => {
    const header = { 'idempotency-key': 'order-1' };
    const first = await post({ message }, header);
    assert.equal(first.status, 202);
    assert.equal((await post({ message }, header)).body.id, first.body.id);
    assert.equal((await post({ message, idempotencyKey: 'order-1' })).body.id, first.body.id);
    assert.equal((await post({ message, idempotencyKey: 'order-1' }, header)).body.id, first.body.id);
    assert.notEqual((await post({ message }, header, 'test')).body.id, first.body.id);
    assert.notEqual((await post({ message })).body.id, first.body.id);
  });

  it('keeps the trace of its caller, which is no part of what a repeated request must repeat', async () => {
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const headers = { 'idempotency-key': 'traced-1', traceparent: trace, tracestate: 'a=1' };
    const first = await post({ message }, headers);
    assert.deepEqual((await read(first.body.id)).request, { message, trace, traceState: 'a=1' });
    const other = { ...headers, traceparent: trace.replace('4b', '4c') };
    assert.equal((await post({ message }, other)).body.id, first.body.id);
    const odd = await post({ message }, { traceparent: 'nonsense', tracestate: 'a=1' });
    assert.deepEqual([odd.status, (await read(odd.body.id)).request], [202, { message }]);
  });

  it('refuses a key that belongs to another request, contradicts itself or is too long', async () => {
    const header = { 'idempotency-key': 'order-2' };
    await post({ message }, header);
    const refusal = async (body: object, headers: Record<string, string>) => {
      const answer = await post(body, headers);
      return [answer.status, answer.body.code];
    };
    assert.deepEqual(await refusal({ message, priority: 'high' }, header), [422, 'idempotency.mismatch']);
    assert.deepEqual(await refusal({ message, idempotencyKey: 'order-3' }, header), [
      422,
      'idempotency.conflicting_keys',
    ]);
    assert.deepEqual(await refusal({ message }, { 'idempotency-key': 'k'.repeat(257) }), [
      400,
      'request.invalid',
    ]);
  });

  it('answers 503 with Retry-After when more wait than may', async () => {
    full = true;
    const { status, headers, body } = await post({ message });
    full = false;
    assert.deepEqual([status, body.code, headers['retry-after']], [503, 'service.overloaded', '1']);
  });
});
