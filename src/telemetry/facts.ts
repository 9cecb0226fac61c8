/** What happened, as the rooms tell it: ids, states and reasons; never contents, addresses or secrets. Times are milliseconds since the epoch. */
export interface Subject {
  tenantId: string;
  live: boolean;
  notificationId: string;
  /** High priority: its spans are always exported. */
  urgent: boolean;
  /** The caller's `traceparent`, if he sent one. */
  trace: string | undefined;
  traceState: string | undefined;
}

/** What became of a step that may fail. */
interface Step extends Subject {
  startedAt: number;
  endedAt: number;
}

export interface AcceptFact extends Step {
  /** `stored`, `replayed`, or the code of the error that was answered. */
  outcome: string;
  /** The fault was ours: overload, or the database. */
  failed: boolean;
  /** How long the row waited for its group and the commit. */
  commitMs: number;
}

export interface RouteFact extends Step {
  /** Notifications in the batch. */
  batch: number;
  /** Deliveries that were queued. */
  queued: number;
  /** Why the other deliveries were not. */
  skipped: string[];
  /** Why it could not be routed. */
  failure: string | null;
}

export interface AttemptFact extends Step {
  deliveryId: string;
  attempt: number;
  channel: string;
  provider: string | null;
  connection: string;
  deviceId: string | null;
  platform: string | null;
  routedAt: number;
  /** The provider's answer as an outcome; a state when the attempt ended before anything was sent. */
  outcome: string;
  /** What became of the delivery. */
  state: string;
  reason: string | null;
  code: string | null;
}

export interface ReceiptFact extends Step {
  deliveryId: string;
  /** The attempt that it speaks of. */
  attempt: number;
  connection: string;
  event: string;
  reason: string | null;
  code: string | null;
  /** When it happened, as the provider says. */
  occurredAt: number | null;
}
