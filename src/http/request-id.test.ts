import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { FakeClock } from '../lib/clock.ts';
import { isUuid } from '../lib/ids.ts';
import { createLogger } from '../lib/logger.ts';
import { createServer, type Server } from './index.ts';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('the id of a request', () => {
  const logs: string[] = [];
  let app: Server;
  before(async () => {
    app = await createServer({
      authenticate: () => null,
      clock: new FakeClock(),
      logger: createLogger('debug', { write: (line) => logs.push(line) }),
      version: '1',
      bodyLimit: 2_000,
      requestsPerSecondPerKey: 0,
      authFailuresPerSecondPerAddress: 0,
      trustProxy: false,
    });
    app.get('/things/:id', () => ({}));
    app.get('/fail', () => {
      throw new Error('a bug');
    });
    app.get('/secured', { config: { scope: 'messages:read' as never } }, () => ({}));
    await app.ready();
  });
  after(() => app.close());

  async function get(url: string, headers: Record<string, string> = {}) {
    logs.length = 0;
    const answer = await app.inject({ url, headers });
    return {
      status: answer.statusCode,
      id: String(answer.headers['x-request-id']),
      log: logs.map((line) => JSON.parse(line)),
    };
  }

  it('stands in every answer, errors of all kinds included', async () => {
    const urls = {
      '/things/1': 200,
      '/nothing': 404,
      '/fail': 500,
      '/secured': 401,
      '/things/%E0%A4%A': 400,
    };
    const seen = new Set<string>();
    for (const [url, status] of Object.entries(urls)) {
      const answer = await get(url);
      assert.equal(answer.status, status, url);
      assert.ok(isUuid(answer.id), `${url}: ${answer.id}`);
      seen.add(answer.id);
    }
    assert.equal(seen.size, Object.keys(urls).length);
  });

  it("is the caller's own if it is harmless", async () => {
    assert.equal(
      (await get('/things/1', { 'x-request-id': 'Root=1-67891233:abc_1.2' })).id.includes('='),
      false,
    );
    assert.equal(
      (await get('/things/1', { 'x-request-id': 'edge:67891233-abc_1.2' })).id,
      'edge:67891233-abc_1.2',
    );
    for (const bad of ['a b', 'a"b', 'ä', '', 'x'.repeat(129)])
      assert.ok(isUuid((await get('/things/1', { 'x-request-id': bad })).id), bad);
  });

  it("stands in the log with the route, the answer and the caller's trace", async () => {
    const { id, log } = await get('/fail?secret=1', { traceparent: TRACEPARENT });
    assert.deepEqual(
      log.map(({ msg, requestId, path, trace }) => [msg, requestId, path, trace]),
      ['request failed', 'request answered'].map((text) => [text, id, '/fail', TRACEPARENT.slice(3, 35)]),
    );
    const { log: quiet } = await get('/things/7?secret=1', { traceparent: 'nonsense' });
    assert.deepEqual(
      quiet.map(({ msg, method, path, status, trace }) => [msg, method, path, status, trace]),
      [['request answered', 'GET', '/things/:id', 200, undefined]],
    );
    assert.ok(!logs.join().includes('secret'));
  });

  it('is logged as loudly as the answer deserves', async () => {
    const levels = [];
    for (const url of ['/things/1', '/nothing', '/fail'])
      levels.push((await get(url)).log.find(({ msg }) => msg === 'request answered').level);
    assert.deepEqual(levels, [20, 30, 40]);
    assert.ok(!logs.join().includes('secret'));
  });
});
