import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import { insertNotification } from '../ledger/testing.ts';
import { silentLogger } from '../lib/logger.ts';
import {
  createCategories,
  createRules,
  registerCategoryRoutes,
  registerQuietRoutes,
  registerQuotaRoutes,
  tidyCaps,
} from '../rules/index.ts';
import { registerUserRoutes } from '../users/index.ts';
import { heedCaps } from './heed-caps.ts';
import { Router } from './router.ts';

const NORMAL = 1;
const HOUR_MS = 3_600_000;

// The clock starts at 12:00 UTC, which is 21:00 for ada in Tokyo and 07:00 for bob in New York.
describeStores('caps', (store) => {
  let api: TwoTenants;
  let router: Router;
  before(async () => {
    api = await serveTwoTenants(store(), (app, { clock, ...deps }) => {
      const [rules, categories] = [createRules(clock), createCategories(clock)];
      registerCategoryRoutes(app, { ...deps, clock, categories });
      registerQuietRoutes(app, { ...deps, clock, rules });
      registerQuotaRoutes(app, { ...deps, clock, rules });
      registerUserRoutes(app, { ...deps, clock });
      router = new Router({
        store: store(),
        clock,
        logger: { ...silentLogger, error: assert.fail } as never,
        templates: { compiled: async () => new Map() },
        connections: { forTenants: async () => new Map() },
        categories,
        rules,
      });
    });
    for (const [name, timezone] of [
      ['ada', 'Asia/Tokyo'],
      ['bob', 'America/New_York'],
    ] as const) {
      const contacts = { email: `${name}@mail.example`, phone: '+4915123456789' };
      await api.call('PUT', `/v1/users/${name}`, { contacts, timezone });
    }
  });
  beforeEach(async () => {
    await store().engine.query(
      'truncate deliveries, notifications, unrouted, postponed, cap_uses, cap_holds',
    );
    await declare({});
  });
  after(() => api.close());

  const declare = async (definition: object) => {
    const { status } = await api.call('PUT', '/v1/categories/offers', definition);
    assert.ok(status < 300);
  };
  /** Routes test notifications, so that no connection is needed, at the time of the fake clock. */
  const send = async (count: number, request: object, columns: object = {}) => {
    const at = new Date(api.clock.now());
    for (let i = 0; i < count; i++)
      await insertNotification(store(), api.tenantId, {
        live: false,
        state: 'accepted',
        category: 'offers',
        request: { message: { title: 'Hello', body: 'World' }, ...request },
        due_at: at,
        created_at: at,
        ...columns,
      });
    await router.routeBatch(NORMAL);
  };
  const email = { channels: ['email'] };
  /** How each message fared: `email queued`, `sms capped by offers:sms:hour`. Counted. */
  const outcomes = async () => {
    const { rows } = await store().engine.query('select channel, state, reason, code from deliveries');
    const counts: Record<string, number> = {};
    for (const { channel, state, reason, code } of rows) {
      const outcome = `${channel} ${state === 'skipped' ? `${reason} by ${code}` : state}`;
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    }
    return counts;
  };
  const end = (state: string, where = 'true') =>
    store().engine.query(`update deliveries set state = $1 where state = 'queued' and ${where}`, [state]);
  const tidy = async () => {
    api.clock.advance(10_000);
    await tidyCaps({ store: store(), clock: api.clock });
  };

  it('let as many through as there are places, and say which rule had none for the rest', async () => {
    await declare({
      caps: [
        { limit: 3, per: 'day' },
        { limit: 1, per: 'hour', sliding: true, channel: 'sms' },
      ],
    });
    await send(2, { channels: ['sms'] });
    assert.deepEqual(await outcomes(), { 'sms queued': 1, 'sms capped by offers:sms:hour:sliding': 1 });
    await send(3, email);
    assert.deepEqual(await outcomes(), {
      'sms queued': 1,
      'sms capped by offers:sms:hour:sliding': 1,
      'email queued': 2,
      'email capped by offers:*:day': 1,
    });
  });

  it("begin anew with the day on the user's own clock", async () => {
    await declare({ caps: [{ limit: 1, per: 'day' }] });
    for (const hours of [0, 2, 1]) {
      api.clock.advance(hours * HOUR_MS);
      await send(1, email);
      await send(1, email, { user_id: 'bob' });
    }
    // It is midnight in Tokyo now, and ten in the morning in New York.
    const byUser = await store().engine.query(
      `select user_id, count(*) filter (where state = 'queued') as sent from deliveries group by 1 order by sent desc`,
    );
    assert.deepEqual(
      byUser.rows.map(({ sent }) => sent),
      [2, 1],
    );
  });

  it("go by the tenant's clock for users who have none", async () => {
    await declare({ caps: [{ limit: 1, per: 'day' }] });
    const asleep = { windows: [{ from: '03:00', to: '04:00', channels: ['sms'] }], timezone: 'Asia/Kolkata' };
    await api.call('PUT', '/v1/quiet-hours', asleep);
    await api.call('PUT', '/v1/users/dan', { contacts: { email: 'dan@mail.example' } });
    await send(1, email, { user_id: 'dan' });
    const { rows } = await store().engine.query('select window_start from cap_uses');
    assert.match(rows[0].window_start.toISOString(), /T18:30:00/);
    await api.call('DELETE', '/v1/quiet-hours');
    await send(1, email, { user_id: 'dan' });
    assert.deepEqual(await outcomes(), { 'email queued': 2 }, 'the day of UTC is another one');
  });

  it('count a message to several devices once, and skip it with one row', async () => {
    await declare({ caps: [{ limit: 1, per: 'week' }] });
    for (const letter of ['a', 'b'])
      await api.call('POST', '/v1/users/bob/devices', { platform: 'android', token: letter.repeat(140) });
    await send(1, { channels: ['push'] }, { user_id: 'bob' });
    assert.deepEqual(await outcomes(), { 'push queued': 2 });
    await send(1, { channels: ['push'] }, { user_id: 'bob' });
    assert.deepEqual(await outcomes(), { 'push queued': 2, 'push capped by offers:*:week': 1 });
    await end('failed', 'device_id = (select min(device_id::text)::uuid from deliveries)');
    await tidy();
    await send(1, email, { user_id: 'bob' });
    assert.equal((await outcomes())['email capped by offers:*:week'], 1, 'the other device may still get it');
    await end('failed');
    await tidy();
    await send(1, email, { user_id: 'bob' });
    assert.equal((await outcomes())['email queued'], 1);
  });

  it('are told also of channels that nobody asked for', async () => {
    await declare({ caps: [{ limit: 1, per: 'month', channel: 'email' }] });
    await send(2, {});
    assert.deepEqual(await outcomes(), {
      'email queued': 1,
      'inbox queued': 2,
      'email capped by offers:email:month': 1,
    });
  });

  it('get the place back of what did not go out, and not of what was sent', async () => {
    await declare({
      caps: [
        { limit: 1, per: 'day' },
        { limit: 1, per: 'day', sliding: true },
      ],
    });
    for (const state of ['cancelled', 'failed', 'expired', 'dead', 'sent']) {
      await send(1, email);
      assert.equal((await outcomes())['email queued'], 1, state);
      await tidy();
      await end(state);
      api.clock.advance(10_000);
      await tidy();
    }
    await send(1, email);
    assert.equal((await outcomes())['email capped by offers:*:day'], 1);
    assert.deepEqual((await store().engine.query('select 1 from cap_holds')).rows, []);
  });

  it('count what is postponed on the day on which it is sent', async () => {
    await declare({ quietHours: 'defer', caps: [{ limit: 1, per: 'day' }] });
    const now = new Date(api.clock.now());
    const hour = (add: number) => `${String((now.getUTCHours() + add) % 24).padStart(2, '0')}:00`;
    await api.call('PUT', '/v1/users/cyd', { contacts: { email: 'cyd@mail.example' }, timezone: 'UTC' });
    await api.call('PUT', '/v1/quiet-hours', {
      windows: [{ from: hour(0), to: hour(1), channels: ['email'] }],
    });
    await send(2, email, { user_id: 'cyd' });
    assert.deepEqual(await outcomes(), {});
    assert.deepEqual((await store().engine.query('select 1 from cap_uses')).rows, []);
    api.clock.advance(HOUR_MS);
    await router.routeBatch(NORMAL);
    assert.deepEqual(await outcomes(), { 'email queued': 1, 'email capped by offers:*:day': 1 });
    await api.call('DELETE', '/v1/quiet-hours');
  });

  it('of a tenant count all users together, by category and over all', async () => {
    const quotas = { perDay: { offers: 2, '*': 3 }, timezone: 'Europe/Berlin' };
    assert.deepEqual((await api.call('PUT', '/v1/quotas', quotas)).body, quotas);
    assert.deepEqual((await api.call('GET', '/v1/quotas')).body, quotas);
    assert.deepEqual((await api.callAsOther('GET', '/v1/quotas')).body, { perDay: {}, timezone: null });
    await send(1, email);
    await send(2, email, { user_id: 'bob' });
    await send(2, email, { category: 'news' });
    assert.deepEqual(await outcomes(), {
      'email queued': 3,
      'email capped by quota:offers': 1,
      'email capped by quota:*': 1,
    });
    const { rows } = await store().engine.query('select distinct user_id, window_start from cap_uses');
    assert.equal(rows.length, 1);
    assert.match(rows[0].window_start.toISOString(), /T23:00:00/);
    assert.equal((await api.call('DELETE', '/v1/quotas')).status, 204);
    await send(1, email);
    assert.equal((await outcomes())['email queued'], 4);
  });

  it('refuse quotas that make no sense, with the field', async () => {
    for (const [body, field] of [
      [{ perDay: {} }, '/perDay'],
      [{ perDay: { offers: 0 } }, '/perDay/offers'],
      [{ perDay: { offers: 1 }, timezone: 'Mars/Olympus' }, '/timezone'],
    ] as const) {
      const answer = await api.call('PUT', '/v1/quotas', body);
      assert.deepEqual([answer.status, answer.body.errors[0].field], [400, field]);
    }
    assert.equal((await api.call('PUT', '/v1/quotas', { perDay: { 'No Slug': 1 } })).status, 400);
  });

  it('cost a category without them nothing', async () => {
    await send(2, email, { category: 'news' });
    for (const table of ['cap_uses', 'cap_holds'])
      assert.deepEqual((await store().engine.query(`select 1 from ${table}`)).rows, []);
    const plan = { deliveries: [], postponed: [], asks: [] };
    assert.deepEqual(await heedCaps({ query: assert.fail } as never, [plan], 0), {
      deliveries: [],
      holds: [],
    });
  });

  it('have as many places taken as messages hold and were sent, whatever happens', async () => {
    await declare({
      caps: [
        { limit: 12, per: 'month' },
        { limit: 5, per: 'month', channel: 'sms' },
      ],
    });
    const states = ['sent', 'failed', 'cancelled', 'sent', 'expired'];
    for (let round = 0; round < 12; round++) {
      await send(3, { channels: ['email', 'sms'] }, { user_id: round % 2 ? 'ada' : 'bob' });
      // Every delivery ends at some time, half of them in the next round only.
      const half = `right(id::text, 1) ${round % 2 ? '<' : '>='} '8'`;
      await end(states[round % states.length]!, half);
      if (round % 3 === 2) await tidy();
      const { uses, limits } = await account();
      assert.deepEqual(uses.taken, uses.expected, `round ${round}`);
      assert.ok(limits);
    }
  });

  /** Both sides of the account, by user and rule: what is taken, and what is held or was sent. */
  async function account() {
    const { rows: taken } = await store().engine.query(
      'select user_id, rule, used, allowed from cap_uses order by 1, 2',
    );
    const { rows: held } = await store().engine.query(
      `select place->>0 as user_id, place->>1 as rule from cap_holds, jsonb_array_elements(places) as place`,
    );
    const { rows: sent } = await store().engine.query(
      `select user_id, channel from deliveries d where state = 'sent'
         and not exists (select 1 from cap_holds where d.id = any(delivery_ids))`,
    );
    const expected = new Map<string, number>();
    const add = (user: string, rule: string) =>
      expected.set(`${user} ${rule}`, (expected.get(`${user} ${rule}`) ?? 0) + 1);
    for (const { user_id, rule } of held) add(user_id, rule);
    for (const { user_id, channel } of sent) {
      add(user_id, 'offers:*:month');
      if (channel === 'sms') add(user_id, 'offers:sms:month');
    }
    const found = taken.map(({ user_id, rule, used }) => [`${user_id} ${rule}`, used] as const);
    return {
      uses: {
        taken: Object.fromEntries(found.filter(([, used]) => used > 0)),
        expected: Object.fromEntries([...expected].sort()),
      },
      limits: taken.every(({ used, allowed }) => used <= allowed),
    };
  }
});
