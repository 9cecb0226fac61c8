import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FakeClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { type Credential, createServer, mayUse, SCOPES, type Scope, type Server } from './index.ts';

const PER_KEY = 3;
const FAILURES = 2;

describe('authentication', () => {
  let app: Server;
  let clock: FakeClock;
  let parsedBodies: number;
  const keys = new Map<string, readonly Scope[]>([
    ['reader', ['users:read']],
    ['writer', ['users:write', 'users:read']],
    ['owner', ['owner']],
  ]);
  const credential = (token: string): Credential | null => {
    const scopes = keys.get(token);
    return scopes ? { keyId: token, tenantId: `tenant of ${token}`, live: true, scopes } : null;
  };
  beforeEach(async () => {
    clock = new FakeClock();
    parsedBodies = 0;
    app = await createServer({
      authenticate: async (token) => credential(token),
      clock,
      logger: silentLogger,
      version: '0',
      bodyLimit: 1_000,
      requestsPerSecondPerKey: PER_KEY,
      authFailuresPerSecondPerAddress: FAILURES,
      trustProxy: '127.0.0.1',
    });
    app.get('/open', () => ({ open: true }));
    app.get('/read', { config: { scope: 'users:read' } }, (request) => request.credential);
    app.post('/write', { config: { scope: 'users:write' } }, (request) => request.credential);
    app.addHook('preValidation', async (request) => {
      if (request.body !== undefined) parsedBodies++;
    });
    await app.ready();
  });
  afterEach(() => app.close());

  async function ask(url: string, authorization?: string, extra: { from?: string; body?: object } = {}) {
    const headers = {
      ...(authorization === undefined ? {} : { authorization }),
      ...(extra.from ? { 'x-forwarded-for': extra.from } : {}),
    };
    const answer = await app.inject({
      method: extra.body ? 'POST' : 'GET',
      url,
      headers,
      payload: extra.body,
    });
    return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
  }

  it('is not needed where no scope is declared', async () => {
    assert.deepEqual((await ask('/open')).body, { open: true });
  });

  it('tells the handler who calls', async () => {
    const { status, body } = await ask('/read', 'bearer   reader');
    assert.deepEqual([status, body.tenantId], [200, 'tenant of reader']);
  });

  it('answers 401 and how to do it when no key was sent', async () => {
    for (const header of [undefined, '', 'reader', 'Basic cmVhZGVyOg==', 'Bearer', 'Bearer ', 'Bearer a b']) {
      const { status, headers, body } = await ask('/read', header);
      assert.deepEqual([status, body.code], [401, 'auth.missing'], String(header));
      assert.equal(headers['www-authenticate'], 'Bearer');
      assert.match(String(headers['content-type']), /^application\/problem\+json/);
    }
  });

  it('answers 401 to a key that nobody has', async () => {
    const { status, body } = await ask('/read', 'Bearer nobody');
    assert.deepEqual([status, body.code], [401, 'auth.invalid']);
  });

  it('answers 403 to a key without the scope, and reads no body for it', async () => {
    const { status, body } = await ask('/write', 'Bearer reader', { body: { a: 1 } });
    assert.deepEqual([status, body.code], [403, 'auth.forbidden']);
    assert.match(body.detail, /users:write/);
    assert.equal(parsedBodies, 0);
    assert.equal((await ask('/write', 'Bearer owner', { body: { a: 1 } })).status, 200);
    assert.equal(parsedBodies, 1);
  });

  it('makes a scope neither more nor less than its word', () => {
    for (const scope of SCOPES) {
      assert.ok(mayUse({ keyId: '', tenantId: '', live: true, scopes: ['owner'] }, scope));
      const others = SCOPES.filter((other) => other !== scope && other !== 'owner');
      assert.ok(!mayUse({ keyId: '', tenantId: '', live: true, scopes: others }, scope));
    }
  });

  it('answers 429 to an address that fails too often, until the second is over', async () => {
    for (let i = 0; i < FAILURES; i++) assert.equal((await ask('/read', `Bearer guess-${i}`)).status, 401);
    const { status, headers, body } = await ask('/read', 'Bearer reader');
    assert.deepEqual([status, body.code, headers['retry-after']], [429, 'rate.limited', '1']);
    assert.equal((await ask('/read', 'Bearer reader', { from: '192.0.2.7' })).status, 200);
    clock.advance(999);
    assert.equal((await ask('/read', 'Bearer reader')).status, 429);
    clock.advance(1);
    assert.equal((await ask('/read', 'Bearer reader')).status, 200);
  });

  it('answers 429 to a key that asks too often, and to no other key', async () => {
    for (let i = 0; i < PER_KEY; i++) assert.equal((await ask('/read', 'Bearer reader')).status, 200);
    const { status, headers, body } = await ask('/read', 'Bearer reader');
    assert.deepEqual([status, body.code, headers['retry-after']], [429, 'rate.limited', '1']);
    assert.equal((await ask('/read', 'Bearer writer')).status, 200);
    clock.advance(1_000);
    assert.equal((await ask('/read', 'Bearer reader')).status, 200);
  });
});
