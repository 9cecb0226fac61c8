import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CHANNELS, PRIORITIES } from '../providers/index.ts';
import { retryDelay, scheduleFor } from './retry.ts';

const JITTER = 1 / 5;
const schedules = fc
  .tuple(fc.constantFrom(...CHANNELS), fc.constantFrom(...PRIORITIES))
  .map(([channel, priority]) => scheduleFor(channel, priority));
const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const after = fc.option(fc.integer({ min: 0, max: 86_400_000 }), { nil: undefined });

describe('the wait before a retry', () => {
  it('is the schedule and at most a fifth, unless the vendor asked for more', () => {
    fc.assert(
      fc.property(schedules, fc.nat(20), after, fraction, (schedule, used, afterMs, random) => {
        const delay = retryDelay(schedule, used, afterMs, random);
        const base = schedule.delaysMs[used];
        if (base === undefined) return assert.equal(delay, null);
        assert.ok(delay! >= base, 'never before the schedule');
        assert.ok(delay! >= (afterMs ?? 0), 'never before Retry-After');
        assert.ok(delay! <= Math.max(Math.ceil(base * (1 + JITTER)), afterMs ?? 0), 'never later than that');
      }),
    );
  });

  it('ends: nothing is tried more often than its schedule says, whatever the vendor asks for', () => {
    fc.assert(
      fc.property(schedules, after, fraction, (schedule, afterMs, random) => {
        let used = 0;
        while (retryDelay(schedule, used, afterMs, random) !== null) used++;
        assert.equal(used, schedule.delaysMs.length);
      }),
    );
  });

  it('grows from retry to retry', () => {
    fc.assert(
      fc.property(schedules, ({ delaysMs }) =>
        assert.deepEqual(
          delaysMs,
          delaysMs.toSorted((a, b) => a - b),
        ),
      ),
    );
  });
});
