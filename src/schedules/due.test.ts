import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dueOccurrences, type MissedPolicy } from './due.ts';
import { parseTiming } from './rule.ts';

const rule = (cron: string) => parseTiming({ recurrence: { cron }, timezone: 'UTC' });

function due(cron: string, cursor: string, now: string, missed: MissedPolicy, graceMs = 300_000) {
  const when = { cursor: Date.parse(cursor), now: Date.parse(now), graceMs, missed };
  const { fire, isMissed } = dueOccurrences(rule(cron), 'UTC', when);
  return { fire: fire.map(({ local }) => local.slice(5, 16)), isMissed };
}

describe('what is due', () => {
  it('is every occurrence since the last look, up to now', () => {
    for (const policy of ['skip', 'fire_once', 'catch_up'] as const)
      assert.deepEqual(due('* * * * *', '2026-12-01T09:00Z', '2026-12-01T09:02Z', policy), {
        fire: ['12-01T09:01', '12-01T09:02'],
        isMissed: false,
      });
  });

  it('is late by the grace and still not missed; a moment later it is', () => {
    assert.deepEqual(due('0 9 * * *', '2026-12-01T00:00Z', '2026-12-01T09:05Z', 'skip').fire, [
      '12-01T09:00',
    ]);
    const late = due('0 9 * * *', '2026-12-01T00:00Z', '2026-12-01T09:05:00.001Z', 'skip');
    assert.deepEqual(late, { fire: [], isMissed: true });
  });

  it('after a week of downtime is one, none, or the latest of each', () => {
    const [from, to] = ['2026-12-01T12:00Z', '2026-12-08T12:00Z'];
    assert.deepEqual(due('0 9 * * *', from, to, 'fire_once').fire, ['12-08T09:00']);
    assert.deepEqual(due('0 9 * * *', from, to, 'skip').fire, []);
    assert.equal(due('0 9 * * *', from, to, 'catch_up').fire.length, 7);
    const hourly = due('0 * * * *', from, to, 'catch_up').fire;
    assert.deepEqual([hourly.length, hourly[0], hourly.at(-1)], [11, '12-08T02:00', '12-08T12:00']);
  });

  it('makes up for nothing when another one is due anyway', () => {
    assert.deepEqual(due('0 * * * *', '2026-12-01T00:00Z', '2026-12-08T12:00Z', 'fire_once').fire, [
      '12-08T12:00',
    ]);
  });

  it('is found at once after years in which every minute was missed', () => {
    const startedAt = performance.now();
    const { fire } = due('* * * * *', '2020-01-01T00:00Z', '2026-12-01T00:00Z', 'catch_up', 0);
    assert.equal(fire.length, 11);
    assert.ok(performance.now() - startedAt < 2_000);
  });
});
