import type { StepPlan } from './ladder.ts';
import type { Postponement } from './postponed-store.ts';
import type { RoutableRow } from './store.ts';

/**
 * What is to be written down of a channel that waits. Throws when its time makes no sense: all of a batch are written at
 * once, and must not fail with it.
 */
export function turnOf(
  { channel, until, reason, step, climbs = false }: Extract<StepPlan, { kind: 'postpone' }>,
  { id, tenantId, live, priority }: RoutableRow,
): Postponement {
  const dueAt = new Date(until);
  if (Number.isNaN(dueAt.getTime())) throw new RangeError('the time for which it waits makes no sense');
  const turn = { tenantId, notificationId: id, live, priority, dueAt, channels: [channel], reason };
  return { ...turn, step: step ?? null, climbs };
}

/**
 * Gives the channels of a notification that are due at the same moment one turn, also when they come out of several turns
 * that were due at once. Pure.
 */
export function shareTurns(postponed: readonly Postponement[]): Postponement[] {
  const turns = new Map<string, Postponement>();
  for (const own of postponed) {
    const key = `${own.notificationId} ${own.dueAt.getTime()}`;
    const turn = turns.get(key);
    turns.set(key, turn ? together(turn, own) : own);
  }
  return [...turns.values()];
}

function together(turn: Postponement, own: Postponement): Postponement {
  return {
    ...turn,
    channels: [...turn.channels, ...own.channels],
    step: own.step === null ? turn.step : Math.max(own.step, turn.step ?? 0),
    climbs: turn.climbs || own.climbs,
  };
}
