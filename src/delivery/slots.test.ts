import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PRIORITIES } from '../providers/index.ts';
import { Capacity } from './capacity.ts';
import { Pace } from './pace.ts';
import { Slots } from './slots.ts';

describe('slots', () => {
  it('keep a fifth for high, however much bulk there is', () => {
    const slots = new Slots(100);
    slots.take('normal', slots.permits('normal', 0));
    slots.take('low', slots.permits('low', 0));
    assert.deepEqual(
      PRIORITIES.map((priority) => slots.permits(priority, 0)),
      [20, 0, 0],
    );
  });

  it('keep some for normal and low, however much high there is', () => {
    const slots = new Slots(100);
    slots.take('high', slots.permits('high', 0));
    assert.deepEqual([slots.permits('normal', 0), slots.permits('low', 0)], [10, 5]);
  });

  it('are lent to low up to half, so that normal finds room at once', () => {
    const slots = new Slots(100);
    slots.take('low', slots.permits('low', 0));
    assert.deepEqual([slots.inFlight, slots.permits('normal', 0)], [50, 30]);
  });

  it('go to high next where there is only one', () => {
    const slots = new Slots(1);
    slots.take('normal', 1);
    slots.turnAway('high', 10);
    slots.finish('normal');
    assert.deepEqual([slots.permits('normal', 11), slots.permits('high', 11)], [0, 1]);
    slots.take('high', 1);
    slots.finish('high');
    assert.equal(slots.permits('normal', 12), 1);
  });

  it('go to low in its turn where there is only one and normal always wants it', () => {
    const slots = new Slots(1);
    let [normal, low] = [0, 0];
    for (let now = 0; now < 100_000; now += 100) {
      for (const priority of ['normal', 'low'] as const) {
        if (slots.permits(priority, now) === 0) {
          slots.turnAway(priority, now);
          continue;
        }
        slots.take(priority, 1);
        if (priority === 'normal') normal++;
        else low++;
      }
      slots.finish(slots.permits('normal', now) === 0 && low > 0 && now % 200 === 0 ? 'low' : 'normal');
    }
    assert.ok(low >= 1 && normal > low, `${normal} normal, ${low} low`);
  });
});

describe('a pace', () => {
  it('keeps a fifth of its burst for high', () => {
    const pace = new Pace(100, 0);
    assert.deepEqual([pace.permits('normal', 0), pace.permits('high', 0)], [40, 50]);
    pace.take('normal', 40, 0);
    assert.deepEqual([pace.permits('normal', 0), pace.permits('high', 0)], [0, 10]);
  });

  it('wakes bulk for a batch and high for a single token', () => {
    const pace = new Pace(100, 0);
    pace.take('high', 50, 0);
    assert.deepEqual([pace.opensAt('high', 0), pace.opensAt('normal', 0)], [10, 150]);
  });

  it('gives low its token although normal asks first each time', () => {
    const pace = new Pace(1, 0);
    const started = { normal: 0, low: 0 };
    for (let now = 0; now <= 60_000; now += 100) {
      for (const priority of ['normal', 'low'] as const) {
        if (pace.permits(priority, now) === 0) {
          pace.turnAway(priority, now);
          continue;
        }
        pace.take(priority, 1, now);
        started[priority]++;
      }
    }
    assert.ok(started.low >= 3 && started.normal >= 3, JSON.stringify(started));
    assert.ok(started.low + started.normal <= 61);
  });

  it('fills no faster than its rate, also when the rate changes', () => {
    const pace = new Pace(100, 0);
    pace.take('high', 50, 0);
    pace.setRate(10, 100);
    assert.equal(pace.permits('high', 100), 5, 'what it held is cut to the burst of the new rate');
    pace.take('high', 5, 100);
    assert.equal(pace.permits('high', 300), 2);
    pace.setRate(null, 300);
    assert.equal(pace.permits('low', 300), Number.POSITIVE_INFINITY);
  });
});

describe('the capacity of a process', () => {
  const fill = (share: ReturnType<Capacity['shareOf']>) => {
    const permits = share.permits('normal', 0);
    share.take('normal', permits, 0);
    return permits;
  };

  it('is never taken up by connections that do not answer: there is always room for the next', () => {
    const capacity = new Capacity(1_000);
    const taken = Array.from({ length: 6 }, (_, i) => fill(capacity.shareOf(`lane${i}.normal`, `dead${i}`)));
    assert.deepEqual(taken, [375, 187, 94, 47, 23, 12], 'each half of what normal may still have');
    assert.ok(capacity.shareOf('sms.high', 'one').permits('high', 0) >= 100);
  });

  it('is not taken up by one lane either, whatever number of connections', () => {
    const capacity = new Capacity(1_000);
    for (let i = 0; i < 50; i++) fill(capacity.shareOf('push.android.normal', `dead${i}`));
    assert.ok(capacity.inFlight <= 375);
    assert.ok(capacity.shareOf('email.normal', 'mail').permits('normal', 0) >= 100);
  });

  it('leaves high its places on a connection that bulk has filled', () => {
    const capacity = new Capacity(100);
    for (let i = 0; i < 9; i++) fill(capacity.shareOf('sms.normal', 'one'));
    assert.ok(capacity.shareOf('sms.high', 'one').permits('high', 0) >= 10);
  });
});
