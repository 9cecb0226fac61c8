import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import type { Credential } from '../http/index.ts';
import { FakeClock } from '../lib/clock.ts';
import type { Store } from '../store/index.ts';
import { createAuthenticator } from './authenticator.ts';
import { BOOTSTRAP_KEY_ID } from './bootstrap-key.ts';
import { generateKey } from './key-format.ts';
import { listKeys, revokeKey, rotateKey } from './keys.ts';
import { ensureDefaultTenant } from './tenants.ts';
import { makeKey, makeTenant } from './testing.ts';

/** The store with a count of the statements its API pool runs, whose answers can be held back. */
function observe(store: Store) {
  let count = 0;
  const held = { until: Promise.resolve() };
  const api = new Proxy(store.api, {
    get(pool, property) {
      if (property === 'query') {
        return async (...args: [string]) => {
          count++;
          const answer = await pool.query(...args);
          await held.until;
          return answer;
        };
      }
      const value = Reflect.get(pool, property);
      return typeof value === 'function' ? value.bind(pool) : value;
    },
  });
  return { store: { ...store, api }, queries: () => count, held };
}

async function setUp(store: Store) {
  const clock = new FakeClock();
  const tenantId = await makeTenant(store, clock.now());
  const key = await makeKey(store, clock, { tenantId, scopes: ['notifications:write'] });
  const { store: observed, queries, held } = observe(store);
  const authenticate = createAuthenticator({ store: observed, clock });
  return { clock, tenantId, key, token: key.key.reveal(), authenticate, queries, held };
}

describeStores('the authenticator', (store) => {
  it('knows a key by its token, and then answers without waiting and without a query', async () => {
    const { authenticate, token, key, tenantId, queries } = await setUp(store());
    const first = await authenticate(token);
    assert.deepEqual(first, { keyId: key.id, tenantId, live: true, scopes: ['notifications:write'] });
    assert.equal(authenticate(token), first);
    assert.equal(queries(), 1);
  });

  it('asks the database once for requests that come together', async () => {
    const { authenticate, token, queries } = await setUp(store());
    const answers = await Promise.all(Array.from({ length: 50 }, () => authenticate(token)));
    assert.ok(answers.every((answer) => answer !== null));
    assert.equal(queries(), 1);
  });

  it('refuses what is no key of ours without asking the database', async () => {
    const { authenticate, token, queries } = await setUp(store());
    for (const wrong of ['', 'x', token.slice(0, -1), `${token.slice(0, -1)}!`, 'bh_live_'.padEnd(46, 'a')]) {
      assert.equal(authenticate(wrong), null, wrong);
    }
    assert.equal(queries(), 0);
  });

  it('remembers for a second that a key is unknown', async () => {
    const { authenticate, clock, queries } = await setUp(store());
    const stranger = generateKey(true).reveal();
    assert.equal(await authenticate(stranger), null);
    assert.equal(authenticate(stranger), null);
    assert.equal(queries(), 1);
    clock.advance(1_000);
    assert.equal(await authenticate(stranger), null);
    assert.equal(queries(), 2);
  });

  it('asks for a flood of unknown keys in few statements', async () => {
    const { authenticate, queries } = await setUp(store());
    const flood = Array.from({ length: 1_000 }, () => generateKey(true).reveal());
    const answers = await Promise.all(flood.map((token) => authenticate(token)));
    assert.ok(answers.every((answer) => answer === null));
    assert.ok(queries() <= 6, `${queries()} statements`);
  });

  it('refuses a revoked key at once in this process and within five seconds in others', async () => {
    const { authenticate, clock, key, token, tenantId } = await setUp(store());
    const other = createAuthenticator({ store: store(), clock });
    assert.ok(await authenticate(token));
    assert.ok(await other(token));
    await revokeKey({ store: store(), clock }, { tenantId, id: key.id });
    authenticate.forget(key.id);
    assert.equal(await authenticate(token), null);
    clock.advance(5_000);
    assert.equal(await other(token), null);
  });

  it('does not remember what it read while a key was being revoked', async () => {
    const { authenticate, clock, key, token, tenantId, held } = await setUp(store());
    const { promise, resolve } = Promise.withResolvers<void>();
    held.until = promise;
    const underWay = authenticate(token);
    await new Promise(setImmediate);
    await revokeKey({ store: store(), clock }, { tenantId, id: key.id });
    authenticate.forget(key.id);
    resolve();
    assert.ok(await underWay, 'it was read before the revocation');
    assert.equal(await authenticate(token), null);
  });

  it('reads a key in use again beside the request, so that the request never waits', async () => {
    const { authenticate, clock, token, queries } = await setUp(store());
    await authenticate(token);
    for (let second = 0; second < 20; second += 2) {
      clock.advance(2_000);
      const answer = authenticate(token);
      assert.ok(answer && !(answer instanceof Promise));
      // The look-up leaves at the end of this turn; what is asked after it is answered after it.
      await new Promise(setImmediate);
      await store().api.query('select 1');
    }
    assert.ok(queries() > 3, `${queries()} statements`);
  });

  it('refuses an expired key to the millisecond', async () => {
    const clock = new FakeClock();
    const tenantId = await makeTenant(store(), clock.now());
    const { key } = await makeKey(store(), clock, { tenantId, expiresAt: clock.now() + 1_000 });
    const authenticate = createAuthenticator({ store: store(), clock });
    assert.ok(await authenticate(key.reveal()));
    clock.advance(999);
    assert.ok(authenticate(key.reveal()));
    clock.advance(1);
    assert.equal(authenticate(key.reveal()), null);
    clock.advance(10_000);
    assert.equal(await authenticate(key.reveal()), null);
  });

  it('accepts the old and the new key of a rotation until the overlap ends', async () => {
    const { authenticate, clock, key, token, tenantId } = await setUp(store());
    await authenticate(token);
    const fresh = await rotateKey({ store: store(), clock }, { tenantId, id: key.id, overlapMs: 60_000 });
    authenticate.forget(key.id);
    clock.advance(59_999);
    const [old, next] = [await authenticate(token), await authenticate(fresh.key.reveal())];
    assert.deepEqual({ ...old, keyId: fresh.id }, next);
    clock.advance(1);
    assert.equal(await authenticate(token), null);
    assert.ok(await authenticate(fresh.key.reveal()));
  });

  it('writes down the last use of keys at most once a minute, in one statement', async () => {
    const { authenticate, clock, key, token, tenantId, queries } = await setUp(store());
    const lastUsed = async () => (await listKeys({ store: store() }, { tenantId, limit: 10 }))[0]!.lastUsedAt;
    await authenticate(token);
    const usedAt = clock.now();
    await authenticate.saveUsage();
    assert.equal(await lastUsed(), new Date(usedAt).toISOString());
    clock.advance(1_000);
    await authenticate(token);
    const before = queries();
    await authenticate.saveUsage();
    assert.equal(queries(), before);
    clock.advance(59_000);
    await authenticate(token);
    await authenticate.saveUsage();
    assert.equal(await lastUsed(), new Date(usedAt + 60_000).toISOString());
    assert.equal(key.lastUsedAt, null);
  });

  it('saves the last uses once more when it is stopped', async () => {
    const { authenticate, token, tenantId } = await setUp(store());
    const stop = new AbortController();
    await authenticate(token);
    const running = authenticate.run(stop.signal);
    stop.abort();
    await running;
    const [key] = await listKeys({ store: store() }, { tenantId, limit: 1 });
    assert.ok(key?.lastUsedAt);
  });

  it('accepts the bootstrap key as the owner of the default tenant, live unless it begins with bh_test_', async () => {
    const clock = new FakeClock();
    for (const [bootstrapKey, live] of [
      ['an operator typed this long text here', true],
      ['bh_live_an-operator-typed-this-long-text', true],
      ['bh_test_an-operator-typed-this-long-text', false],
    ] as const) {
      const authenticate = createAuthenticator({ store: store(), clock, bootstrapKey });
      const tenantId = await ensureDefaultTenant(store(), clock);
      const expected: Credential = { keyId: BOOTSTRAP_KEY_ID, tenantId, live, scopes: ['owner'] };
      assert.deepEqual(await authenticate(bootstrapKey), expected);
      assert.deepEqual(authenticate(bootstrapKey), expected);
      assert.equal(authenticate(`${bootstrapKey}.`), null);
    }
  });

  it('refuses a bootstrap key that is too short', () => {
    assert.throws(
      () => createAuthenticator({ store: store(), clock: new FakeClock(), bootstrapKey: 'short' }),
      /32 characters/,
    );
  });
});
