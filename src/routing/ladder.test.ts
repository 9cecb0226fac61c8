import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { GOALS, meets } from '../ledger/index.ts';
import { CHANNELS, type Channel } from '../providers/index.ts';
import type { Plan } from './decide.ts';
import { foreseeLadder } from './explain-ladder.ts';
import { climb, climbOverCapped, ladderOf, rungOf } from './ladder.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const channels = fc.uniqueArray(fc.constantFrom(...CHANNELS), { minLength: 1, maxLength: 3 });
const ladders = fc
  .array(fc.record({ channels, waitSeconds: fc.integer({ min: 1, max: 1_000 }) }), {
    minLength: 2,
    maxLength: 10,
  })
  .map((steps) => ({ steps, until: 'delivered' as const }));

type Fate = 'deliver' | 'skip' | number;

/** What becomes of each channel: a number postpones it by so many milliseconds. */
const fates = fc.dictionary(
  fc.constantFrom(...CHANNELS),
  fc.oneof(fc.constantFrom<Fate[]>('deliver', 'skip', 'skip'), fc.constantFrom(1_000, 2_000)),
);

function decideBy(fate: Record<string, Fate>, at = NOW) {
  return (asked: Channel[]): Plan[] =>
    asked.map((channel): Plan => {
      const what = fate[channel] ?? 'skip';
      const target = { channel, platform: null, deviceId: null };
      if (what === 'skip') return { kind: 'skip', ...target, reason: 'contact_missing' };
      if (typeof what === 'number')
        return { kind: 'postpone', channel, until: at + what, reason: 'quiet_hours' };
      return { kind: 'deliver', ...target, contactKind: null, connection: 'c', provider: 'p', choice: null };
    });
}

describe('climbing a ladder', () => {
  const climbs = fc.record({ ladder: ladders, fate: fates, at: fc.nat(9), isCarrier: fc.boolean() });

  it('tells of every channel of the steps it takes, once, in their order, and leaves out none', () => {
    fc.assert(
      fc.property(climbs, ({ ladder, fate, at }) => {
        const step = at % ladder.steps.length;
        const from = { step, channels: ladder.steps[step]!.channels, climbs: true };
        const plans = climb(ladder, from, { now: NOW, decideOn: decideBy(fate) });
        const last = Math.max(...plans.map((plan) => plan.step!));
        const expected = ladder.steps
          .slice(step, last + 1)
          .flatMap((each, i) => each.channels.map((channel) => `${step + i} ${channel}`));
        assert.deepEqual(
          plans.map((plan) => `${plan.step} ${plan.channel}`),
          expected,
        );
      }),
    );
  });

  it('stops at the first step that is on its way or waits, and goes on from exactly one turn unless it is at its end', () => {
    fc.assert(
      fc.property(climbs, ({ ladder, fate, at }) => {
        const step = at % ladder.steps.length;
        const from = { step, channels: ladder.steps[step]!.channels, climbs: true };
        const plans = climb(ladder, from, { now: NOW, decideOn: decideBy(fate) });
        const decided = plans.filter((plan) => plan.kind !== 'postpone' || plan.reason !== 'ladder');
        const taken = Math.max(...decided.map((plan) => plan.step!));
        for (const plan of decided) if (plan.step! < taken) assert.equal(plan.kind, 'skip');
        const own = decided.filter((plan) => plan.step === taken);
        const isLast = taken === ladder.steps.length - 1;
        const turns = new Set(
          plans.flatMap((plan) => (plan.kind === 'postpone' && plan.climbs ? [plan.until] : [])),
        );
        if (isLast) return assert.equal(turns.size, 0);
        assert.equal(turns.size, 1);
        const [turn] = turns;
        if (own.some(({ kind }) => kind === 'deliver')) {
          assert.equal(turn, NOW + ladder.steps[taken]!.waitSeconds * 1_000);
          const next = plans.filter((plan) => plan.kind === 'postpone' && plan.reason === 'ladder');
          assert.deepEqual(
            next.map(({ channel }) => channel),
            ladder.steps[taken + 1]!.channels,
          );
        } else
          assert.equal(
            turn,
            Math.min(...own.flatMap((plan) => (plan.kind === 'postpone' ? plan.until : []))),
          );
      }),
    );
  });

  it('ends every step that is left when nothing may be sent any more', () => {
    fc.assert(
      fc.property(ladders, fc.nat(9), (ladder, at) => {
        const step = at % ladder.steps.length;
        const from = { step, channels: ladder.steps[step]!.channels, climbs: true };
        const plans = climb(ladder, from, { now: NOW, decideOn: decideBy({}) });
        assert.equal(plans.length, ladder.steps.slice(step).flatMap((each) => each.channels).length);
      }),
    );
  });

  it('leaves what comes after it to the turn that carries the ladder on', () => {
    fc.assert(
      fc.property(climbs, ({ ladder, fate }) => {
        const from = { step: 0, channels: ladder.steps[0]!.channels, climbs: false };
        const plans = climb(ladder, from, { now: NOW, decideOn: decideBy(fate) });
        assert.ok(plans.every((plan) => plan.step === 0 && (plan.kind !== 'postpone' || !plan.climbs)));
      }),
    );
  });

  it('foresees each step, none before the one in front of it has waited', () => {
    fc.assert(
      fc.property(ladders, fates, (ladder, fate) => {
        const steps = foreseeLadder(ladder, NOW, ({ channels, at }) => decideBy(fate, at)(channels));
        assert.equal(steps.length, ladder.steps.length);
        for (const [i, { at, plans }] of steps.slice(0, -1).entries()) {
          const reached = plans.some(({ kind }) => kind === 'deliver');
          if (reached) assert.equal(steps[i + 1]!.at, at + ladder.steps[i]!.waitSeconds * 1_000);
          else assert.ok(steps[i + 1]!.at >= at);
        }
      }),
    );
  });
});

describe('a ladder', () => {
  it('is ended by what it goes on until, and by everything that includes it', () => {
    for (const [i, until] of GOALS.entries())
      for (const [j, reached] of GOALS.entries()) assert.equal(meets(reached, until), j >= i);
    assert.equal(meets(null, 'delivered'), false);
  });

  it('is none when the store says nonsense', () => {
    for (const ladder of [undefined, null, 7, 'x', [], {}, { steps: [] }, { steps: 'two' }])
      assert.equal(ladderOf({ ladder } as never), null);
  });

  it('gives two steps that come at the same moment one turn, and no channel twice in it', () => {
    const postponed = {
      channels: ['sms', 'push', 'sms'],
      reason: 'quiet_hours',
      step: 1,
      climbs: true,
    } as const;
    const ladder = { steps: [{ channels: ['push'] }, { channels: ['sms'] }], until: 'seen' } as const;
    assert.deepEqual(rungOf({ postponed } as never, ladder as never), {
      step: 1,
      channels: ['sms', 'push'],
      climbs: true,
    });
  });

  it('waits for nothing where caps left nothing of a step', () => {
    const turn = (notificationId: string, reason: string) =>
      ({ notificationId, reason, dueAt: new Date(NOW + 60_000) }) as never;
    const rows = [{ notificationId: 'on its way', state: 'queued' }] as never[];
    const moved = climbOverCapped(
      [turn('on its way', 'ladder'), turn('capped', 'ladder'), turn('quiet', 'quiet_hours')],
      rows,
      NOW,
    );
    assert.deepEqual(
      moved.map(({ dueAt }) => dueAt.getTime() - NOW),
      [60_000, 1, 60_000],
    );
  });
});
