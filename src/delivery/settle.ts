import { assertTransition, type Choice, type DeliveryState } from '../ledger/index.ts';
import type { Effect, Outcome, Reason } from '../providers/index.ts';
import type { Category } from '../rules/index.ts';
import { afterMove, endRound } from './move.ts';
import { type RetrySchedule, retryDelay } from './retry.ts';

/** What becomes of a delivery after an attempt: the values of its row, and what happens to its contact. */
export interface Settlement {
  state: DeliveryState;
  reason: string | null;
  code: string | null;
  /** Milliseconds since the epoch; set exactly when the delivery is queued again. */
  dueAt: number | null;
  /** When the policy decides on an unknown outcome, unless a receipt settles it before. */
  decideAt: number | null;
  /** Retries used up, this attempt's included. */
  retries: number;
  /** Set when another connection takes over. */
  moveTo: Alternative | null;
  /** Set when the choice of the connection has changed; null leaves it as it is. */
  choice: Choice | null;
  providerMessageId: string | null;
  effect: Effect | null;
}

export interface Alternative {
  connection: string;
  provider: string;
}

/** What settling may depend on besides the outcome. */
export interface Situation {
  now: number;
  /** A number in [0, 1). */
  random: number;
  retries: number;
  expiresAt: number | null;
  schedule: RetrySchedule;
  category: Pick<Category, 'evidenceMs'>;
  /** The connection of this attempt. */
  connection: string;
  choice: Choice | null;
  /** The next healthy connection that could take over, if there is one. */
  alternative: Alternative | null;
  /** Retries on one connection before another one takes over; 0 when this one has just turned out to be broken. */
  patience: number;
  /** How long to stay away from this connection when nothing else can take over. */
  breakMs: number;
}

export type SettledOutcome = Exclude<Outcome, { kind: 'token-expired' }>;

/** One outcome, one action. Pure; the caller writes the result behind the attempt's fence. */
export function settle(outcome: SettledOutcome, situation: Situation): Settlement {
  const settlement = act(outcome, situation);
  assertTransition('sending', settlement.state);
  return settlement;
}

function act(outcome: SettledOutcome, situation: Situation): Settlement {
  switch (outcome.kind) {
    case 'accepted':
      return ended('sent', situation, { providerMessageId: storable(outcome.providerMessageId) });
    case 'rejected':
      return ended('failed', situation, { ...words(outcome), effect: outcome.effect ?? null });
    case 'retry':
      return { ...retryLater(outcome, situation), effect: outcome.effect ?? null };
    case 'unavailable':
      return leaveConnection(outcome, situation);
    case 'unknown':
      return {
        ...ended('unknown', situation, words(outcome)),
        decideAt: situation.now + situation.category.evidenceMs,
      };
  }
}

/** Later over the same connection; at once over a healthy other one when patience is over, which uses up no retry. */
function retryLater(outcome: Extract<Outcome, { kind: 'retry' }>, situation: Situation): Settlement {
  const retriesHere = situation.retries - (situation.choice?.retriesBefore ?? 0) + 1;
  if (situation.alternative && retriesHere >= situation.patience) return move(outcome, situation);
  const delay = retryDelay(situation.schedule, situation.retries, outcome.afterMs, situation.random);
  if (delay === null) return ended('dead', situation, words(outcome));
  return queueAgain(situation, situation.now + delay, {
    ...words(outcome),
    retries: situation.retries + 1,
    // Nobody is left to move to: the next round may try all of them again, at the price of this retry.
    choice: retriesHere >= situation.patience ? endRound(situation.choice, situation.retries + 1) : null,
  });
}

function move(outcome: { reason: Reason; code?: string }, situation: Situation): Settlement {
  const { now, alternative, choice, connection, retries } = situation;
  const to = alternative!;
  return queueAgain(situation, now, {
    ...words(outcome),
    moveTo: to,
    choice: afterMove(choice, { from: connection, to: to.connection, why: outcome.reason, at: now }, retries),
  });
}

/** Another connection takes over at once, which uses up no retry; without one the delivery waits for this one to heal. */
function leaveConnection(
  outcome: Extract<Outcome, { kind: 'unavailable' }>,
  situation: Situation,
): Settlement {
  if (situation.alternative) return move(outcome, situation);
  return queueAgain(situation, situation.now + Math.max(outcome.afterMs ?? 0, situation.breakMs), {
    ...words(outcome),
    choice: endRound(situation.choice, situation.retries),
  });
}

function queueAgain(situation: Situation, dueAt: number, extra: Partial<Settlement>): Settlement {
  // A try after the expiry would only be dropped then: say so now.
  if (situation.expiresAt !== null && dueAt >= situation.expiresAt) return ended('expired', situation, extra);
  return { ...ended('queued', situation, extra), dueAt };
}

function ended(state: DeliveryState, situation: Situation, extra: Partial<Settlement>): Settlement {
  return {
    reason: null,
    code: null,
    retries: situation.retries,
    moveTo: null,
    choice: null,
    providerMessageId: null,
    effect: null,
    ...extra,
    state,
    dueAt: null,
    decideAt: null,
  };
}

/** Vendors' codes and ids come from the net: what PostgreSQL could not store is taken out. */
function storable(text: string | null): string | null {
  return text === null ? null : text.slice(0, 500).toWellFormed().replaceAll('\u0000', '');
}

function words(outcome: { reason: Reason; code?: string }): { reason: string; code: string | null } {
  return { reason: outcome.reason, code: storable(outcome.code ?? null) };
}
