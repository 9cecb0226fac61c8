import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { publishedTemplates } from '../../test/support/templates.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import { registerChangeRoutes } from '../accept/index.ts';
import { reconcile, registerLedgerRoutes } from '../ledger/index.ts';
import { insertNotification } from '../ledger/testing.ts';
import { silentLogger } from '../lib/logger.ts';
import { Wake } from '../queue/index.ts';
import {
  createCategories,
  createRules,
  registerCategoryRoutes,
  registerPreferenceRoutes,
  registerQuietRoutes,
} from '../rules/index.ts';
import { createMetrics } from '../telemetry/index.ts';
import { registerUserRoutes } from '../users/index.ts';
import { Router } from './router.ts';

const NORMAL = 1;
const HOUR_MS = 3_600_000;

// The tenant's night begins at 13:00 UTC, an hour after the clock of these tests starts.
describeStores('what quiet hours postpone', (store) => {
  let api: TwoTenants;
  let router: Router;
  const metrics = createMetrics();
  before(async () => {
    api = await serveTwoTenants(store(), (app, { clock, ...deps }) => {
      const wake = new Wake();
      const rules = createRules(clock);
      const categories = createCategories(clock);
      registerCategoryRoutes(app, { ...deps, clock, categories });
      registerQuietRoutes(app, { ...deps, clock, rules });
      registerPreferenceRoutes(app, { ...deps, clock });
      registerUserRoutes(app, { ...deps, clock });
      registerLedgerRoutes(app, { ...deps, clock, wake });
      registerChangeRoutes(app, { ...deps, clock, wake, templates: publishedTemplates(() => true) });
      router = new Router({
        store: store(),
        clock,
        logger: silentLogger,
        templates: { compiled: async () => new Map() },
        connections: { forTenants: async () => new Map() },
        categories,
        rules,
        metrics,
      });
    });
    const contacts = { email: 'ada@mail.example', phone: '+4915123456789' };
    await api.call('PUT', '/v1/users/ada', { contacts, timezone: 'Asia/Tokyo' });
    const night = { windows: [{ from: '22:00', to: '07:00' }] };
    assert.equal((await api.call('PUT', '/v1/quiet-hours', night)).status, 200);
  });
  beforeEach(() =>
    store().engine.query('truncate deliveries, notifications, unrouted, postponed, claims, counters'),
  );
  after(() => api.close());

  /** A test notification, so that no connection is needed, at the time of the fake clock. */
  const notify = (request: object, columns: object = {}) => {
    const at = new Date(api.clock.now());
    return insertNotification(store(), api.tenantId, {
      live: false,
      state: 'accepted',
      category: 'marketing',
      request: { message: { title: 'Hello', body: 'World' }, ...request },
      due_at: at,
      created_at: at,
      ...columns,
    });
  };
  const see = async (id: string) => (await api.callAsTest('GET', `/v1/notifications/${id}`)).body;
  const channelsOf = (view: { deliveries: { channel: string; state: string }[] }) =>
    view.deliveries.map(({ channel, state }) => `${channel} ${state}`).sort();
  const findings = async () => (await reconcile(store().engine, new Date(0))).findings;

  it('waits for its end, while other channels go out, and is then decided anew', async () => {
    api.clock.advance(2 * HOUR_MS);
    const id = await notify({ channels: ['email', 'sms', 'inbox'] });
    await router.routeBatch(NORMAL);
    const before = await see(id);
    assert.deepEqual(channelsOf(before), ['inbox queued']);
    assert.equal(before.status, 'processing');
    assert.deepEqual(before.waiting, [
      { channels: ['email', 'sms'], reason: 'quiet_hours', until: '2026-11-21T22:00:00.000Z' },
    ]);
    assert.match(
      await metrics.render(),
      /channels_postponed_total\{channel="sms",priority="normal",kind="test",reason="quiet_hours"\} 1\n/,
    );
    assert.deepEqual(await findings(), []);
    assert.equal((await router.routeBatch(NORMAL)).count, 0);
    await api.call('PUT', '/v1/users/ada', { contacts: { phone: null } });
    api.clock.advance(8 * HOUR_MS);
    await router.routeBatch(NORMAL);
    const afterwards = await see(id);
    assert.deepEqual(channelsOf(afterwards), ['email queued', 'inbox queued', 'sms skipped']);
    assert.equal(afterwards.waiting, undefined);
    assert.deepEqual(await findings(), []);
    await api.call('PUT', '/v1/users/ada', { contacts: { phone: '+4915123456789' } });
  });

  it('can be cancelled meanwhile, and every channel has its end', async () => {
    api.clock.advance(16 * HOUR_MS);
    const id = await notify({ channels: ['email', 'sms'] });
    await router.routeBatch(NORMAL);
    assert.deepEqual(channelsOf(await see(id)), []);
    api.clock.advance(1);
    const { body } = await api.callAsTest('POST', `/v1/notifications/${id}/cancel`);
    assert.deepEqual(body, { cancelled: 2, beingSent: 0 });
    await router.routeBatch(NORMAL);
    const view = await see(id);
    assert.deepEqual([view.status, channelsOf(view)], ['cancelled', ['email cancelled', 'sms cancelled']]);
    assert.equal((await api.callAsTest('POST', `/v1/notifications/${id}/cancel`)).status, 409);
    assert.deepEqual(await findings(), []);
  });

  it('ends when it would be too late afterwards', async () => {
    const id = await notify({ channels: ['email'] }, { expires_at: new Date(api.clock.now() + HOUR_MS) });
    await router.routeBatch(NORMAL);
    assert.deepEqual(channelsOf(await see(id)), ['email expired']);
  });

  it('is skipped when the user refuses it meanwhile', async () => {
    const id = await notify({ channels: ['email', 'sms'] });
    await router.routeBatch(NORMAL);
    const said = [
      { category: 'marketing', channel: '*', choice: 'out' },
      { category: 'marketing', channel: 'sms', choice: 'in' },
    ];
    const { body } = await api.call('PATCH', '/v1/users/ada/preferences', { preferences: said });
    assert.deepEqual(
      body.preferences.map(({ channel, choice, source }: Record<string, string>) => [
        channel,
        choice,
        source,
      ]),
      [
        ['*', 'out', 'api'],
        ['sms', 'in', 'api'],
      ],
    );
    api.clock.advance(24 * HOUR_MS - 6 * HOUR_MS);
    await router.routeBatch(NORMAL);
    assert.deepEqual(channelsOf(await see(id)), ['email skipped', 'sms queued']);
    const unsaid = said.map((each) => ({ ...each, choice: null }));
    const { body: after } = await api.call('PATCH', '/v1/users/ada/preferences', { preferences: unsaid });
    assert.deepEqual(after.preferences, []);
    api.clock.advance(6 * HOUR_MS);
  });

  it('is nothing of a category that ignores quiet hours', async () => {
    const id = await notify({ channels: ['email'] }, { category: 'security' });
    await router.routeBatch(NORMAL);
    assert.deepEqual(channelsOf(await see(id)), ['email queued']);
  });

  it("adds a user's own hours to those of the tenant", async () => {
    const own = { windows: [{ from: '07:00', to: '09:00' }] };
    await api.call('PUT', '/v1/users/ada/quiet-hours', own);
    assert.deepEqual((await api.call('GET', '/v1/users/ada/quiet-hours')).body, own);
    const id = await notify({ channels: ['email'] });
    await router.routeBatch(NORMAL);
    assert.match((await see(id)).waiting[0].until, /T00:00:00/);
    assert.equal((await api.call('DELETE', '/v1/users/ada/quiet-hours')).status, 204);
    assert.equal((await api.call('DELETE', '/v1/users/nobody/quiet-hours')).status, 404);
  });

  it('is nothing that is urgent, where the category lets that pass, and it is on record', async () => {
    const declared = { kind: 'marketing', urgentPasses: true };
    assert.equal((await api.call('PUT', '/v1/categories/alerts', declared)).status, 201);
    const [urgent, other] = [
      await notify({ channels: ['email'] }, { category: 'alerts', priority: 0 }),
      await notify({ channels: ['email'] }, { category: 'alerts' }),
    ];
    await router.routeBatch(0);
    await router.routeBatch(NORMAL);
    const [delivery] = (await see(urgent)).deliveries;
    assert.deepEqual([delivery.state, delivery.choice], ['queued', { passedQuietHours: true }]);
    assert.match(delivery.why, /It is urgent, so it did not wait for the end of quiet hours\./);
    assert.equal((await see(other)).waiting[0].reason, 'quiet_hours');
  });

  it('waits for the delivery window of the notification, and for the quiet hours that follow', async () => {
    const { clock } = api;
    const now = clock.now();
    const id = await notify({ channels: ['inbox'], window: { from: '12:00', to: '13:00' } });
    await router.routeBatch(NORMAL);
    const [waiting] = (await see(id)).waiting;
    // Noon in Tokyo.
    assert.match(waiting.until, /T03:00:00/);
    assert.equal(waiting.reason, 'window');
    clock.advance(Date.parse(waiting.until) - now);
    await router.routeBatch(NORMAL);
    assert.deepEqual(channelsOf(await see(id)), ['inbox queued']);
    const early = { channels: ['email'], window: { from: '06:00', to: '12:00', spreadMinutes: 30 } };
    const second = await notify(early);
    const third = await notify(early, { expires_at: new Date(clock.now() + HOUR_MS) });
    await router.routeBatch(NORMAL);
    assert.deepEqual(channelsOf(await see(third)), ['email expired']);
    const place = (await see(second)).waiting[0];
    assert.match(place.until, /T21:[0-2]\d:/);
    clock.advance(Date.parse(place.until) - clock.now());
    await router.routeBatch(NORMAL);
    assert.deepEqual(
      (await see(second)).waiting.map(({ reason, until }: Record<string, string>) => [
        reason,
        until!.slice(10, 16),
      ]),
      [['quiet_hours', 'T22:00']],
    );
    assert.deepEqual(await findings(), []);
    clock.advance(now - clock.now() + 48 * HOUR_MS);
  });

  it('waits on a holiday of the country that the locale of a user names, and for nobody else', async () => {
    const today = new Date(api.clock.now() + 9 * HOUR_MS).toISOString().slice(0, 10);
    const holiday = { from: '00:00', to: '00:00', dates: [today], countries: ['JP'] };
    await api.call('PUT', '/v1/quiet-hours', { windows: [holiday] });
    const ids = [];
    for (const locale of ['ja-JP', 'en']) {
      const profile = { contacts: { email: 'ada@mail.example' }, timezone: 'Asia/Tokyo', locale };
      assert.equal((await api.call('PUT', '/v1/users/ada', profile)).status, 200);
      ids.push(await notify({ channels: ['email'] }));
      await router.routeBatch(NORMAL);
    }
    assert.match((await see(ids[0]!)).waiting[0].until, /T15:00:00/);
    assert.deepEqual(channelsOf(await see(ids[1]!)), ['email queued']);
  });

  it('refuses hours that make no sense, with the field', async () => {
    for (const [body, field] of [
      [{ windows: [] }, '/windows'],
      [{ windows: [{ from: '24:00', to: '07:00' }] }, '/windows/0/from'],
      [{ windows: [{ from: '22:00', to: '07:00', days: [0] }] }, '/windows/0/days/0'],
      [{ windows: [{ from: '22:00', to: '07:00', dates: ['2026-02-29'] }] }, '/windows/0/dates/0'],
      [{ windows: [{ from: '22:00', to: '07:00', days: [1], dates: ['2026-02-28'] }] }, '/windows/0/dates'],
      [{ windows: [{ from: '22:00', to: '07:00', countries: ['Austria'] }] }, '/windows/0/countries/0'],
      [{ windows: [{ from: '22:00', to: '07:00' }], timezone: 'Mars/Olympus' }, '/timezone'],
    ] as const) {
      const answer = await api.call('PUT', '/v1/quiet-hours', body);
      assert.deepEqual([answer.status, answer.body.errors[0].field], [400, field]);
    }
  });
});
