import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Problem } from '../http/index.ts';
import { BUILT_IN } from '../rules/index.ts';
import { buildRow, checkRules, checkTimes, idempotencyKeyOf, type NotificationBody } from './request.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const DAY_MS = 86_400_000;
const iso = (ms: number) => new Date(ms).toISOString();
const message = { title: 'Hello', body: 'World' };
const body = (extra: object = {}) => ({ userId: 'ada', message, ...extra }) as NotificationBody;

function refusalOf(act: () => unknown): { code: string; status: number; field?: string; rule?: string } {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof Problem, String(error));
    return { code: error.code, status: error.status, ...error.errors?.[0] };
  }
  throw new Error('it was not refused');
}
const refusedField = (extra: object) => refusalOf(() => checkRules(body(extra), NOW)).field;

describe('a notification', () => {
  it('has a message or a template, and not both', () => {
    const template = { id: 'welcome' };
    checkRules(body(), NOW);
    checkRules(body({ message: undefined, template }), NOW);
    assert.equal(refusedField({ template }), '/message');
    assert.equal(refusedField({ message: undefined }), '/message');
  });

  it('expires in the future and after it is sent', () => {
    checkTimes({ expiresAt: iso(NOW + 1) }, NOW);
    checkTimes({ sendAt: iso(NOW - DAY_MS), expiresAt: iso(NOW + 1) }, NOW);
    checkTimes({ sendAt: iso(NOW + 1_000), expiresAt: iso(NOW + 1_001) }, NOW);
    for (const times of [
      { expiresAt: iso(NOW) },
      { expiresAt: iso(NOW - DAY_MS) },
      { sendAt: iso(NOW - DAY_MS), expiresAt: iso(NOW - 1) },
      { sendAt: iso(NOW + 1_000), expiresAt: iso(NOW + 1_000) },
    ])
      assert.equal(refusalOf(() => checkTimes(times, NOW)).field, '/expiresAt', JSON.stringify(times));
  });

  it('is sent within five years', () => {
    checkTimes({ sendAt: iso(NOW + 5 * 365 * DAY_MS) }, NOW);
    assert.equal(refusalOf(() => checkTimes({ sendAt: iso(NOW + 6 * 365 * DAY_MS) }, NOW)).field, '/sendAt');
  });
});

describe('the idempotency key', () => {
  it('comes from the header, the body, or both if they agree', () => {
    assert.equal(idempotencyKeyOf(undefined, body()), undefined);
    assert.equal(idempotencyKeyOf('k', body()), 'k');
    assert.equal(idempotencyKeyOf(undefined, body({ idempotencyKey: 'k' })), 'k');
    assert.equal(idempotencyKeyOf('k', body({ idempotencyKey: 'k' })), 'k');
  });

  it('is refused with 422 when header and body differ', () => {
    const { code, status } = refusalOf(() => idempotencyKeyOf('a', body({ idempotencyKey: 'b' })));
    assert.deepEqual([code, status], ['idempotency.conflicting_keys', 422]);
  });

  it('has 1 to 256 characters', () => {
    assert.equal(idempotencyKeyOf('k'.repeat(256), body())?.length, 256);
    for (const header of ['', 'k'.repeat(257), ['a', 'b']]) {
      const { status, field } = refusalOf(() => idempotencyKeyOf(header, body()));
      assert.deepEqual([status, field], [400, 'header/idempotency-key']);
    }
  });
});

describe('the row of a notification', () => {
  const context = { tenantId: 't', live: true, now: NOW, idempotencyMs: DAY_MS, categories: BUILT_IN };
  const row = (extra: object = {}, key?: string) => buildRow(body(extra), key, context);

  it('has the priority of its category unless it names one', () => {
    const priorities = ['transactional', 'security', 'marketing'].map(
      (category) => row({ category }).priority,
    );
    assert.equal(row().priority, priorities[0]);
    assert.equal(row({ category: 'no-such-category' }).priority, row().priority);
    assert.deepEqual(
      ['high', 'normal', 'low'].map((priority) => row({ category: 'marketing', priority }).priority),
      [0, 1, 2],
    );
    assert.ok(priorities.every((priority) => [0, 1, 2].includes(priority)));
  });

  it('is due when it is to be sent, and at once if that has passed', () => {
    assert.equal(row().dueAt.getTime(), NOW);
    assert.equal(row({ sendAt: iso(NOW + 5) }).dueAt.getTime(), NOW + 5);
    const late = row({ sendAt: iso(NOW - 5) });
    assert.deepEqual([late.dueAt.getTime(), late.sendAt?.getTime()], [NOW, NOW - 5]);
  });

  it('stores what is to be said, not who asked how', () => {
    const { request, expiresAt, userId } = row({
      channels: ['email'],
      expiresAt: iso(NOW + 9),
      priority: 'low',
    });
    assert.deepEqual(JSON.parse(request), { channels: ['email'], message });
    assert.deepEqual([expiresAt?.getTime(), userId], [NOW + 9, 'ada']);
  });

  it('has a key only when the request had one, and for as long as keys are remembered', () => {
    assert.equal(row().key, null);
    const { key } = row({}, 'k');
    assert.equal(key?.expiresAt.getTime(), NOW + DAY_MS);
    assert.deepEqual([key?.hash.length, key?.fingerprint.length], [16, 16]);
    assert.notDeepEqual(row({}, 'other').key?.hash, key?.hash);
  });

  it('has the same fingerprint however the JSON was ordered and wherever the key stood', () => {
    const print = (text: object) =>
      buildRow(text as NotificationBody, 'k', context).key!.fingerprint.toString('hex');
    const one = print({
      userId: 'ada',
      template: { id: 't', variables: { a: { x: 1, y: [1, 2] }, b: null } },
    });
    const same = { template: { variables: { b: null, a: { y: [1, 2], x: 1 } }, id: 't' }, userId: 'ada' };
    assert.equal(print(same), one);
    assert.equal(print({ ...same, idempotencyKey: 'k' }), one);
    const others: object[] = [
      { ...same, userId: 'bob' },
      { ...same, priority: 'high' },
      { ...same, sendAt: iso(NOW) },
      { ...same, template: { id: 't', variables: { a: { x: 1, y: [2, 1] }, b: null } } },
      { ...same, template: { id: 't', variables: { a: { x: '1', y: [1, 2] }, b: null } } },
      { ...same, template: { id: 't', variables: { a: { x: 1, y: [1, 2] } } } },
    ];
    assert.equal(new Set([one, ...others.map(print)]).size, others.length + 1);
  });
});
