import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createMetrics, type Declaration, METRICS, renderMetricsReference, Tally } from './index.ts';

const DECLARATIONS = Object.values(METRICS as Record<string, Declaration>);
const BOUNDED_LABELS = new Set(
  'channel provider priority kind outcome reason lane state event line part code pool loop source version moment by'.split(
    ' ',
  ),
);

describe('the metrics', () => {
  it('have labels of small closed sets only', () => {
    const unbounded = DECLARATIONS.flatMap(({ name, labels }) =>
      labels.filter((label) => !BOUNDED_LABELS.has(label)).map((label) => `${name}{${label}}`),
    );
    assert.deepEqual(unbounded, []);
  });

  it('follow the naming of Prometheus', () => {
    for (const { name, type } of DECLARATIONS) {
      assert.match(name, /^bellhop_[a-z_]+$/);
      assert.equal(name.endsWith('_total'), type === 'counter', name);
    }
    assert.equal(new Set(DECLARATIONS.map(({ name }) => name)).size, DECLARATIONS.length);
  });

  it('have buckets that ascend', () => {
    for (const { name, buckets = [] } of DECLARATIONS)
      assert.deepEqual(
        [...buckets],
        buckets.toSorted((a, b) => a - b),
        name,
      );
  });

  it('are all in the reference', () => {
    for (const { name } of DECLARATIONS) assert.ok(renderMetricsReference().includes(`\`${name}\``), name);
  });

  it('are not shared between instances in one process', async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.accepted.inc({ priority: 'high', kind: 'live' });
    assert.match(await one.render(), /bellhop_notifications_accepted_total\{priority="high",kind="live"\} 1/);
    assert.doesNotMatch(await other.render(), /bellhop_notifications_accepted_total\{/);
  });

  it('survive a sample that fails', async () => {
    const metrics = createMetrics();
    metrics.beforeScrape(() => Promise.reject(new Error('the database is away')));
    metrics.beforeScrape(() => {
      throw new Error('and so is this');
    });
    metrics.beforeScrape(() => metrics.unknownNow.set(7));
    assert.match(await metrics.render(), /bellhop_deliveries_unknown 7/);
  });

  it('tell about the process when asked to', async () => {
    const metrics = createMetrics();
    assert.doesNotMatch(await metrics.render(), /nodejs_eventloop_lag_p99_seconds/);
    metrics.watchProcess();
    assert.match(await metrics.render(), /nodejs_eventloop_lag_p99_seconds/);
  });

  it('tell how long the event loop was held up, once, and nothing of one that was not', async () => {
    const metrics = createMetrics();
    metrics.watchProcess();
    const longest = async () =>
      Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(await metrics.render())![1]);
    await nextTurn();
    await longest();
    // A turn that takes long, and one more that sees its end.
    const until = performance.now() + 200;
    while (performance.now() < until);
    await nextTurn();
    await nextTurn();
    const heldUp = await longest();
    assert.ok(heldUp >= 0.15 && heldUp < 10, `${heldUp}`);
    await nextTurn();
    assert.ok((await longest()) < 0.15);
  });
});

describe('a tally', () => {
  it('adds a batch up before it counts, and starts afresh afterwards', async () => {
    const metrics = createMetrics();
    const tally = new Tally(metrics.unknown, 'channel', 'provider', 'reason');
    for (const reason of ['timeout', 'timeout', null]) tally.add('push', 'apns', reason);
    tally.flush();
    tally.flush();
    const text = await metrics.render();
    assert.match(text, /became_unknown_total\{channel="push",provider="apns",reason="timeout"\} 2\n/);
    assert.match(text, /became_unknown_total\{channel="push",provider="apns",reason=""\} 1\n/);
  });
});
