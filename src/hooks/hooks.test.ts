import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { createHttpTransport } from '../delivery/transport/index.ts';
import { createFlags } from '../flags/index.ts';
import { saveFlagValues } from '../flags/store.ts';
import { FakeClock } from '../lib/clock.ts';
import { createEgressGuard, type EgressGuard } from '../lib/egress.ts';
import { createLogger } from '../lib/logger.ts';
import { createMetrics, type Metrics } from '../telemetry/index.ts';
import { makeMasterKeys, makeTenant } from '../tenants/testing.ts';
import { type HookRequest, putHook, rotateSecret } from './changes.ts';
import { createHooks, type Hooks } from './hooks.ts';
import type { HooksModule } from './module.ts';
import {
  type HookPeer,
  MESSAGE,
  makeClaimed,
  say,
  sayNothing,
  startHookPeer,
  verifiedBy,
} from './testing.ts';

const ENDING = {
  outcome: 'accepted',
  settlement: { state: 'sent', reason: null, code: null, providerMessageId: 'm1' },
  latencyMs: 12,
};
const masterKeys = makeMasterKeys();
const loopback = createEgressGuard({ allow: ['127.0.0.1/32'] });

describeStores('hooks', (store) => {
  let peer: HookPeer;
  let clock: FakeClock;
  let tenantId: string;
  const open: Hooks[] = [];
  const logs: string[] = [];
  let metrics: Metrics;
  before(async () => {
    peer = await startHookPeer();
  });
  beforeEach(async () => {
    clock = new FakeClock();
    tenantId = await makeTenant(store(), clock.now());
    peer.calls.length = 0;
    peer.answer = say({ verdict: 'send' });
  });
  after(async () => {
    await Promise.all(open.map((hooks) => hooks.close()));
    await peer.close();
  });

  const changes = (guard: EgressGuard = loopback) => ({ store: store(), clock, masterKeys, guard });
  const put = (request: Partial<HookRequest> = {}, id = 'audit') =>
    putHook(changes(), {
      tenantId,
      id,
      request: { moment: 'pre-send', url: peer.url, onFailure: 'open', ...request },
    });
  function build(extra: { guard?: EgressGuard; module?: HooksModule } = {}) {
    const logger = createLogger('debug', { write: (line) => logs.push(line) });
    const transport = createHttpTransport({ guard: extra.guard ?? loopback });
    const flags = createFlags({ clock, settings: [] });
    const module = extra.module ?? null;
    metrics = createMetrics();
    const options = { clock, logger, masterKeys, transport, flags, metrics, module, random: () => 0 };
    const hooks = createHooks(options);
    open.push(hooks);
    return hooks;
  }
  const ofTenant = async (hooks: Hooks) =>
    (await hooks.forTenants(store().engine, [tenantId])).get(tenantId)!;
  const ask = async (hooks: Hooks, rest: Parameters<typeof makeClaimed>[1] = {}) =>
    (await ofTenant(hooks)).preSend(makeClaimed(tenantId, rest), MESSAGE);

  it('are asked with a signature that their secret verifies, about this attempt and its content', async () => {
    const { secret } = await put();
    const ruling = await ask(build());
    assert.deepEqual(ruling, { kind: 'send', content: MESSAGE.content, notes: [] });
    const [call] = peer.calls as [HookPeer['calls'][0]];
    assert.equal(verifiedBy(call, secret!), 0);
    assert.equal(verifiedBy({ ...call, body: `${call.body} ` }, secret!), -1);
    assert.equal(Number(call.headers['webhook-timestamp']), Math.floor(clock.now() / 1_000));
    const { type, version, data } = call.event;
    assert.deepEqual([type, version], ['delivery.pre_send', 1]);
    assert.deepEqual(data.user, { id: 'ada', locale: 'en', timezone: null, attributes: { plan: 'gold' } });
    assert.deepEqual(data.content, MESSAGE.content);
    assert.equal(data.attempt, 1);
    assert.ok(!call.body.includes('device-token'), 'addresses stay at home');
  });

  it('cost a tenant without any nothing but a look every two seconds', async () => {
    const hooks = build();
    let queries = 0;
    const db = {
      // biome-ignore lint/suspicious/noExplicitAny: both forms of the call are handed on
      query: (...args: [any]) => {
        queries++;
        return store().engine.query(...args);
      },
    };
    for (let i = 0; i < 5; i++) assert.equal((await hooks.forTenants(db as never, [tenantId])).size, 0);
    assert.equal(queries, 1);
    await put();
    clock.advance(2_000);
    assert.equal((await hooks.forTenants(db as never, [tenantId])).size, 1);
  });

  it('drop, defer and rewrite what is sent', async () => {
    await put();
    const hooks = build();
    peer.answer = say({ verdict: 'drop', reason: 'vip only' });
    const dropped = await ask(hooks);
    assert.deepEqual([dropped.kind, dropped.kind === 'drop' && dropped.code], ['drop', 'vip only']);
    peer.answer = say({ verdict: 'defer', deferMs: 7_000 });
    const deferred = await ask(hooks);
    assert.ok(deferred.kind === 'defer');
    assert.deepEqual([deferred.afterMs, deferred.reason], [7_000, 'hook_deferred']);
    peer.answer = say({ verdict: 'send', content: { title: 'New' } });
    const sent = await ask(hooks);
    assert.ok(sent.kind === 'send');
    assert.deepEqual(sent.content, { title: 'New', body: 'World' });
    assert.deepEqual([sent.notes[0]?.hook, sent.notes[0]?.replaced], ['audit', ['title']]);
  });

  it('are asked in the order of their ids, each about what the one before left', async () => {
    await put({}, 'b');
    await put({}, 'a');
    peer.answer = (response, call) =>
      say({ verdict: 'send', content: { title: `${call.event.data.content.title}!` } })(response);
    const ruling = await ask(build());
    assert.ok(ruling.kind === 'send');
    assert.equal(ruling.content.title, 'Hello!!');
    assert.deepEqual(
      ruling.notes.map((note) => note.hook),
      ['a', 'b'],
    );
  });

  it('are asked only about what they want to hear of', async () => {
    await put({ channels: ['email'], categories: ['transactional'] }, 'mail');
    await put({ environments: ['test'] }, 'test');
    await put({ moment: 'post-send' }, 'after');
    await put({ enabled: false }, 'off');
    const hooks = build();
    await ask(hooks);
    assert.equal(peer.calls.length, 0);
    await ask(hooks, { channel: 'email' });
    assert.equal(peer.calls.length, 1);
    await ask(hooks, { channel: 'email', category: 'marketing' });
    assert.equal(peer.calls.length, 1);
    await ask(hooks, { live: false });
    assert.equal(peer.calls.length, 2);
  });

  for (const [name, answer] of [
    ['an error', say({}, 500)],
    [
      'a redirect',
      (response: Parameters<ReturnType<typeof say>>[0]) =>
        void response.writeHead(302, { location: peer.url }).end(),
    ],
    ['garbage', say('<html>')],
    ['another verdict', say({ verdict: 'perhaps' })],
    ['too much', say({ verdict: 'send', reason: 'x'.repeat(70_000) })],
    [
      'a bottomless nest',
      say(`{"verdict":"send","content":{"data":{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}}}`),
    ],
    ['a broken line', (response: Parameters<ReturnType<typeof say>>[0]) => void response.destroy()],
  ] as const) {
    it(`send when they are fail-open and wait when they are fail-closed, after ${name}`, async () => {
      await put({ onFailure: 'open' });
      peer.answer = answer;
      const sent = await ask(build());
      assert.ok(sent.kind === 'send');
      assert.deepEqual([sent.notes[0]?.hook, sent.notes[0]?.reason], ['audit', 'hook_failed']);
      assert.ok(sent.notes[0]!.why!.length <= 300);
      await put({ onFailure: 'closed' });
      const held = await ask(build(), { attempt: 3 });
      assert.ok(held.kind === 'defer');
      assert.deepEqual([held.reason, held.code, held.afterMs], ['hook_failed', 'audit', 20_000]);
      assert.equal(peer.calls.length, 2, 'a redirect is not followed');
    });
  }

  it('have their time and no more', async () => {
    await put({ onFailure: 'closed', timeoutMs: 300 });
    peer.answer = sayNothing;
    const asking = ask(build());
    await peer.called(1);
    clock.advance(299);
    assert.equal(
      await Promise.race([asking, new Promise((resolve) => setImmediate(resolve, 'waits'))]),
      'waits',
    );
    clock.advance(1);
    const ruling = await asking;
    assert.equal(ruling.kind, 'defer');
    assert.equal(ruling.notes[0]?.why, 'no answer within 300 ms');
    assert.equal(ruling.notes[0]?.latencyMs, 300);
  });

  it('are given up by who would wait for a turn longer than for an answer', async () => {
    await put({ onFailure: 'closed' });
    const open: (() => void)[] = [];
    peer.answer = (response) => void open.push(() => say({ verdict: 'send' })(response));
    const told = await ofTenant(build());
    const asking = Array.from({ length: 129 }, () => told.preSend(makeClaimed(tenantId), MESSAGE));
    await peer.called(64);
    clock.advance(290);
    for (const answer of open.splice(0)) answer();
    await peer.called(128);
    clock.advance(10);
    const last = await asking.at(-1)!;
    assert.deepEqual([last.kind, last.notes[0]?.why], ['defer', 'too many calls are waiting']);
    for (const answer of open.splice(0)) answer();
    const rulings = await Promise.all(asking.slice(0, 128));
    assert.ok(rulings.every(({ kind }) => kind === 'send'));
  });

  it('are left alone for a while after failures, and then tried again', async () => {
    await put({ onFailure: 'closed' });
    peer.answer = say({}, 503);
    const hooks = build();
    for (let i = 0; i < 8; i++) {
      const ruling = await ask(hooks);
      assert.equal(ruling.kind, 'defer');
    }
    assert.equal(peer.calls.length, 5);
    clock.advance(1_000);
    peer.answer = say({ verdict: 'send' });
    assert.equal((await ask(hooks)).kind, 'send');
    const text = await metrics.render();
    const calls = (outcome: string) =>
      new RegExp(`hook_calls_total\\{moment="pre-send",by="tenant",outcome="${outcome}"\\} (\\d+)`).exec(
        text,
      )?.[1];
    assert.deepEqual([calls('failed'), calls('not_called'), calls('answered')], ['5', '3', '1']);
    assert.match(text, /hook_seconds_count\{moment="pre-send",by="tenant"\} 6\n/);
  });

  it('are not reached on private addresses', async () => {
    const strict = createEgressGuard({ allow: [] });
    const request = { moment: 'pre-send', url: peer.url, onFailure: 'open' } as const;
    await assert.rejects(putHook(changes(strict), { tenantId, id: 'x', request }), /can not be reached/);
    await put({ onFailure: 'closed' });
    const ruling = await ask(build({ guard: strict }));
    assert.equal(ruling.kind, 'defer');
    assert.match(ruling.notes[0]!.why!, /EGRESS_REFUSED/);
    assert.equal(peer.calls.length, 0);
  });

  it('are signed by both secrets while a rotation overlaps, and then by the new one alone', async () => {
    const { secret: old } = await put();
    const { secret: fresh } = await rotateSecret(changes(), { tenantId, id: 'audit', overlapMs: 60_000 });
    const hooks = build();
    await ask(hooks);
    const verified = () => [verifiedBy(peer.calls.at(-1)!, fresh!), verifiedBy(peer.calls.at(-1)!, old!)];
    assert.deepEqual(verified(), [0, 1]);
    // A change of something else keeps both.
    await put({ timeoutMs: 400 });
    hooks.forget(tenantId);
    await ask(hooks);
    assert.deepEqual(verified(), [0, 1]);
    clock.advance(60_000);
    await ask(hooks);
    assert.deepEqual(verified(), [0, -1]);
  });

  it('are switched off by the flag, for the share of users that it says', async () => {
    await put();
    const value = { tenantId, flag: 'hooks', environments: ['live'], percentage: 0, now: new Date() };
    await saveFlagValues(store().engine, value);
    const hooks = build();
    assert.equal((await ask(hooks)).kind, 'send');
    assert.equal(peer.calls.length, 0);
    await ask(hooks, { live: false });
    assert.equal(peer.calls.length, 1);
  });

  it('are told afterwards how it ended, without anybody waiting', async () => {
    const { secret } = await put({ moment: 'post-send' });
    const hooks = build();
    (await ofTenant(hooks)).postSend(makeClaimed(tenantId), ENDING);
    await peer.called(1);
    const [call] = peer.calls as [HookPeer['calls'][0]];
    assert.equal(verifiedBy(call, secret!), 0);
    assert.equal(call.event.type, 'delivery.post_send');
    assert.deepEqual([call.event.data.outcome, call.event.data.state], ['accepted', 'sent']);
    assert.ok(!('content' in call.event.data));
    await hooks.close();
    assert.equal(hooks.lost, 0);
  });

  it('lose what they do not take: once at most, counted and logged', async () => {
    await put({ moment: 'post-send' });
    peer.answer = sayNothing;
    const hooks = build();
    const told = await ofTenant(hooks);
    for (let i = 0; i < 1_010; i++) told.postSend(makeClaimed(tenantId), ENDING);
    assert.equal(hooks.lost, 10);
    assert.match(logs.at(-1)!, /a post-send hook missed events/);
    await peer.called(64);
    clock.advance(300);
    await hooks.close();
    assert.equal(hooks.lost, 1_010);
    assert.match(await metrics.render(), /hook_events_lost_total 1010\n/);
    assert.ok(peer.calls.length <= 64, `${peer.calls.length} calls`);
  });

  it("of the operator's module are asked for all tenants, within the same time", async () => {
    const told: unknown[] = [];
    const module: HooksModule = {
      preSend: (event) => {
        (event.data.content as { title: string }).title = 'scribbled';
        return { verdict: 'send', content: { body: 'From the module' } };
      },
      postSend: (event) => void told.push(event.type),
      timeoutMs: 300,
      onFailure: 'closed',
    };
    const hooks = build({ module });
    const ruling = await ask(hooks);
    assert.ok(ruling.kind === 'send');
    assert.deepEqual(ruling.content, { title: 'Hello', body: 'From the module' });
    (await ofTenant(hooks)).postSend(makeClaimed(tenantId), ENDING);
    assert.deepEqual(told, ['delivery.post_send']);
    module.preSend = () => {
      throw new TypeError('secret words');
    };
    const failed = await ask(hooks);
    assert.deepEqual([failed.kind, failed.notes[0]?.why], ['defer', 'it threw TypeError']);
    const asked = Promise.withResolvers<void>();
    module.preSend = () => {
      asked.resolve();
      return new Promise(() => {});
    };
    const late = ask(hooks);
    await asked.promise;
    clock.advance(300);
    assert.equal((await late).notes[0]?.why, 'no answer within 300 ms');
    module.preSend = () => undefined;
    assert.equal((await ask(hooks)).kind, 'send');
  });
});
