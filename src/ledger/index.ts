export {
  type Choice,
  explainChoice,
  type LeftOut,
  type LeftOutReason,
  type Move,
  stepOnly,
} from './choice.ts';
export { countChanges, foldCounters } from './counters.ts';
export { cancelCollected } from './digest-store.ts';
export { noteEngagements } from './engagement-store.ts';
export {
  appendEvents,
  CHANGED,
  EVENT_TYPES,
  type EventType,
  type LedgerEvent,
  tellChanges,
  tellRows,
} from './events.ts';
export { GOALS, type Goal, type LadderRequest, meets } from './ladder.ts';
export { hurryLadders, type LadderKey, loadReached, lockLadders } from './ladder-store.ts';
export { allLanes, isLane, type Lane, laneOf, priorityOf } from './lanes.ts';
export { markLooked } from './looked-store.ts';
export type { DecideUnknown, Undecided } from './next.ts';
export { endPostponed, lockTurns } from './postponed-store.ts';
export { DIGESTED, explainReason } from './reasons.ts';
export { type Account, type Finding, type Reconciliation, reconcile } from './reconcile.ts';
export { ReplayLoop } from './replay-loop.ts';
export { type LedgerOptions, registerLedgerRoutes } from './routes.ts';
export {
  assertTransition,
  DELIVERY_STATES,
  type DeliveryState,
  isProblem,
  mayBecome,
  type NotificationState,
  PRIORITY_CODES,
  PRIORITY_NAMES,
  PROBLEMS,
  type ProblemState,
  TERMINAL,
} from './states.ts';
export { climbLadders, type Stopped, stopLadders, stopLaddersOf } from './stop-ladders.ts';
export {
  cancelAccepted,
  cancelDeliveries,
  confirmNotification,
  loadDeliveries,
  loadNotification,
  lockNotification,
  type NotificationRow,
  takeTurn,
} from './store.ts';
export { renderSummary } from './view.ts';
