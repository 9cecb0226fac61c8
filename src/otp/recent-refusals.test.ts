import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Refusal } from './limits.ts';
import { RecentRefusals } from './recent-refusals.ts';

const WHOSE = { tenantId: 't', live: true };
const REFUSAL: Refusal = { reason: 'prefix_limit', scope: 'prefix', retryAt: 100_000 };
const PLACES = { tenant: '', prefix: '+4915112' };

describe('what was refused a moment ago', () => {
  it('is refused again without asking, for a second and for whom it concerns', () => {
    const recent = new RecentRefusals();
    recent.remember(WHOSE, PLACES, REFUSAL, 0);
    assert.equal(recent.find(WHOSE, PLACES, 999), REFUSAL);
    assert.equal(recent.find(WHOSE, { ...PLACES, prefix: '+4915113' }, 0), null);
    assert.equal(recent.find({ ...WHOSE, live: false }, PLACES, 0), null);
    assert.equal(recent.find({ ...WHOSE, tenantId: 'u' }, PLACES, 0), null);
    assert.equal(recent.find(WHOSE, PLACES, 1_000), null);
  });

  it('is not refused past the time at which it may be tried again', () => {
    const recent = new RecentRefusals();
    recent.remember(WHOSE, PLACES, { ...REFUSAL, retryAt: 500 }, 0);
    assert.equal(recent.find(WHOSE, PLACES, 500), null);
  });

  it('is forgotten when the settings change, and never known of a recipient', () => {
    const recent = new RecentRefusals();
    recent.remember(WHOSE, PLACES, REFUSAL, 0);
    recent.forget();
    assert.equal(recent.find(WHOSE, PLACES, 0), null);
    recent.remember(WHOSE, PLACES, { reason: 'too_soon', scope: null, retryAt: 1 }, 0);
    assert.equal(recent.find(WHOSE, PLACES, 0), null);
  });

  it('is counted once, by whoever writes it down', () => {
    const recent = new RecentRefusals();
    recent.remember(WHOSE, PLACES, REFUSAL, 0);
    for (let n = 0; n < 3; n++) recent.find(WHOSE, PLACES, 0);
    const taken = recent.take(WHOSE);
    assert.deepEqual([...taken], [['prefix_limit', 3]]);
    assert.deepEqual([...recent.take(WHOSE)], []);
    recent.find(WHOSE, PLACES, 0);
    recent.putBack(WHOSE, taken);
    assert.deepEqual([...recent.take(WHOSE)], [['prefix_limit', 4]]);
  });
});
