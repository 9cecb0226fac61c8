export { type Choice, explainChoice, type LeftOut, type LeftOutReason, type Move } from './choice.ts';
export { countChanges, foldCounters } from './counters.ts';
export { cancelCollected } from './digest-store.ts';
export { allLanes, type Lane, laneOf, priorityOf } from './lanes.ts';
export type { DecideUnknown, Undecided } from './next.ts';
export { cancelPostponed } from './postponed-store.ts';
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
export {
  cancelAccepted,
  cancelDeliveries,
  loadDeliveries,
  loadNotification,
  lockNotification,
  type NotificationRow,
  takeTurn,
} from './store.ts';
export { renderSummary } from './view.ts';
