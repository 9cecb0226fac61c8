import type { LadderRequest } from '../ledger/index.ts';
import type { Channel } from '../providers/index.ts';
import type { StepPlan } from './ladder.ts';

/** What is foreseen of a step, and when. */
export interface ForeseenStep {
  step: number;
  /** Milliseconds since the epoch. */
  at: number;
  plans: StepPlan[];
}

/** The times at which the steps of a ladder come as long as nothing stops it, with what would be decided then. Pure. */
export function foreseeLadder(
  { steps }: LadderRequest,
  now: number,
  decideAt: (turn: { step: number; channels: Channel[]; at: number; beganAt: number | null }) => StepPlan[],
): ForeseenStep[] {
  let at = now;
  let beganAt: number | null = null;
  return steps.map(({ channels, waitSeconds = 0 }, step) => {
    const foreseen = { step, at, plans: decideAt({ step, channels: channels as Channel[], at, beganAt }) };
    const delivers = foreseen.plans.some(({ kind }) => kind === 'deliver');
    const turns = foreseen.plans.flatMap((plan) => (plan.kind === 'postpone' ? [plan.until] : []));
    if (delivers || turns.length > 0) {
      if (!delivers) at = Math.min(...turns);
      beganAt ??= at;
      at += waitSeconds * 1_000;
    }
    return foreseen;
  });
}
