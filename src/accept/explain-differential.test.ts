import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import fc from 'fast-check';
import { type Laddered, serveLaddered } from '../../test/support/laddered.ts';
import { describeStores } from '../../test/support/stores.ts';

const CHANNELS = ['email', 'sms', 'push', 'inbox', 'webhook'];
const NOON = Date.UTC(2026, 10, 21, 12);
const RUNS = 25;

const channels = fc.uniqueArray(fc.constantFrom(...CHANNELS), { minLength: 1, maxLength: 3 });
const hours = fc.constantFrom('09:00', '11:00', '12:00', '14:00', '20:00');
const steps = fc
  .array(channels, { minLength: 2, maxLength: 4 })
  .map((all) => all.map((each, i) => ({ channels: each, ...(i < all.length - 1 && { waitSeconds: 600 }) })));
const target = fc.oneof(
  fc.constant({}),
  channels.map((asked) => ({ channels: asked })),
  steps.map((each) => ({ ladder: { steps: each, until: 'seen' } })),
);
const window = fc.record({ from: hours, to: hours, days: fc.constantFrom(undefined, [1], [6]) });
const timing = fc.oneof(
  fc.constant({}),
  window.map((value) => ({ window: value })),
  fc.constant({ expiresAt: new Date(NOON + 3_600_000).toISOString() }),
);
const bodies = fc
  .tuple(target, timing, fc.constantFrom({}, { priority: 'high' }, { priority: 'low' }))
  .map((parts) => ({ category: 'any', ...Object.assign({}, ...parts) }));
const quiet = fc.record({
  from: hours,
  to: hours,
  channels: fc.constantFrom(undefined, ['email'], ['sms', 'push']),
});
const caps = fc.uniqueArray(
  fc.record({
    limit: fc.integer({ min: 1, max: 2 }),
    per: fc.constant('day'),
    channel: fc.constantFrom(undefined, 'email', 'sms'),
  }),
  { selector: ({ channel }) => channel, maxLength: 2 },
);
const worlds = fc.record({
  quiet: fc.array(quiet, { maxLength: 2 }),
  category: fc.record({
    quietHours: fc.constantFrom('defer', 'drop', 'ignore'),
    urgentPasses: fc.boolean(),
    caps,
    channels: fc.constantFrom({}, { sms: 'off' }),
    digest: fc.constantFrom(undefined, { window: { everySeconds: 600 } }),
  }),
  bodies: fc.array(bodies, { minLength: 1, maxLength: 4 }),
});

interface Explained {
  channel: string;
  verdict: string;
  reason?: string;
  step?: number;
  at?: string;
  until?: string;
}

/** What an explanation says of this very moment: what goes out, what ends, and what waits until when. */
function saidOfNow({ digest, plans }: { digest: object | null; plans: Explained[] }): string[] {
  if (digest) return ['collected'];
  const said: string[] = [];
  const ofStep = Map.groupBy(plans, ({ step }) => step ?? -1);
  for (const [step, own] of ofStep) {
    if (step > 0 && Date.parse(own[0]!.at!) > NOON) {
      // The steps behind the next one, and behind one that only waits, have no turn yet.
      const before = ofStep.get(step - 1)!;
      if (before.some(({ verdict }) => verdict === 'deliver'))
        said.push(...own.map(({ channel, at }) => `${channel} waits until ${at!.slice(0, 19)}`));
      break;
    }
    for (const { channel, verdict, reason, until } of own) {
      if (verdict === 'deliver') said.push(`${channel} queued`);
      else if (verdict === 'skip') said.push(`${channel} ends: ${reason}`);
      else said.push(`${channel} waits until ${until!.slice(0, 19)}`);
    }
  }
  return [...new Set(said)].sort();
}

// biome-ignore lint/suspicious/noExplicitAny: whatever the API answers
function seen({ status, deliveries, waiting = [] }: any): string[] {
  if (status === 'collected') return ['collected'];
  const rows = deliveries.map(({ channel, state, reason }: Record<string, string>) =>
    state === 'queued' ? `${channel} queued` : `${channel} ends: ${reason}`,
  );
  const turns = waiting.flatMap(({ channels, until }: { channels: string[]; until: string }) =>
    channels.map((channel) => `${channel} waits until ${until.slice(0, 19)}`),
  );
  return [...new Set<string>([...rows, ...turns])].sort();
}

/** A step of which caps left nothing gives its turn to the next one, a millisecond later. */
function isOfThisMoment({ until }: { until: string }): boolean {
  return Date.parse(until) < NOON + 100;
}

describeStores('an explanation', (store) => {
  let bench: Laddered;
  before(async () => {
    bench = await serveLaddered(store());
  });
  after(() => bench.close());

  it('says what routing then does, whatever is asked for under whichever rules', async () => {
    const decides = fc.asyncProperty(worlds, async (world) => {
      await bench.clear();
      await store().engine.query('truncate digests, digest_events, cap_uses, cap_holds');
      bench.clock.advance(NOON - bench.clock.now());
      if (world.quiet.length === 0) await bench.call('DELETE', '/v1/users/ada/quiet-hours');
      else await bench.call('PUT', '/v1/users/ada/quiet-hours', { windows: world.quiet });
      const declared = await bench.call('PUT', '/v1/categories/any', world.category);
      assert.ok(declared.status < 300, JSON.stringify(declared.body));
      for (const body of world.bodies) {
        const message = { title: 'Hello', body: 'World' };
        const asked = { userId: 'ada', message, ...body };
        const answer = await bench.call('POST', '/v1/notifications/explain', asked);
        assert.equal(answer.status, 200, JSON.stringify(answer.body));
        const { id } = (await bench.call('POST', '/v1/notifications', asked)).body;
        await bench.route();
        let view = await bench.see(id);
        while (view.waiting?.some(isOfThisMoment)) {
          bench.clock.advance(1);
          await bench.route();
          view = await bench.see(id);
        }
        bench.clock.advance(NOON - bench.clock.now());
        assert.deepEqual(seen(view), saidOfNow(answer.body), JSON.stringify(body));
      }
      assert.deepEqual(await bench.findings(), []);
    });
    await fc.assert(decides, { numRuns: RUNS });
  });
});
