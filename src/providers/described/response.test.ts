import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, problems } from './testing.ts';

test('without a description every 2xx is accepted, and the rest goes by its status', () => {
  assert.deepEqual(judge({}, 202, ''), { kind: 'accepted', providerMessageId: null });
  assert.deepEqual(judge({}, 401, ''), { kind: 'unavailable', reason: 'credentials_invalid', code: '401' });
});

test('a success without its id may have been sent', () => {
  const outcome = judge({ messageId: '/data/0/id' }, 200, { data: [] });
  assert.deepEqual(outcome, { kind: 'unknown', reason: 'response_unreadable', code: '200' });
  assert.deepEqual(judge({ messageId: '/data/0/id' }, 200, '{"data":[{"id":9007199254740993}]}'), {
    kind: 'accepted',
    providerMessageId: '9007199254740993',
  });
});

test('the wait comes from the body, the header, or the rule, in this order', () => {
  const rule = { when: { status: 429 }, outcome: 'retry', reason: 'rate_limited', afterSeconds: 1 };
  const response = { rules: [rule], wait: { at: '/ms', unit: 'milliseconds' } };
  const afterMs = (body: object, headers = {}) => {
    const outcome = judge(response, 429, body, headers);
    return outcome.kind === 'retry' ? outcome.afterMs : null;
  };
  assert.equal(afterMs({}), 1_000);
  assert.equal(afterMs({}, { 'retry-after': '3' }), 3_000);
  assert.equal(afterMs({ ms: 2_500 }, { 'retry-after': '3' }), 3_000);
  assert.equal(afterMs({ ms: '7000' }), 7_000);
  for (const ms of [-5, 'soon', null, {}, 1e300]) assert.equal(afterMs({ ms }), 1_000);
});

test('tests of texts disregard case, equals does not, and the first rule that holds counts', () => {
  const first = { when: { at: '/m', equals: 'Gone' }, outcome: 'unknown', reason: 'timeout' };
  const second = { when: { contains: ['gone'] }, outcome: 'rejected', reason: 'recipient_invalid' };
  const kind = (body: unknown) => judge({ rules: [first, second] }, 400, body).kind;
  assert.deepEqual(
    [kind({ m: 'Gone' }), kind({ m: 'GONE' }), kind('it is Gone')],
    ['unknown', 'rejected', 'rejected'],
  );
});

test('headers can be tested, and names that every object has are not there', () => {
  const rule = { when: { header: 'x-error', startsWith: 'LIMIT' }, outcome: 'retry', reason: 'rate_limited' };
  assert.equal(judge({ rules: [rule] }, 400, '', { 'x-error': 'limit 5' }).kind, 'retry');
  const odd = { when: { header: 'constructor', exists: true }, outcome: 'retry', reason: 'rate_limited' };
  assert.equal(judge({ rules: [odd] }, 400, '').kind, 'rejected');
});

test('the worst of descriptions and the worst of answers cost little', () => {
  const rulesOf = (count: number) => ({
    rules: Array.from({ length: count }, () => ({
      when: { contains: Array(20).fill('aaaaaaab') },
      outcome: 'retry',
      reason: 'rate_limited',
    })),
  });
  assert.match(problems({ path: '/' }, { response: rulesOf(250) }).join(), /is at most 65536 characters/);
  const started = performance.now();
  const outcome = judge(rulesOf(190), 400, 'a'.repeat(65_536));
  assert.equal(outcome.kind, 'rejected');
  assert.ok(performance.now() - started < 2_000, `${performance.now() - started} ms`);
});
