import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DELAYS_MS, pauseFor, retryDelay } from './schedule.ts';
import { judgeFault, judgeReply } from './verdict.ts';

const NOW = 1_700_000_000_000;
const reply = (status: number, body = '', headers: Record<string, string> = {}) =>
  judgeReply({ status, headers, body }, NOW);

describe('the schedule of webhooks', () => {
  it('waits longer from try to try, over three days, and gives up after ten', () => {
    assert.deepEqual(
      DELAYS_MS.map((_, i) => retryDelay(i + 1, 0)),
      [...DELAYS_MS],
    );
    assert.equal(retryDelay(10, 0), null);
    const days = DELAYS_MS.reduce((sum, ms) => sum + ms, 0) / 86_400_000;
    assert.ok(days > 3 && days < 4, `${days} days`);
  });

  it('adds a fifth at most, at random', () => {
    assert.equal(retryDelay(1, 0.5), 5_500);
    assert.ok(retryDelay(1, 0.999_999)! <= 6_000);
  });

  it('waits as long as it is asked to, a day at most', () => {
    assert.equal(retryDelay(1, 0, 90_000), 90_000);
    assert.equal(retryDelay(2, 0, 90_000), 300_000);
    assert.equal(retryDelay(1, 0, 9e9), 86_400_000);
  });

  it('leaves an endpoint in peace that is overloaded, a minute at most unless it asks for more', () => {
    assert.deepEqual(
      [1, 2, 3, 7, 2_000].map((strain) => pauseFor(strain)),
      [1_000, 2_000, 4_000, 60_000, 60_000],
    );
    assert.equal(pauseFor(1, 120_000), 120_000);
  });
});

describe('an answer of an endpoint', () => {
  it('of the 200s is a success, whatever it says', () => {
    for (const status of [200, 201, 202, 204, 299]) assert.equal(reply(status).outcome, 'delivered');
  });

  it('410 wants nothing more; a redirect and everything else failed', () => {
    assert.equal(reply(410).outcome, 'gone');
    for (const status of [301, 302, 307, 308]) {
      assert.deepEqual([reply(status).outcome, reply(status).reason], ['refused', 'redirected']);
    }
    for (const status of [400, 401, 404, 422, 500]) {
      assert.deepEqual([reply(status).outcome, reply(status).isStrained], ['refused', false]);
    }
  });

  it('429 and the doors of servers that are not there slow the whole line', () => {
    for (const status of [429, 502, 503, 504]) assert.equal(reply(status).isStrained, true);
    assert.equal(reply(429, '', { 'retry-after': '120' }).retryAfterMs, 120_000);
    assert.equal(judgeFault('timeout').isStrained, true);
    assert.equal(judgeFault('egress_refused').isStrained, false);
  });

  it('is kept up to a KiB, without what could not be stored', () => {
    assert.equal(reply(500, `a\u0000b`).answer, 'ab');
    assert.equal(reply(500, '').answer, null);
    const long = reply(500, 'ä'.repeat(5_000)).answer!;
    assert.equal(Buffer.byteLength(long), 1_024);
    const odd = reply(500, `x${'ä'.repeat(5_000)}`).answer!;
    assert.equal(Buffer.byteLength(odd), 1_023);
    assert.ok(reply(500, `${'x'.repeat(1_023)}\ud83d\udd14`).answer!.isWellFormed());
  });
});
