import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { FakeClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import type { SpanRecord } from './spans.ts';
import { anAttempt, aSubject, idInSample, NOW } from './testing.ts';
import { createTracer, startTracing, type Tracer } from './tracing.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';
const SAMPLED = `00-${TRACE}-${CALLER}-01`;
const NOT_SAMPLED = `00-${TRACE}-${CALLER}-00`;
const RATIO = 0.5;

describe('which spans are exported', () => {
  let spans: SpanRecord[];
  let tracer: Tracer;
  beforeEach(() => {
    spans = [];
    const queue = {
      add: (span: SpanRecord) => spans.push(span),
      counts: { exported: 0, dropped: 0 },
      close: async () => {},
    };
    tracer = createTracer(queue as never, RATIO);
  });
  const names = () => spans.map((span) => span.name);
  const accepted = (more: object) => ({
    ...aSubject(),
    outcome: 'stored',
    failed: false,
    commitMs: 3,
    ...more,
  });
  const routed = (more: object) => ({
    ...aSubject(),
    batch: 9,
    queued: 1,
    skipped: [],
    failure: null,
    ...more,
  });
  const received = (more: object) => ({
    ...aSubject(),
    deliveryId: 'd',
    attempt: 1,
    connection: 'apple',
    event: 'delivered',
    reason: null,
    code: null,
    occurredAt: NOW,
    ...more,
  });
  const tellAll = (more: object) => {
    tracer.accepted(accepted(more));
    tracer.routed(routed(more));
    tracer.attempted(anAttempt(more));
    tracer.received(received(more));
  };

  it('those of a trace that the caller sampled, and not of one that he did not', () => {
    tellAll({ trace: SAMPLED, notificationId: idInSample(RATIO, false) });
    assert.deepEqual(names(), ['accept', 'route', 'deliver', 'receipt']);
    spans.length = 0;
    tellAll({ trace: NOT_SAMPLED, notificationId: idInSample(RATIO, true) });
    assert.deepEqual(names(), []);
  });

  it('those in the sample when the caller said nothing', () => {
    tellAll({ notificationId: idInSample(RATIO, false) });
    assert.deepEqual(names(), []);
    tellAll({ notificationId: idInSample(RATIO, true) });
    assert.deepEqual(names(), ['accept', 'route', 'deliver', 'receipt']);
  });

  it('those of high priority, whatever anybody says', () => {
    tellAll({ trace: NOT_SAMPLED, urgent: true });
    assert.deepEqual(names(), ['accept', 'route', 'deliver', 'receipt']);
  });

  it('what failed, with what came before it, which is made once', () => {
    const quiet = { trace: NOT_SAMPLED, notificationId: idInSample(RATIO, false) };
    for (const outcome of ['rejected', 'retry', 'unavailable', 'unknown']) {
      spans.length = 0;
      const notificationId = idInSample(RATIO, false);
      tracer.attempted(anAttempt({ ...quiet, notificationId, outcome, reason: 'because' }));
      tracer.attempted(anAttempt({ ...quiet, notificationId, outcome, reason: 'because', attempt: 2 }));
      assert.deepEqual(names(), ['accept', 'route', 'deliver', 'deliver'], outcome);
      assert.deepEqual(
        spans.map((span) => span.failure),
        [null, null, 'because', 'because'],
      );
    }
    spans.length = 0;
    tracer.accepted(accepted({ ...quiet, outcome: 'service.overloaded', failed: true }));
    tracer.routed(routed({ ...quiet, failure: 'internal_error' }));
    tracer.received(received({ ...quiet, event: 'bounced', reason: 'mailbox_full' }));
    assert.deepEqual(
      spans.map((span) => [span.name, span.failure]),
      [
        ['accept', 'service.overloaded'],
        ['route', 'internal_error'],
        ['receipt', 'mailbox_full'],
      ],
    );
  });

  it('what had to be tried again and then succeeded', () => {
    tracer.attempted(anAttempt({ trace: NOT_SAMPLED, attempt: 2 }));
    assert.deepEqual(names(), ['accept', 'route', 'deliver']);
    assert.equal(spans[2]!.failure, null);
  });

  it('and nothing of what was cancelled, expired or succeeded at once', () => {
    for (const outcome of ['accepted', 'cancelled', 'expired', 'skipped'])
      tracer.attempted(anAttempt({ trace: NOT_SAMPLED, outcome }));
    assert.deepEqual(names(), []);
  });

  it("hang under each other and under the caller's span, whichever process made them", () => {
    const shared = { trace: SAMPLED, traceState: 'a=1', notificationId: idInSample(RATIO, true) };
    const attempt = anAttempt(shared);
    tracer.accepted(accepted(shared));
    tracer.routed(routed(shared));
    tracer.attempted(attempt);
    tracer.received(received({ ...shared, deliveryId: attempt.deliveryId }));
    assert.deepEqual(
      spans.map((span) => [span.traceId, span.traceState]),
      Array(4).fill([TRACE, 'a=1']),
    );
    assert.deepEqual(spans[0]!.parent, { spanId: CALLER, isRemote: true });
    for (const [i, span] of spans.slice(1).entries())
      assert.deepEqual(span.parent, { spanId: spans[i]!.spanId, isRemote: false }, span.name);
    assert.equal(new Set(spans.map((span) => span.spanId)).size, 4);
    const earlier = spans.slice(0, 2);
    spans.length = 0;
    tracer.attempted({ ...attempt, trace: NOT_SAMPLED, outcome: 'rejected' });
    for (const [i, span] of spans.slice(0, 2).entries()) {
      assert.deepEqual(
        [span.name, span.spanId, span.parent],
        [earlier[i]!.name, earlier[i]!.spanId, earlier[i]!.parent],
      );
      assert.equal(span.attributes['bellhop.derived'], true);
      assert.equal(span.startMs, [NOW, NOW + 10][i]);
    }
  });

  it('give a repeated request a span of its own in its own trace', () => {
    const notificationId = idInSample(RATIO, true);
    tracer.accepted(accepted({ notificationId }));
    tracer.accepted(accepted({ notificationId, trace: SAMPLED, outcome: 'replayed' }));
    const [first, again] = spans;
    assert.notEqual(first!.spanId, again!.spanId);
    assert.deepEqual([first!.parent, again!.parent?.spanId, again!.traceId], [null, CALLER, TRACE]);
  });

  it('leave out what is not known instead of saying null', () => {
    tracer.attempted(anAttempt({ trace: SAMPLED, deviceId: null, platform: null }));
    const { attributes, kind } = spans[0]!;
    assert.equal(kind, 'client');
    assert.ok(!('bellhop.device' in attributes) && !Object.values(attributes).includes(null as never));
    tracer.attempted(anAttempt({ trace: SAMPLED, channel: 'inbox' }));
    assert.equal(spans[1]!.kind, 'internal');
  });
});

it('without a collector there is no tracer', async () => {
  const tools = { clock: new FakeClock(), logger: silentLogger, version: '1' };
  assert.equal(await startTracing(undefined, tools), undefined);
});
