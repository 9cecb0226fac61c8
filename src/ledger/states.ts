/**
 * The life of a delivery, as the only table of allowed transitions. Statements that change a state name the state
 * they expect in their WHERE (compare-and-set), so a stale writer changes nothing; `assertTransition` guards the
 * decisions made in code before they become statements.
 */
export const TRANSITIONS = {
  // sent: a receipt proves that the attempt before, whose outcome was unknown, did arrive
  queued: ['sending', 'sent', 'cancelled', 'expired', 'skipped'],
  sending: ['sent', 'queued', 'failed', 'dead', 'unknown', 'cancelled', 'expired', 'skipped'],
  unknown: ['queued', 'sent', 'failed', 'dead', 'cancelled', 'expired'],
  sent: ['failed'], // a hard bounce reported later
  failed: ['queued', 'sent'], // replayed after correction; a receipt against what was only supposed
  dead: ['queued', 'sent'], // the same
  skipped: [],
  expired: [],
  cancelled: [],
} as const satisfies Record<string, readonly string[]>;

export type DeliveryState = keyof typeof TRANSITIONS;
export const DELIVERY_STATES = Object.keys(TRANSITIONS) as DeliveryState[];

/** Ended for good, unless somebody replays it. */
export const TERMINAL: ReadonlySet<DeliveryState> = new Set([
  'sent',
  'failed',
  'dead',
  'skipped',
  'expired',
  'cancelled',
]);

/** The states that operators look after; they have a list of their own (column `problem`). */
export const PROBLEMS = ['dead', 'failed', 'unknown'] as const;
export type ProblemState = (typeof PROBLEMS)[number];

export function isProblem(state: DeliveryState): state is ProblemState {
  return (PROBLEMS as readonly string[]).includes(state);
}

export function mayBecome(from: DeliveryState, to: DeliveryState): boolean {
  return (TRANSITIONS[from] as readonly string[]).includes(to);
}

/** Throws when a decision would break the table: that is a bug, never an expected result. */
export function assertTransition(from: DeliveryState, to: DeliveryState): void {
  if (!mayBecome(from, to)) throw new Error(`a delivery can not go from ${from} to ${to}`);
}

/** A notification until it is routed, and afterwards (`routed` is read, never stored: its turn is gone). Its deliveries tell the rest. */
export type NotificationState = 'accepted' | 'routed' | 'cancelled' | 'expired' | 'failed';

export const PRIORITY_CODES = { high: 0, normal: 1, low: 2 } as const;
export const PRIORITY_NAMES = ['high', 'normal', 'low'] as const;
