import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type CollectedSpan, type Collector, startCollector } from '../support/collector.ts';
import { freePort } from '../support/postgres.ts';
import { eventually, type RunningBellhop, startBellhop, temporaryFolder } from '../support/process.ts';
import {
  type MailServer,
  newVapidKeys,
  type PushService,
  startMailServer,
  startPushService,
} from './counterparts.ts';

const MESSAGE = { title: 'A title nobody else may read', body: 'A body nobody else may read' };
const GONE = 'gone@mail.example';
const CALLERS_SPAN = '00f067aa0ba902b7';
const STATUS_ERROR = 2;

const newTrace = () => randomBytes(16).toString('hex');
const byName = (spans: CollectedSpan[], name: string) => spans.filter((span) => span.name === name);

async function connect(bellhop: RunningBellhop, mail: MailServer, browser: PushService): Promise<void> {
  const smtp = { host: '127.0.0.1', port: mail.port, security: 'none', from: 'news@shop.example' };
  const webpush = { ...newVapidKeys(), subject: 'mailto:ops@shop.example' };
  const connections = {
    mail: { provider: 'smtp', config: smtp },
    browser: { provider: 'webpush', config: webpush },
  };
  for (const [id, body] of Object.entries(connections)) {
    const answer = await bellhop.call('PUT', `/v1/connections/${id}`, body);
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
  }
  await bellhop.call('PUT', '/v1/users/ada', { contacts: { email: 'ada@mail.example' } });
  await bellhop.call('PUT', '/v1/users/gone', { contacts: { email: GONE } });
  const device = await bellhop.call('POST', '/v1/users/ada/devices', {
    platform: 'web',
    subscription: browser.subscription,
  });
  assert.equal(device.status, 201, JSON.stringify(device.body));
}

describe('traces', () => {
  let collector: Collector;
  let mail: MailServer;
  let browser: PushService;
  let bellhop: RunningBellhop;
  before(async () => {
    [collector, mail, browser] = await Promise.all([startCollector(), startMailServer(), startPushService()]);
    bellhop = await startBellhop({
      BELLHOP_OTLP_ENDPOINT: collector.endpoint,
      BELLHOP_TRACE_SAMPLE: '0',
      BELLHOP_LOG_LEVEL: 'debug',
    });
    await connect(bellhop, mail, browser);
  });
  after(async () => {
    await bellhop?.dispose();
    await Promise.all([collector.close(), mail.close(), browser.close()]);
  });

  async function send(body: object, headers: Record<string, string> = {}): Promise<string> {
    const answer = await bellhop.call('POST', '/v1/notifications', { message: MESSAGE, ...body }, headers);
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    return answer.body.id;
  }
  const collected = (traceId: string, count: number) =>
    eventually(
      async () => collector.ofTrace(traceId),
      (spans) => spans.length >= count,
    );
  const settled = (id: string) =>
    eventually(
      () => bellhop.call('GET', `/v1/notifications/${id}`),
      ({ body }) => !['accepted', 'processing'].includes(body.status),
    );

  it('tell the way from the request of the caller to every provider, under his own span', async () => {
    const traceId = newTrace();
    const id = await send(
      { userId: 'ada', channels: ['email', 'push'] },
      { traceparent: `00-${traceId}-${CALLERS_SPAN}-01`, tracestate: 'shop=1' },
    );
    const spans = await collected(traceId, 4);
    const [accept, route] = [byName(spans, 'accept')[0]!, byName(spans, 'route')[0]!];
    const attempts = byName(spans, 'deliver');
    assert.deepEqual([spans.length, attempts.length], [4, 2]);
    assert.equal(accept.parentSpanId, CALLERS_SPAN);
    assert.equal(route.parentSpanId, accept.spanId);
    for (const attempt of attempts) assert.equal(attempt.parentSpanId, route.spanId);
    assert.deepEqual(attempts.map((span) => span.attributes['bellhop.provider']).sort(), ['smtp', 'webpush']);
    for (const span of spans) {
      assert.equal(span.attributes['bellhop.notification'], id);
      assert.deepEqual([span.traceState, span.status.code], ['shop=1', 0]);
      assert.ok(span.startMs >= accept.startMs && span.endMs >= span.startMs, JSON.stringify(span));
    }
    const { body } = await settled(id);
    assert.deepEqual(
      attempts.map((span) => span.attributes['bellhop.delivery']).sort(),
      body.deliveries.map((delivery: { id: string }) => delivery.id).sort(),
    );
    const logged = bellhop
      .output()
      .split('\n')
      .filter((line) => line.includes('attempt finished') && line.includes(id));
    assert.deepEqual(
      logged.map((line) => JSON.parse(line).trace),
      [traceId, traceId],
    );
  });

  it('of what the caller did not sample are not told, unless it fails: then from the beginning', async () => {
    const [quiet, failing] = [newTrace(), newTrace()];
    await settled(
      await send({ userId: 'ada', channels: ['email'] }, { traceparent: `00-${quiet}-${CALLERS_SPAN}-00` }),
    );
    mail.replies.set(GONE, [550]);
    const id = await send(
      { userId: 'gone', channels: ['email'] },
      { traceparent: `00-${failing}-${CALLERS_SPAN}-00` },
    );
    const spans = await collected(failing, 3);
    const [accept, route, attempt] = ['accept', 'route', 'deliver'].map((name) => byName(spans, name)[0]!);
    assert.equal(spans.length, 3);
    assert.deepEqual(
      [accept!.parentSpanId, route!.parentSpanId, attempt!.parentSpanId],
      [CALLERS_SPAN, accept!.spanId, route!.spanId],
    );
    const { reason, attempts } = (await settled(id)).body.deliveries[0];
    assert.equal(attempts.length, 1);
    assert.deepEqual(attempt!.status, { code: STATUS_ERROR, message: reason });
    assert.equal(attempt!.attributes['bellhop.outcome'], 'rejected');
    assert.deepEqual(
      [accept, route].map((span) => span!.attributes['bellhop.derived']),
      [true, true],
    );
    assert.deepEqual(collector.ofTrace(quiet), []);
  });

  it('of a caller without one have the id of the notification, and of high priority are always told', async () => {
    const id = await send({ userId: 'ada', channels: ['inbox'], priority: 'high' });
    const spans = await collected(id.replaceAll('-', ''), 3);
    assert.deepEqual(spans.map((span) => span.name).sort(), ['accept', 'deliver', 'route']);
    assert.ok(!byName(spans, 'accept')[0]!.parentSpanId);
  });

  it('tell neither contents nor addresses, and are not shown to providers', () => {
    assert.ok(collector.spans.length > 0 && browser.requests.length > 0);
    for (const text of [MESSAGE.title, MESSAGE.body, '@mail.example', browser.subscription.endpoint])
      assert.ok(!collector.posted().includes(text), text);
    for (const { headers } of browser.requests) assert.equal(headers.traceparent, undefined);
  });

  it('are sent before the process ends', async () => {
    const id = await send({ userId: 'ada', channels: ['inbox'], priority: 'high' });
    assert.equal(await bellhop.end(), 0);
    assert.equal(
      collector.ofTrace(id.replaceAll('-', '')).filter((span) => span.name === 'accept').length,
      1,
    );
  });
});

describe('the cost of traces', () => {
  const folder = temporaryFolder();
  after(() => rmSync(folder, { recursive: true, force: true }));
  // Every module that the process resolves passes this hook.
  const hook = join(folder, 'hook.mjs');
  writeFileSync(
    hook,
    `import { registerHooks } from 'node:module';
     registerHooks({ resolve(name, context, next) {
       if (name.startsWith('@opentelemetry/')) process.stderr.write('loaded ' + name + '\\n');
       return next(name, context);
     } });`,
  );
  const start = (env: Record<string, string>) => startBellhop(env, { nodeArgs: ['--import', hook] });
  const sendOne = async (bellhop: RunningBellhop) => {
    const { status, body } = await bellhop.call('POST', '/v1/notifications', {
      userId: 'ada',
      channels: ['inbox'],
      priority: 'high',
      message: MESSAGE,
    });
    assert.equal(status, 202);
    return body.id as string;
  };

  it('is nothing without a collector: not even the libraries are loaded', async () => {
    const bellhop = await start({});
    await sendOne(bellhop);
    // The library of the metrics brings the bare interface (`api`) along.
    assert.doesNotMatch(bellhop.output(), /loaded @opentelemetry\/(?!api)/);
    assert.equal(await bellhop.end(), 0);
    await bellhop.dispose();
  });

  it('is a warning while the collector is away: what is sent and the end of the process do not wait', async () => {
    const bellhop = await start({
      BELLHOP_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
      BELLHOP_LOG_LEVEL: 'warn',
    });
    await bellhop.call('PUT', '/v1/users/ada', {});
    const id = await sendOne(bellhop);
    const { body } = await eventually(
      () => bellhop.call('GET', `/v1/notifications/${id}`),
      ({ body }) => body.status === 'sent',
    );
    assert.equal(body.deliveries[0].state, 'sent');
    const startedAt = performance.now();
    assert.equal(await bellhop.end(), 0);
    assert.ok(performance.now() - startedAt < 10_000);
    assert.match(bellhop.output(), /loaded @opentelemetry\/exporter-trace-otlp-http/);
    assert.match(bellhop.output(), /spans were dropped/);
    await bellhop.dispose();
  });
});
