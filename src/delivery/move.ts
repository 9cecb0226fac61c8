import type { Choice, Move } from '../ledger/index.ts';

const MOVES_KEPT = 10;

/** The choice after a move: where it came from counts as tried until the round ends. */
export function afterMove(choice: Choice | null, move: Move, retries: number): Choice {
  return {
    ...choice,
    moves: [...(choice?.moves ?? []), move].slice(-MOVES_KEPT),
    tried: [...new Set([...(choice?.tried ?? []), move.from])],
    retriesBefore: retries,
  };
}

/**
 * All connections were tried: the next round begins, bounded by the retry schedule since it costs one retry. Null when
 * there was no round.
 */
export function endRound(choice: Choice | null, retries: number): Choice | null {
  if (!choice?.tried?.length) return null;
  return { ...choice, tried: [], retriesBefore: retries };
}
