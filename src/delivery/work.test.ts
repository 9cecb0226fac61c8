import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import { queueDeliveries } from '../../test/support/ledger.ts';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { createMetrics } from '../telemetry/index.ts';
import { Work } from './work.ts';

const MINUTE_MS = 60_000;
const OVERDUE_MS = 5 * MINUTE_MS;

describeStores('work', (store) => {
  let clock: FakeClock;
  let broken: Set<string>;
  let work: Work;
  beforeEach(async () => {
    await store().engine.query('delete from deliveries');
    await store().engine.query('delete from notifications');
    await store().engine.query('delete from unrouted');
    clock = new FakeClock(store().clock.now());
    broken = new Set();
    work = new Work({
      store: store(),
      clock,
      isOpen: (_tenantId, connection) => !broken.has(connection),
      overdueMs: OVERDUE_MS,
    });
  });
  const due = (minutesAgo: number, lane: string, connection: string) =>
    queueDeliveries(store(), 1, { lane, connection, dueAt: new Date(clock.now() - minutesAgo * MINUTE_MS) });

  it('is well when nothing waits', async () => {
    assert.deepEqual(await work.health(), { ok: true, oldestToRouteSeconds: 0, oldestToSendSeconds: 0 });
  });

  it('is unwell when a delivery that could be sent has been due for too long', async () => {
    await due(6, 'email.high', 'mail');
    await due(2, 'sms.normal', 'text');
    assert.deepEqual(await work.health(), { ok: false, oldestToRouteSeconds: 0, oldestToSendSeconds: 360 });
  });

  it('does not blame itself for a broken connection, nor for a campaign that takes its time', async () => {
    await due(60, 'email.high', 'mail');
    await due(600, 'email.low', 'news');
    broken.add('mail');
    assert.equal((await work.health()).ok, true);
  });

  it('is unwell when accepted notifications are not routed', async () => {
    await queueDeliveries(store(), 2, { state: 'skipped', dueAt: null });
    const since = new Date(clock.now() - 10 * MINUTE_MS);
    await store().engine.query(
      'insert into unrouted (tenant_id, priority, due_at, id) select tenant_id, 0, $1, id from notifications',
      [since],
    );
    assert.deepEqual(await work.health(), { ok: false, oldestToRouteSeconds: 600, oldestToSendSeconds: 0 });
    const metrics = createMetrics();
    await work.sample(metrics);
    assert.match(await metrics.render(), /bellhop_routing_depth\{priority="high"\} 2\n/);
    assert.match(await metrics.render(), /bellhop_routing_oldest_due_seconds\{priority="high"\} 600\n/);
  });

  it('shares one look among those who ask within five seconds', async () => {
    assert.equal((await work.health()).ok, true);
    await due(6, 'email.high', 'mail');
    assert.equal((await work.health()).ok, true);
    clock.advance(5_000);
    assert.equal((await work.health()).ok, false);
  });

  it('shows lanes that ran dry as empty', async () => {
    const metrics = createMetrics();
    await due(1, 'email.high', 'mail');
    broken.add('mail');
    await work.sample(metrics);
    assert.match(await metrics.render(), /bellhop_queue_depth\{lane="email.high",priority="high"\} 1\n/);
    assert.match(
      await metrics.render(),
      /bellhop_queue_oldest_due_seconds\{lane="email.high",priority="high"\} 60\n/,
    );
    assert.match(
      await metrics.render(),
      /bellhop_queue_oldest_sendable_seconds\{lane="email.high",priority="high"\} 0\n/,
    );
    await store().engine.query('delete from deliveries');
    clock.advance(5_000);
    await work.sample(metrics);
    assert.match(await metrics.render(), /bellhop_queue_depth\{lane="email.high",priority="high"\} 0\n/);
  });
});
