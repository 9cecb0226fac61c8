import type { LadderRequest } from '../ledger/index.ts';
import type { Channel } from '../providers/index.ts';
import type { NotificationRequest } from '../queue/index.ts';
import type { Plan } from './decide.ts';
import type { Postponement } from './postponed-store.ts';
import type { DeliveryRow, RoutableRow } from './store.ts';

/** Where on its ladder a notification is when it has a turn. */
export interface Rung {
  /** From 0. */
  step: number;
  channels: Channel[];
  /** Whether the ladder goes on from here; if not, another turn carries it on. */
  climbs: boolean;
}

/** What is decided about a channel, and on which step. */
export type StepPlan = Plan & { step?: number; climbs?: boolean };

/** Null for what has no ladder, or nothing that could be one: rows of the store are not trusted here. */
export function ladderOf({ ladder }: NotificationRequest): LadderRequest | null {
  return Array.isArray(ladder?.steps) && ladder.steps.length > 0 ? ladder : null;
}

/** The rung of this turn: the first one, or what was postponed. */
export function rungOf({ postponed }: RoutableRow, { steps }: LadderRequest): Rung {
  if (postponed) {
    const { step, climbs, channels } = postponed;
    return { step: step ?? 0, climbs: climbs ?? false, channels: [...new Set(channels)] };
  }
  return { step: 0, climbs: true, channels: steps[0]!.channels as Channel[] };
}

/**
 * Goes up from a rung until a step is on its way: then the next one waits for its time, as a postponed turn. A step that
 * only waits (for the end of quiet hours) carries the ladder on at its own turn, the earliest of them. One that reaches
 * nobody is no reason to wait: the next comes at once. Pure.
 */
export function climb(
  { steps }: LadderRequest,
  from: Rung,
  { now, decideOn }: { now: number; decideOn(channels: Channel[]): Plan[] },
): StepPlan[] {
  const all: StepPlan[] = [];
  for (let { step, channels } = from; ; channels = steps[step]!.channels as Channel[]) {
    const plans: StepPlan[] = decideOn(channels).map((plan) => ({ ...plan, step }));
    all.push(...plans);
    const next = steps[step + 1];
    if (!from.climbs || !next) return all;
    if (plans.some(({ kind }) => kind === 'deliver')) {
      const until = now + (steps[step]!.waitSeconds ?? 0) * 1_000;
      return [...all, ...next.channels.map((channel) => waiting(channel as Channel, until, step + 1))];
    }
    const first = Math.min(...plans.map((plan) => (plan.kind === 'postpone' ? plan.until : Infinity)));
    if (first < Infinity)
      return all.map((plan) =>
        plan.kind === 'postpone' && plan.until === first ? { ...plan, climbs: true } : plan,
      );
    step++;
  }
}

function waiting(channel: Channel, until: number, step: number): StepPlan {
  return { kind: 'postpone', channel, until, reason: 'ladder', step, climbs: true };
}

/**
 * Where caps left nothing of a step, the next one gets its turn right after this, or as the step would have it if some of
 * its channels only wait. Pure.
 */
export function climbOverCapped(
  postponed: Postponement[],
  deliveries: readonly DeliveryRow[],
  now: number,
): Postponement[] {
  if (!postponed.some(({ reason }) => reason === 'ladder')) return postponed;
  const onTheirWay = new Set(
    deliveries.flatMap(({ state, notificationId }) => (state === 'queued' ? [notificationId] : [])),
  );
  const byNotification = Map.groupBy(postponed, ({ notificationId }) => notificationId);
  return [...byNotification].flatMap(([id, turns]) => (onTheirWay.has(id) ? turns : climbOver(turns, now)));
}

function climbOver(turns: Postponement[], now: number): Postponement[] {
  const next = turns.find(({ reason }) => reason === 'ladder');
  if (!next) return turns;
  const waiting = turns.filter(({ reason, step }) => reason !== 'ladder' && step === next.step! - 1);
  if (waiting.length === 0)
    return turns.map((turn) => (turn.reason === 'ladder' ? { ...turn, dueAt: new Date(now + 1) } : turn));
  const first = Math.min(...waiting.map(({ dueAt }) => dueAt.getTime()));
  return turns.flatMap((turn) => {
    if (turn.reason === 'ladder') return [];
    return waiting.includes(turn) && turn.dueAt.getTime() === first ? [{ ...turn, climbs: true }] : [turn];
  });
}
