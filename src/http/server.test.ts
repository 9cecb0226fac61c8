import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { InjectOptions } from 'fastify';
import { Type } from 'typebox';
import { FakeClock } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { createServer, Exact, OneOf, Page, PageQuery, responses, type Server, Timestamp } from './index.ts';

const BODY_LIMIT = 2_000;
const JSON_TYPE = { 'content-type': 'application/json' };

describe('the server', () => {
  const logs: string[] = [];
  let app: Server;
  let failure: unknown;
  before(async () => {
    app = await createServer({
      authenticate: () => null,
      clock: new FakeClock(),
      logger: createLogger('debug', { write: (line) => logs.push(line) }),
      version: '1.2.3',
      bodyLimit: BODY_LIMIT,
      requestsPerSecondPerKey: 0,
      authFailuresPerSecondPerAddress: 0,
      trustProxy: false,
    });
    const body = Exact({
      name: Type.String({ maxLength: 10 }),
      size: Type.Optional(Type.Integer({ minimum: 1 })),
      kind: Type.Optional(OneOf(['a', 'b'])),
      at: Type.Optional(Timestamp),
      id: Type.Optional(Type.String({ format: 'uuid' })),
      list: Type.Optional(Type.Array(Exact({ on: Type.Boolean() }))),
    });
    app.post('/things', { schema: { body } }, (request) => request.body);
    app.get('/things', { schema: { querystring: Exact(PageQuery) } }, (request) => request.query);
    app.get(
      '/things/:id',
      { schema: { params: Type.Object({ id: Type.String() }) } },
      (request) => request.params,
    );
    app.get('/fail', () => {
      throw failure;
    });
    app.get(
      '/listed',
      { schema: { response: responses({ 200: Page(Type.String()) }) } },
      () => null as never,
    );
    await app.ready();
  });
  after(() => app.close());

  async function ask(options: InjectOptions) {
    const answer = await app.inject(options);
    return {
      status: answer.statusCode,
      headers: answer.headers,
      text: answer.body,
      body: JSON.parse(answer.body),
    };
  }
  const post = (payload: string | object, headers: Record<string, string> = JSON_TYPE) =>
    ask({
      method: 'POST',
      url: '/things',
      headers,
      payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    });
  const get = (url: string) => ask({ method: 'GET', url });
  async function failWith(error: unknown) {
    failure = error;
    logs.length = 0;
    return get('/fail');
  }

  it('refuses a body that breaks a rule, and names the field and the rule', async () => {
    const cases: [object, string, RegExp][] = [
      [{}, '/name', /^is required$/],
      [{ name: 'x', extra: 1 }, '/extra', /^is not a known field$/],
      [{ name: 'x', constructor: 1 }, '/constructor', /^is not a known field$/],
      [{ name: 5 }, '/name', /string/],
      [{ name: null }, '/name', /string/],
      [{ name: 'x'.repeat(11) }, '/name', /10/],
      [{ name: 'x', size: '5' }, '/size', /integer/],
      [{ name: 'x', size: true }, '/size', /integer/],
      [{ name: 'x', size: 1.5 }, '/size', /integer/],
      [{ name: 'x', size: 0 }, '/size', />= 1/],
      [{ name: 'x', kind: 'c' }, '/kind', /^must be one of a, b$/],
      [{ name: 'x', at: 'tomorrow' }, '/at', /^must be a valid date-time$/],
      [{ name: 'x', at: '2026-12-31T23:59:60Z' }, '/at', /^must be a valid date-time$/],
      [{ name: 'x', id: 'urn:uuid:01900000-0000-7000-8000-000000000001' }, '/id', /valid uuid/],
      [{ name: 'x', list: [{ on: true }, { on: 'true' }] }, '/list/1/on', /boolean/],
      [{ name: 'x', list: [{ on: true, off: 1 }] }, '/list/0/off', /^is not a known field$/],
      [[], '/', /object/],
    ];
    for (const [body, field, rule] of cases) {
      const { status, headers, body: problem } = await post(body);
      assert.equal(status, 400, JSON.stringify(body));
      assert.match(String(headers['content-type']), /^application\/problem\+json/);
      assert.deepEqual([problem.code, problem.status], ['request.invalid', 400]);
      assert.equal(problem.errors[0].field, field);
      assert.match(problem.errors[0].rule, rule);
    }
  });

  it('takes a body as it is', async () => {
    const body = { name: 'x', size: 5, kind: 'a', list: [{ on: false }] };
    const { status, body: answer } = await post(body);
    assert.deepEqual([status, answer], [200, body]);
  });

  it('needs a body where one is declared', async () => {
    assert.equal((await post('')).status, 400);
    assert.equal((await ask({ method: 'POST', url: '/things' })).status, 400);
  });

  it('reads numbers from the query, and refuses what is none or is not known', async () => {
    assert.deepEqual((await get('/things?limit=7')).body, { limit: 7 });
    for (const [query, field] of [
      ['limit=seven', 'query/limit'],
      ['limit=', 'query/limit'],
      ['limit=0', 'query/limit'],
      ['limit=101', 'query/limit'],
      ['limit=1&limit=2', 'query/limit'],
      ['page=2', 'query/page'],
      ['__proto__=2', 'query/__proto__'],
    ]) {
      const { status, body } = await get(`/things?${query}`);
      assert.deepEqual([status, body.errors[0].field], [400, field], String(query));
    }
  });

  it('refuses a NUL character in path and query, which no database text can hold', async () => {
    assert.equal((await get('/things/a%00b')).body.errors[0].field, 'path/id');
    assert.equal((await get('/things?cursor=%00')).body.errors[0].field, 'query/cursor');
  });

  it('takes JSON by its exact media type only', async () => {
    const types = [
      'text/plain',
      'text/json',
      'application/jsonx',
      'application/json+x',
      'application/problem+json',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/jso',
      'xapplication/json',
      'application/json,text/plain',
    ];
    for (const type of types) {
      const { status, body } = await post({ name: 'x' }, { 'content-type': type });
      assert.deepEqual([status, body.code], [415, 'request.unsupported_media_type'], type);
    }
    assert.equal((await post({ name: 'x' }, { 'content-type': '' })).status, 415);
    for (const type of ['application/json; charset=utf-8', 'Application/JSON', 'application/json;x="y"'])
      assert.equal((await post({ name: 'x' }, { 'content-type': type })).status, 200, type);
  });

  it('validates a body whatever hides in its content type', async () => {
    for (const type of [
      'application/json;x=\ty',
      'application/json;',
      'application/json\t',
      ' application/json',
    ]) {
      const { status } = await post({ name: 5 }, { 'content-type': type });
      assert.ok(status === 400 || status === 415, `${JSON.stringify(type)}: ${status}`);
    }
  });

  it('answers what it could not parse with 400 and a monster with 413', async () => {
    assert.deepEqual((await post('{"name":')).body.code, 'request.malformed');
    assert.deepEqual((await post('{"name":"x","__proto__":{}}')).body.code, 'request.malformed');
    const { status, headers, body } = await post({ name: 'x'.repeat(BODY_LIMIT) });
    assert.deepEqual([status, body.code], [413, 'request.too_large']);
    assert.match(String(headers['content-type']), /^application\/problem\+json/);
  });

  it('answers an address where nothing is with 404, without its query', async () => {
    const { status, headers, body } = await get('/nowhere?token=abc');
    assert.deepEqual(
      [status, body.code, body.detail],
      [404, 'route.not_found', 'GET /nowhere does not exist'],
    );
    assert.match(String(headers['content-type']), /^application\/problem\+json/);
    assert.equal((await ask({ method: 'DELETE', url: '/things' })).status, 404);
  });

  it('answers an address that is none with problem details too', async () => {
    for (const url of ['/things/%', '/things/%c3', `/things/${'a'.repeat(600)}`]) {
      const { status, headers, body } = await get(url);
      assert.ok(status === 400 || status === 404, `${url}: ${status}`);
      assert.match(String(headers['content-type']), /^application\/problem\+json/, url);
      assert.equal(body.status, status);
    }
  });

  it('answers a bug with 500, tells the caller nothing of it and the log everything', async () => {
    const { status, text, body } = await failWith(new Error('password is hunter2'));
    assert.deepEqual([status, body.code], [500, 'service.internal']);
    assert.ok(!text.includes('hunter2'));
    assert.match(logs.join(), /hunter2/);
    assert.equal((await failWith('only a text')).status, 500);
    assert.equal((await failWith(Object.assign(new Error('sly'), { statusCode: 200 }))).status, 500);
  });

  it('answers 503 with Retry-After while the database is away', async () => {
    const away = [
      Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
      Object.assign(new Error('admin shutdown'), { code: '57P01' }),
      Object.assign(new Error('connection failure'), { code: '08006' }),
      Object.assign(new Error('too many connections'), { code: '53300' }),
      new Error('timeout exceeded when trying to connect'),
      new Error('Connection terminated unexpectedly'),
      new Error('Connection terminated due to connection timeout'),
      new Error('Client has encountered a connection error and is not queryable'),
    ];
    for (const error of away) {
      const { status, headers, body } = await failWith(error);
      assert.deepEqual([status, body.code], [503, 'service.unavailable'], error.message);
      assert.equal(headers['retry-after'], '1');
      assert.ok(logs.length > 0);
    }
  });

  it('describes itself', async () => {
    const { status, body } = await get('/openapi.json');
    assert.equal(status, 200);
    assert.deepEqual([body.openapi, body.info.version], ['3.1.0', '1.2.3']);
    assert.ok(body.paths['/things'].post);
  });
});
