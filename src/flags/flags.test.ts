import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { describeStores } from '../../test/support/stores.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import { parseFlags } from '../config/index.ts';
import { isWithin } from './evaluate.ts';
import { createFlags, type Flags, valueInForce } from './flags.ts';
import { registerFlagRoutes } from './routes.ts';

const settingsOf = (text: string) => (parseFlags(text) as { values: [] }).values;

describe('a percentage', () => {
  const percentage = fc.double({ min: 0, max: 100, noNaN: true });

  it('gives the same answer for the same subject whenever it is asked', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), percentage, (flag, subject, at) => {
        assert.equal(isWithin(flag, subject, at), isWithin(flag, subject, at));
      }),
    );
  });

  it('keeps everybody who was in when it is raised', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), percentage, percentage, (flag, subject, a, b) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        assert.ok(!isWithin(flag, subject, low) || isWithin(flag, subject, high));
      }),
    );
  });

  it('takes nobody at 0, everybody at 100, and its share of many in between', () => {
    const share = (at: number) =>
      Array.from({ length: 20_000 }, (_, i) => isWithin('failover', `user-${i}`, at)).filter(Boolean).length /
      200;
    assert.deepEqual([share(0), share(100)], [0, 100]);
    for (const at of [1, 10, 50]) assert.ok(Math.abs(share(at) - at) < 1.5, `${at} %: ${share(at)}`);
  });

  it('does not take the same subjects for every flag', () => {
    const subjects = Array.from({ length: 2_000 }, (_, i) => `user-${i}`);
    const both = subjects.filter((s) => isWithin('failover', s, 50) && isWithin('hooks', s, 50)).length;
    assert.ok(both > 400 && both < 600, String(both));
  });
});

describe('the value in force', () => {
  it("is the tenant's own, else the operator's, else the default", () => {
    const settings = settingsOf('failover@live=25%');
    const own = [{ flag: 'failover', environment: 'test', percentage: 5 }];
    const value = (environment: 'live' | 'test', flag: 'failover' | 'hooks' = 'failover') =>
      valueInForce({ flag, environment }, own, settings);
    assert.deepEqual(value('test'), { percentage: 5, source: 'tenant' });
    assert.deepEqual(value('live'), { percentage: 25, source: 'setting' });
    assert.deepEqual(value('live', 'hooks'), { percentage: 100, source: 'default' });
  });

  it('is the last one when a setting names a flag twice', () => {
    const settings = settingsOf('hooks=off,hooks@test=on');
    assert.equal(valueInForce({ flag: 'hooks', environment: 'test' }, [], settings).percentage, 100);
    assert.equal(valueInForce({ flag: 'hooks', environment: 'live' }, [], settings).percentage, 0);
  });
});

describeStores('feature flags', (store) => {
  let api: TwoTenants;
  let flags: Flags;
  let elsewhere: Flags;
  before(async () => {
    const settings = settingsOf('hooks=off');
    api = await serveTwoTenants(store(), (app, deps) => {
      flags = createFlags({ clock: deps.clock, settings });
      elsewhere = createFlags({ clock: deps.clock, settings });
      registerFlagRoutes(app, { ...deps, flags, settings });
    });
  });
  after(() => api.close());

  const isOn = async (where: Flags, of: { live: boolean }, tenantId = api.tenantId) =>
    (await where.forTenants(store().engine, [tenantId]))
      .get(tenantId)!
      .isOn('failover', { ...of, subject: 'ada' });

  it('are listed with the value in force and where it comes from', async () => {
    const { status, body } = await api.call('GET', '/v1/flags');
    assert.equal(status, 200);
    const [failover, hooks] = body.items;
    assert.deepEqual([failover.name, hooks.name], ['failover', 'hooks']);
    assert.deepEqual(failover.live, { percentage: 100, source: 'default' });
    assert.deepEqual(hooks.test, { percentage: 0, source: 'setting' });
  });

  it('are set for one environment of one tenant, at once here and within two seconds elsewhere', async () => {
    assert.equal(await isOn(flags, { live: true }), true);
    assert.equal(await isOn(elsewhere, { live: true }), true);
    const put = await api.call('PUT', '/v1/flags/failover', { percentage: 0, environment: 'live' });
    assert.deepEqual([put.status, put.body.live], [200, { percentage: 0, source: 'tenant' }]);
    assert.deepEqual(put.body.test, { percentage: 100, source: 'default' });
    assert.equal(await isOn(flags, { live: true }), false);
    assert.equal(await isOn(flags, { live: false }), true);
    assert.equal(await isOn(flags, { live: true }, api.otherTenantId), true);
    assert.equal(await isOn(elsewhere, { live: true }), true, 'it was read a moment ago');
    api.clock.advance(2_000);
    assert.equal(await isOn(elsewhere, { live: true }), false);
  });

  it('go back to the value for everybody when the own one is removed', async () => {
    await api.call('PUT', '/v1/flags/failover', { percentage: 12.5 });
    const one = await api.call('DELETE', '/v1/flags/failover?environment=test');
    assert.deepEqual(
      [one.body.live, one.body.test],
      [
        { percentage: 12.5, source: 'tenant' },
        { percentage: 100, source: 'default' },
      ],
    );
    const both = await api.call('DELETE', '/v1/flags/failover');
    assert.deepEqual(both.body.live, { percentage: 100, source: 'default' });
    assert.equal(await isOn(flags, { live: true }), true);
  });

  it('are refused when they are unknown or out of range', async () => {
    assert.equal((await api.call('PUT', '/v1/flags/nope', { percentage: 1 })).body.code, 'flag.not_found');
    for (const body of [{}, { percentage: 101 }, { percentage: '1' }, { percentage: 1, more: 1 }]) {
      assert.equal((await api.call('PUT', '/v1/flags/hooks', body)).status, 400, JSON.stringify(body));
    }
  });

  it('cost no query while they are fresh', async () => {
    let queries = 0;
    const db = {
      // biome-ignore lint/suspicious/noExplicitAny: both forms of the call are handed on
      query: (...args: [any]) => {
        queries++;
        return store().engine.query(...args);
      },
    };
    const fresh = createFlags({ clock: api.clock, settings: [] });
    for (let i = 0; i < 5; i++) await fresh.forTenants(db as never, [api.tenantId, api.otherTenantId]);
    assert.equal(queries, 1);
  });
});
