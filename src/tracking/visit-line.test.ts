import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FakeClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { createMetrics } from '../telemetry/index.ts';
import type { Kind } from '../visits/index.ts';
import type { Visit } from './visit.ts';
import { VisitLine, type VisitLineOptions } from './visit-line.ts';

const ID = '01910000-0000-7000-8000-00000000000b';
const OTHER = '01910000-0000-7000-8000-00000000000c';

function start(options: Partial<VisitLineOptions> = {}) {
  const clock = new FakeClock();
  const metrics = createMetrics();
  const batches: Visit[][] = [];
  const apply = async (visits: readonly Visit[]) => void batches.push([...visits]);
  const line = new VisitLine({ clock, logger: silentLogger, metrics, apply, ...options });
  const startedAt = clock.now();
  return {
    clock,
    metrics,
    line,
    batches,
    written: () => batches.flat(),
    who: () => batches.flat().map(({ verdict }) => ('why' in verdict ? verdict.why : verdict.who)),
    /** A person's visit to a message that was sent when the test began. */
    add(link: number, { deliveryId = ID, kind = 'link' as Kind, sentAt = startedAt } = {}) {
      const tracked = { kind, tenantId: ID, deliveryId, sentAt, link, url: '' };
      line.add({ tracked, what: 'clicked', at: clock.now(), verdict: { who: 'person' } });
    },
    async pass(ms: number) {
      for (let passed = 0; passed < ms; passed += 250) {
        clock.advance(250);
        // The line goes on in turns of its own.
        for (let turn = 0; turn < 5; turn++) await nextTurn();
      }
    },
    lost: async () =>
      (await metrics.visitsLost.get()).values.map(({ labels, value }) => [labels.reason, value]),
  };
}

describe('visits that wait to be written down', () => {
  it('are written together, a quarter of a second after the first', async () => {
    const to = start();
    to.add(0, { kind: 'pixel' });
    await to.pass(0);
    to.add(1, { kind: 'pixel' });
    assert.equal(to.batches.length, 0);
    await to.pass(250);
    assert.deepEqual([to.batches.length, to.written().length, to.line.waiting], [1, 2, 0]);
    to.add(2, { kind: 'pixel' });
    await to.pass(250);
    assert.equal(to.written().length, 3, 'and it begins anew');
  });

  it('are held for five seconds where a scanner may be at work, and one that is not goes through', async () => {
    const to = start();
    to.add(0);
    await to.pass(4_500);
    assert.equal(to.batches.length, 0);
    await to.pass(1_000);
    assert.deepEqual(to.who(), ['person']);
  });

  it('are not held when the message was sent long ago', async () => {
    const to = start();
    to.add(0, { sentAt: to.clock.now() - 120_000 });
    await to.pass(250);
    assert.deepEqual(to.who(), ['person']);
  });

  it('are those of a machine when three links are tried, and those that follow soon', async () => {
    const to = start();
    for (const link of [0, 1, 2]) {
      to.add(link);
      await to.pass(1_000);
    }
    to.add(0, { deliveryId: OTHER });
    await to.pass(3_250);
    to.add(3);
    await to.pass(10_000);
    assert.deepEqual(to.who().sort(), ['burst', 'burst', 'burst', 'burst', 'person']);
    to.add(4);
    await to.pass(10_000);
    assert.equal(to.who().at(-1), 'person', 'somebody who comes later is heard');
  });

  it('wait for a database that is away, in their order, and nothing is lost or written twice', async () => {
    let isAway = true;
    const written: number[] = [];
    const to = start({
      apply: async (visits) => {
        if (isAway) throw Object.assign(new Error('away'), { code: 'ECONNREFUSED' });
        written.push(...visits.map(({ tracked }) => tracked.link));
      },
    });
    to.add(1, { kind: 'pixel' });
    await to.pass(3_000);
    to.add(2, { kind: 'pixel' });
    await to.pass(3_000);
    assert.equal(to.line.waiting, 2);
    isAway = false;
    await to.pass(3_000);
    assert.deepEqual([written, to.line.waiting, await to.lost()], [[1, 2], 0, []]);
  });

  it('are lost, and counted, when there are too many', async () => {
    const to = start({ maxWaiting: 3 });
    for (let link = 0; link < 5; link++) to.add(link, { kind: 'pixel' });
    await to.pass(250);
    assert.deepEqual([to.written().length, await to.lost()], [3, [['overloaded', 2]]]);
  });

  it('are given up when the database refuses what they say, and those of others are not', async () => {
    const refusal = Object.assign(new Error('the user is gone'), { code: '23503' });
    const written: number[] = [];
    const to = start({
      apply: async (visits) => {
        const links = visits.map(({ tracked }) => tracked.link);
        if (links.includes(2)) throw refusal;
        written.push(...links);
      },
    });
    for (let link = 0; link < 5; link++) to.add(link, { kind: 'pixel' });
    await to.pass(1_000);
    assert.deepEqual([written, to.line.waiting, await to.lost()], [[0, 1, 3, 4], 0, [['failed', 1]]]);
  });

  it('are written down at the end, held or not; a database that is away then loses them', async () => {
    const to = start();
    to.add(0);
    await to.line.close();
    assert.deepEqual(to.who(), ['person']);
    const away = start({ apply: () => Promise.reject(new Error('away')) });
    away.add(0);
    await away.line.close();
    assert.deepEqual([away.line.waiting, await away.lost()], [0, [['failed', 1]]]);
  });
});
