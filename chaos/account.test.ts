import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { balance, type Fate } from './account.ts';
import type { Kill } from './fleet.ts';
import type { Accepted } from './provider-peer.ts';

const fate = (extra: Partial<Fate>): Fate => ({
  id: 'n1',
  category: 'transactional',
  channel: 'sms',
  notificationState: 'accepted',
  deliveryId: 'd1',
  state: 'sent',
  reason: null,
  unknowns: 0,
  ...extra,
});
const arrived = (extra: Partial<Accepted> = {}): Accepted => ({
  deliveryId: 'd1',
  key: 'transactional/sms/1',
  at: 0,
  owner: 'all-1#1',
  fault: null,
  ...extra,
});
const books = (fates: Fate[], accepted: Accepted[], laterKills: Kill[] = []) =>
  balance({
    messages: [{ key: 'transactional/sms/1', id: 'n1' }],
    fates,
    accepted,
    kills: [{ incarnation: 'all-1#1', at: 1_000, claimed: ['d1'] }, ...laterKills],
    starts: [],
    imbalances: [],
  });

describe('the books of a run', () => {
  it('call lost what was acknowledged and is not there, not at its end, or sent and never seen', () => {
    assert.equal(books([], []).lost.length, 1);
    assert.equal(books([fate({ state: 'sending' })], []).lost.length, 1);
    assert.equal(books([fate({ state: null, notificationState: 'accepted' })], []).lost.length, 1);
    assert.equal(books([fate({})], []).lost.length, 1);
    assert.equal(books([fate({ state: 'failed' })], []).lost.length, 1);
    assert.deepEqual(books([fate({})], [arrived()]).lost, []);
  });

  it('explain a duplicate by an attempt on record as unknown, one each', () => {
    const twice = [arrived(), arrived()];
    assert.equal(books([fate({})], twice).unexplained.length, 1);
    assert.deepEqual(books([fate({ unknowns: 1 })], twice).unexplained, []);
    assert.deepEqual(books([fate({ unknowns: 1 })], twice).duplicates, { transactional: 1 });
    assert.equal(books([fate({ unknowns: 1 })], [...twice, arrived()]).unexplained.length, 1);
  });

  it('forgive no duplicate where the category forbids it, and count apart what a key hides', () => {
    const twice = [arrived(), arrived()];
    assert.equal(books([fate({ category: 'marketing', unknowns: 1 })], twice).unexplained.length, 1);
    const keyed = fate({ category: 'marketing', channel: 'webhook', unknowns: 1 });
    assert.deepEqual(books([keyed], twice).unexplained, []);
    assert.deepEqual(books([keyed], twice).duplicates, { 'hidden by key': 1 });
  });

  it('see one message under two ids', () => {
    assert.equal(books([fate({})], [arrived(), arrived({ deliveryId: 'd2' })]).unexplained.length, 1);
  });

  it('measure how long work rested after a kill, less the wait for evidence', () => {
    const again = arrived({ at: 22_500, owner: 'all-2#2' });
    assert.deepEqual(books([fate({ unknowns: 1 })], [arrived(), again]).recoveries, [11.5]);
    // Its successor was killed too, eighteen seconds before, ten of them for evidence.
    const later = { incarnation: 'all-2#2', at: 12_500, claimed: ['d1'] };
    const third = arrived({ at: 30_500, owner: 'all-1#3' });
    assert.deepEqual(books([fate({ unknowns: 2 })], [arrived(), third], [later]).recoveries, [8]);
    // What the killed process had sent itself is no recovery.
    assert.deepEqual(books([fate({})], [arrived({ at: 1_001 })]).recoveries, []);
  });
});
