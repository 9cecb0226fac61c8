export type { Choice, LeftOut, LeftOutReason, Move } from './choice.ts';
export { allLanes, type Lane, laneOf, priorityOf } from './lanes.ts';
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
  lockNotification,
  type NotificationRow,
} from './store.ts';
export { renderSummary } from './view.ts';
