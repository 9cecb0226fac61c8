import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FakeClock } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { createOtlpSender, tracesUrl } from './otlp.ts';
import {
  LINGER_MS,
  MAX_BATCH,
  MAX_WAITING,
  REST_AFTER_FAILURE_MS,
  SpanQueue,
  WARN_EVERY_MS,
} from './span-queue.ts';
import { buildAttemptSpan } from './spans.ts';
import { anAttempt } from './testing.ts';

const span = buildAttemptSpan(anAttempt());

describe('the line of spans', () => {
  let clock: FakeClock;
  let queue: SpanQueue;
  let batches: number[];
  let failure: Error | null;
  let held: Promise<void> | null;
  const logs: string[] = [];
  beforeEach(() => {
    clock = new FakeClock();
    [batches, failure, held] = [[], null, null];
    logs.length = 0;
    queue = new SpanQueue({
      clock,
      logger: createLogger('warn', { write: (line) => logs.push(line) }),
      async send(spans) {
        batches.push(spans.length);
        await held;
        if (failure) throw failure;
      },
    });
  });
  const add = (count: number) => {
    for (let i = 0; i < count; i++) queue.add(span);
  };
  const pass = async (ms: number) => {
    clock.advance(ms);
    for (let i = 0; i < 5; i++) await nextTurn();
  };

  it('gathers for a moment, or until a batch is full', async () => {
    add(3);
    await pass(LINGER_MS - 1);
    assert.deepEqual(batches, []);
    await pass(1);
    assert.deepEqual(batches, [3]);
    add(MAX_BATCH + 1);
    await pass(0);
    assert.deepEqual(batches, [3, MAX_BATCH]);
    await pass(LINGER_MS);
    assert.deepEqual(batches, [3, MAX_BATCH, 1]);
    assert.deepEqual(queue.counts, { exported: MAX_BATCH + 4, dropped: 0 });
  });

  it('drops what does not fit, counts it, and never waits', async () => {
    held = new Promise(() => {});
    add(MAX_BATCH);
    await pass(0);
    assert.deepEqual(batches, [MAX_BATCH]);
    add(MAX_WAITING + 7);
    assert.deepEqual(queue.counts, { exported: 0, dropped: 7 });
  });

  it('gives a collector that is away a rest, and warns once a minute', async () => {
    failure = new Error('connect ECONNREFUSED');
    add(2);
    await pass(LINGER_MS);
    add(2);
    await pass(REST_AFTER_FAILURE_MS - 1);
    assert.deepEqual(batches, [2]);
    await pass(1);
    await pass(LINGER_MS);
    assert.deepEqual(batches, [2, 2]);
    assert.equal(logs.length, 1);
    await pass(WARN_EVERY_MS);
    add(1);
    await pass(LINGER_MS);
    assert.deepEqual(
      logs.map((line) => JSON.parse(line)).map(({ count, error }) => [count, error.message]),
      [
        [2, failure.message],
        [3, failure.message],
      ],
    );
    failure = null;
    await pass(REST_AFTER_FAILURE_MS);
    add(1);
    await pass(LINGER_MS);
    assert.deepEqual(queue.counts, { exported: 1, dropped: 5 });
  });

  it('sends what waits when it is closed, without lingering', async () => {
    add(MAX_BATCH + 5);
    await queue.close(1_000);
    assert.deepEqual(batches, [MAX_BATCH, 5]);
    add(1);
    assert.deepEqual(queue.counts, { exported: MAX_BATCH + 5, dropped: 1 });
  });

  it('is closed in time although the collector hangs or is away', async () => {
    let answer = () => {};
    held = new Promise((resolve) => {
      answer = resolve;
    });
    add(MAX_BATCH + 1);
    await pass(0);
    const closing = queue.close(1_000);
    await pass(1_000);
    await closing;
    assert.deepEqual(queue.counts, { exported: 0, dropped: MAX_BATCH + 1 });
    assert.equal(logs.length, 1);
    answer();
    await pass(0);
    assert.deepEqual(queue.counts, { exported: 0, dropped: MAX_BATCH + 1 });
  });

  it('asks a collector that is away only once when it is closed', async () => {
    failure = new Error('connect ECONNREFUSED');
    add(3 * MAX_BATCH);
    await queue.close(1_000);
    assert.deepEqual([batches, queue.counts.dropped], [[MAX_BATCH], 3 * MAX_BATCH]);
  });
});

describe('the way to the collector', () => {
  let collector: Server;
  let status: number;
  const requests: { url: string; headers: Record<string, unknown>; body: string }[] = [];
  beforeEach(async () => {
    status = 200;
    requests.length = 0;
    collector = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      requests.push({ url: request.url!, headers: request.headers, body });
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    }).listen(0, '127.0.0.1');
    await once(collector, 'listening');
  });
  afterEach(() => {
    collector.closeAllConnections();
    collector.close();
  });
  const endpoint = () => `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;

  it('is OTLP over HTTP with the headers of the settings', async () => {
    const send = createOtlpSender({ endpoint: endpoint(), headers: { 'x-token': 'abc' }, version: '9' });
    await send([span, { ...span, failure: 'rejected', traceState: 'a=1' }]);
    assert.deepEqual([requests[0]!.url, requests[0]!.headers['x-token']], ['/v1/traces', 'abc']);
    const { resource, scopeSpans } = JSON.parse(requests[0]!.body).resourceSpans[0];
    assert.ok(
      resource.attributes.some(({ value }: { value: object }) => JSON.stringify(value).includes('"bellhop"')),
    );
    const [good, bad] = scopeSpans[0].spans;
    assert.deepEqual(
      [good.traceId, good.spanId, good.parentSpanId],
      [span.traceId, span.spanId, span.parent!.spanId],
    );
    assert.equal(BigInt(good.endTimeUnixNano) - BigInt(good.startTimeUnixNano), 50_000_000n);
    assert.deepEqual([good.kind, good.status.code, good.flags & 1], [3, 0, 1]);
    assert.deepEqual([bad.status, bad.traceState], [{ code: 2, message: 'rejected' }, 'a=1']);
  });

  it('rejects when the collector refuses', async () => {
    status = 400;
    const send = createOtlpSender({ endpoint: endpoint(), headers: {}, version: '9' });
    await assert.rejects(send([span]));
  });

  it('leads below the address of the settings, unless that names it already', () => {
    assert.equal(tracesUrl('http://a:4318'), 'http://a:4318/v1/traces');
    assert.equal(tracesUrl('https://a/otlp/'), 'https://a/otlp/v1/traces');
    assert.equal(tracesUrl('https://a/v1/traces'), 'https://a/v1/traces');
  });
});
