import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import { queueDeliveries, TENANT } from '../../test/support/ledger.ts';
import { describeStores } from '../../test/support/stores.ts';
import { createFlags } from '../flags/index.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { Wake } from '../queue/index.ts';
import type { Connection } from '../tenants/index.ts';
import { Evacuation } from './evacuation.ts';
import { Gates } from './gates.ts';
import { HealthBoard } from './health-board.ts';

const connection = (id: string, extra: Partial<Connection> = {}): Connection => ({
  tenantId: TENANT,
  id,
  providerId: 'twilio',
  channel: 'sms',
  enabled: true,
  priority: 1,
  weight: 1,
  app: null,
  countries: null,
  limits: {},
  tenantRates: {},
  heldTemplates: [],
  version: 1,
  updatedAt: 1,
  config: {},
  ...extra,
});
const ROW = { channel: 'sms', lane: 'sms.normal', connection: 'first', provider: 'twilio' };

describeStores('the evacuation of a broken connection', (store) => {
  const clock = new FakeClock();
  const at = (ms: number) => new Date(clock.now() + ms);
  beforeEach(async () => {
    await store().engine.query('truncate deliveries, notifications, attempts');
  });

  function setUp(connections: Connection[], percentage = 100) {
    const health = new HealthBoard({ store: store(), clock, logger: silentLogger });
    const gates = new Gates(clock, health);
    const wake = new Wake();
    const woken: string[] = [];
    wake.on((topic) => void woken.push(topic));
    const forTenants = async () => new Map([[TENANT, connections]]);
    const evacuation = new Evacuation({
      store: store(),
      clock,
      logger: silentLogger,
      wake,
      gates,
      health,
      connections: { forTenants },
      flags: createFlags({ clock, settings: [{ flag: 'failover', environment: 'live', percentage }] }),
    });
    health.of(connections[0]!).breaker.open(clock.now());
    return { evacuation, health, woken };
  }
  const rows = async () =>
    (await store().engine.query('select id, connection, due_at, retries, choice from deliveries order by id'))
      .rows;

  it('moves what waits there, due at once and with its reason, and wakes the lane', async () => {
    const { evacuation, woken } = setUp([connection('first'), connection('second', { priority: 2 })]);
    await queueDeliveries(store(), 2, { ...ROW, dueAt: at(60_000) });
    assert.equal(await evacuation.evacuate(), 2);
    const move = { from: 'first', to: 'second', why: 'breaker_open', at: clock.now() };
    for (const row of await rows()) {
      assert.deepEqual([row.connection, row.due_at.getTime(), row.retries], ['second', clock.now(), 0]);
      assert.deepEqual(row.choice, { moves: [move], tried: ['first'], retriesBefore: 0 });
    }
    assert.deepEqual(woken, ['sms.normal']);
    assert.equal(await evacuation.evacuate(), 0);
  });

  it('leaves what may have been sent already, what was tried there before, and what is not this tenant’s', async () => {
    const { evacuation } = setUp([connection('first'), connection('second')]);
    await queueDeliveries(store(), 1, { ...ROW, choice: { pinned: true } });
    await queueDeliveries(store(), 1, { ...ROW, choice: { tried: ['second'] } });
    await queueDeliveries(store(), 1, { ...ROW, tenantId: '01900000-0000-7000-8000-00000000000b' });
    assert.equal(await evacuation.evacuate(), 0);
    assert.ok((await rows()).every(({ connection }) => connection === 'first'));
  });

  it('takes no shelter that is broken, coming back, or does not serve everybody', async () => {
    const { evacuation, health } = setUp([
      connection('first'),
      connection('broken'),
      connection('back'),
      connection('some', { countries: { allow: ['DE'] } }),
    ]);
    health.of(connection('broken')).breaker.open(clock.now());
    health.of(connection('back')).breaker.open(clock.now() - 5_000);
    health.of(connection('back')).breaker.count(false, clock.now());
    await queueDeliveries(store(), 1, ROW);
    assert.equal(await evacuation.evacuate(), 0);
  });

  it('leaves everything where it is unless failover is on for all users', async () => {
    await queueDeliveries(store(), 1, ROW);
    const both = [connection('first'), connection('second')];
    for (const percentage of [0, 50]) assert.equal(await setUp(both, percentage).evacuation.evacuate(), 0);
    assert.equal(await setUp(both, 100).evacuation.evacuate(), 1);
  });

  it('leaves the probe where it is', async () => {
    const { evacuation } = setUp([connection('first'), connection('second')]);
    clock.advance(5_000);
    await queueDeliveries(store(), 1, ROW);
    assert.equal(await evacuation.evacuate(), 0);
  });
});
