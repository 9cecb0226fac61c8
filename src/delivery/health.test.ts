import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { countLooks } from '../../test/support/looks.ts';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { retry, unavailable } from '../providers/index.ts';
import { Wake } from '../queue/index.ts';
import { makeMasterKeys, makeTenant, putMail } from '../tenants/testing.ts';
import { Health } from './health.ts';
import { HealthBoard, type Subject } from './health-board.ts';
import { findHealth } from './health-store.ts';
import { isTrouble, lessonOf } from './lesson.ts';
import type { SettledOutcome } from './settle.ts';
import { nextP95 } from './tally.ts';

/** `count` attempts, each answered after `latencyMs`. */
function call(health: Health, count: number, { troubled = false, now = 1_000, latencyMs = 10 } = {}): void {
  for (let i = 0; i < count; i++) {
    health.start(`${now}-${i}`, now - latencyMs);
    health.answer(`${now}-${i}`, { troubled, now });
  }
}

describe('the health of a connection', () => {
  it('is degraded by a fifth of troubled calls, forgives with time, and is not judged by few calls', () => {
    const health = new Health(0);
    call(health, 3, { troubled: true });
    assert.equal(health.standing(1_000).why, null);
    call(health, 30, { troubled: true });
    call(health, 70);
    assert.deepEqual(health.standing(1_000), { share: 0.25, probe: false, why: 'degraded' });
    call(health, 400, { now: 2_000 });
    assert.equal(health.standing(2_000).why, null);
  });

  it('is lowered by receipts of messages that never arrived', () => {
    const health = new Health(0);
    call(health, 10);
    health.reported(60, 40);
    assert.equal(health.view(1_000).score, 0.6);
    assert.equal(health.standing(1_000).why, 'degraded');
  });

  it('opens the breaker when three attempts hear nothing for six seconds', () => {
    const health = new Health(0);
    for (const id of ['a', 'b', 'c']) health.start(id, 1_000);
    health.listen(6_999);
    assert.equal(health.breaker.isOpen, false);
    health.listen(7_000);
    assert.equal(health.breaker.isOpen, true);
  });

  it('does not take slow answers for silence as long as others come in', () => {
    const health = new Health(0);
    for (const id of ['a', 'b', 'c', 'd']) health.start(id, 1_000);
    health.answer('d', { troubled: false, now: 5_000 });
    health.listen(60_000);
    assert.equal(health.breaker.isOpen, false);
  });

  it('gives out one probe after the break, and another when that one is lost', () => {
    const health = new Health(0);
    health.breaker.open(1_000);
    assert.equal(health.standing(5_999).probe, false);
    assert.equal(health.standing(6_000).probe, true);
    health.takeProbe(6_000);
    assert.equal(health.standing(6_001).probe, false);
    assert.equal(health.standing(21_000).probe, true);
  });

  it('estimates the 95th percentile of the answers', () => {
    let estimate: number | null = null;
    for (let i = 0; i < 20_000; i++) estimate = nextP95(estimate, (i * 7_919) % 1_000);
    assert.ok(Math.abs(estimate! - 950) < 60, `${estimate}`);
  });

  it('does not suffer from what is the message’s fault, and does from a vendor that is down and asks for a pause', () => {
    const judge = (outcome: unknown) => {
      const settled = outcome as SettledOutcome;
      return [lessonOf(settled), isTrouble(settled)];
    };
    const greylisted = retry('provider_unavailable', { code: '4.7.1' });
    assert.deepEqual(judge(greylisted), ['healthy', false]);
    assert.deepEqual(judge(retry('provider_unavailable', { code: '4.3.2' })), ['troubled', true]);
    assert.deepEqual(judge(retry('rate_limited', { scope: 'connection', afterMs: 5 })), [
      { pauseMs: 5 },
      false,
    ]);
    const down = retry('provider_unavailable', { scope: 'connection', afterMs: 7 });
    assert.deepEqual(judge(down), [{ pauseMs: 7 }, true]);
    assert.deepEqual(judge(unavailable('credentials_invalid')), ['broken', true]);
  });
});

describeStores('health that is shared', (store) => {
  const clock = new FakeClock();
  let subject: Subject;
  const board = async () => {
    const made = new HealthBoard({ store: store(), clock, logger: silentLogger });
    await made.tick();
    return made;
  };
  before(async () => {
    const tenantId = await makeTenant(store(), clock.now());
    await putMail({ store: store(), clock, masterKeys: makeMasterKeys() }, { tenantId, password: 'p' });
    subject = { tenantId, id: 'mail', updatedAt: clock.now() };
  });

  it('reaches other processes, and survives a restart', async () => {
    const [one, other] = [await board(), await board()];
    one.of(subject).breaker.open(clock.now());
    await one.tick();
    await other.tick();
    assert.equal(other.standing(subject).why, 'breaker_open');
    const restarted = await board();
    assert.deepEqual(restarted.of(subject).breaker.at(clock.now()), one.of(subject).breaker.at(clock.now()));
    clock.advance(5_000);
    restarted.of(subject).breaker.count(false, clock.now());
    await restarted.tick();
    await one.tick();
    assert.deepEqual(one.standing(subject), { share: 0.1, probe: false, why: 'recovering' });
    clock.advance(30_000);
    assert.deepEqual(one.standing(subject), { share: 1, probe: false, why: null });
  });

  it('adds up what all processes counted', async () => {
    const [one, other] = [await board(), await board()];
    call(one.of(subject), 10, { now: clock.now() });
    call(other.of(subject), 6, { now: clock.now(), troubled: true });
    clock.advance(5_000);
    await Promise.all([one.tick(), other.tick()]);
    await one.tick();
    const { tally } = one.of(subject).view(clock.now());
    assert.deepEqual([tally.calls, tally.troubles], [16, 6]);
    clock.advance(60_000);
    assert.equal(one.of(subject).view(clock.now()).tally.calls, 8);
  });

  it('writes nothing as long as nothing changes, and nothing about the simulator', async () => {
    const one = await board();
    one.of(subject);
    one.of({ ...subject, id: 'test.smtp', updatedAt: 0 }).breaker.open(clock.now());
    const saved = async () => (await findHealth(store().engine, subject.tenantId, 'mail'))?.tally.countedAt;
    const before = await saved();
    clock.advance(60_000);
    await one.tick();
    assert.equal(await saved(), before);
    assert.equal(await findHealth(store().engine, subject.tenantId, 'test.smtp'), null);
  });

  it('is read every second while something stirs, seldom otherwise, and by a process alone only when it saved', async () => {
    const { store: counting, looksIn } = countLooks(store(), clock, 'delivery_load_health');
    const wake = new Wake();
    clock.advance(3_600_000);
    const shared = new HealthBoard({ store: counting, clock, logger: silentLogger, wake });
    await shared.start();
    await looksIn(11);
    assert.equal(await looksIn(50), 10);
    wake.signal('route');
    assert.equal(await looksIn(5), 5);
    await shared.stop();
    const alone = new HealthBoard({ store: counting, clock, logger: silentLogger, wake, isAlone: true });
    await alone.start();
    assert.equal(await looksIn(5), 0);
    alone.of(subject).breaker.open(clock.now());
    assert.equal(await looksIn(1), 1);
    assert.equal(await looksIn(3), 0);
    await alone.stop();
  });

  it('begins anew when the connection was changed, and ends with it', async () => {
    const one = await board();
    one.of(subject).breaker.open(clock.now());
    await one.tick();
    const changed = { ...subject, updatedAt: subject.updatedAt + 1 };
    assert.equal(one.standing(changed).why, null);
    one.of(changed).breaker.open(clock.now());
    clock.advance(1);
    await one.tick();
    assert.equal((await findHealth(store().engine, subject.tenantId, 'mail'))?.version, changed.updatedAt);
    await store().engine.query('delete from connections where tenant_id = $1', [subject.tenantId]);
    assert.equal(await findHealth(store().engine, subject.tenantId, 'mail'), null);
    one.of(changed).reported(1, 0);
    clock.advance(5_000);
    await one.tick();
  });
});
