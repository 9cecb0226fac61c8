import type { Choice, LadderRequest, Lane } from '../ledger/index.ts';
import type { Content, Priority } from '../providers/index.ts';

/** Due work of one tenant over one connection in one lane: the unit in which turns are given. */
export interface Slice {
  lane: Lane;
  tenantId: string;
  connection: string;
  /** Milliseconds since the epoch at which its first delivery is due. */
  dueAt: number;
}

/** How many deliveries of a slice may start now. */
export interface Turn {
  tenantId: string;
  connection: string;
  count: number;
  /** First due time of the slice as the agenda told it (ms since the epoch): nothing older is looked for. */
  since?: number;
}

/** A delivery whose attempt was started by claiming it, with all that the attempt needs to know. */
export interface Claimed {
  id: string;
  tenantId: string;
  live: boolean;
  lane: Lane;
  priority: Priority;
  notificationId: string;
  channel: string;
  connection: string;
  provider: string | null;
  /** Number of this attempt, its fence. */
  attempt: number;
  /** When this attempt was started by claiming it (ms since the epoch). */
  startedAt: number;
  /** Retries used up so far. */
  retries: number;
  /** Why it travels over this connection; null when nothing but priority and weight decided. */
  choice: Choice | null;
  cancelRequested: boolean;
  createdAt: number;
  /** When the caller wants it sent (ms since the epoch); null for at once. */
  sendAt: number | null;
  expiresAt: number | null;
  category: string;
  request: NotificationRequest;
  templateVersion: number | null;
  user: {
    id: string | null;
    externalId: string;
    locale: string | null;
    timezone: string | null;
    attributes: Record<string, unknown>;
  };
  /** Null as well when the device belongs to another user by now: it must not be told this user's news. */
  device: {
    id: string;
    app: string;
    token: string;
    platform: string;
    keys: Record<string, string> | null;
    registeredAt: number;
    inactive: boolean;
  } | null;
  /** Which contact of the user it was routed to; null when it goes to none. */
  contactKind: string | null;
  /** Null when the user has it no more. */
  contact: { kind: string; address: string; inactive: boolean; suppressed: boolean } | null;
}

/** Deliveries started together, on record under one id until all their results are written. */
export interface Claim {
  id: string;
  deliveries: Claimed[];
}

/** What the caller asked to be told, as it is stored with the notification. */
export interface NotificationRequest {
  channels?: string[];
  ladder?: LadderRequest;
  /** Of the published version, unless a test names another. */
  template?: { id: string; version?: number; variables?: Record<string, unknown> };
  /** Somebody tries a template out: recipients see that it is a test. */
  test?: boolean;
  message?: Content & Record<string, unknown>;
  /** When it may go out; the rules know the fields. */
  window?: object;
  /** How the caller wants it collected with others; the rules know the fields. */
  digest?: object;
  /** False: opens and clicks are not tracked. */
  tracking?: boolean;
  /** Values that are stored sealed with the tenant's data key: their marks are replaced as the message leaves. */
  sealed?: { dataKey: number | null; fields: Record<string, string> };
  /** Of a message that is a digest itself. */
  carries?: { digestId: string; events: number };
  /** The caller's `traceparent` and `tracestate`, if he sent them. */
  trace?: string;
  traceState?: string;
}

/**
 * Between routing and delivery. Every driver hands out work by the same compare-and-set on PostgreSQL, so a
 * message that a broker delivers twice is harmless and one that it loses is found by polling.
 */
export interface Queue {
  /** Slices that have queued deliveries, due or not, at most `perLane` in each lane; the next call goes on behind them. */
  agenda(perLane: number): Promise<Slice[]>;
  /** Claims and starts up to the given number of due deliveries of each slice. The commit is the write-ahead record. */
  claim(lane: Lane, workerId: string, turns: Turn[]): Promise<Claim>;
}
