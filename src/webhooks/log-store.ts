import type { Queryable } from '../store/index.ts';

/** What became of telling one endpoint of one event. */
export interface LoggedRow {
  event_id: string;
  type: string;
  state: 'pending' | 'sending' | 'delivered' | 'failed';
  reason: string | null;
  status: number | null;
  tries: number;
  due_at: Date | null;
  created_at: Date;
  finished_at: Date | null;
}

const COLUMNS =
  'd.event_id, d.type, d.state, d.reason, d.status, d.tries, d.due_at, d.created_at, d.finished_at';

export interface LogQuery {
  tenantId: string;
  key: string;
  /** Events before this one. */
  before: string;
  state: string | null;
  type: string | null;
  limit: number;
}

/** The latest first. What failed has an index of its own, since it is looked for among much that did not. */
export async function selectLog(db: Queryable, query: LogQuery): Promise<LoggedRow[]> {
  const failed = query.state === 'failed' ? 'and d.failed_at is not null' : '';
  const { rows } = await db.query<LoggedRow>(
    `select ${COLUMNS} from webhook_deliveries d
      where d.tenant_id = $1 and d.endpoint_key = $2 and d.event_id < $3
        and ($4::text is null or d.state = $4) and ($5::text is null or d.type = $5) ${failed}
      order by d.event_id desc limit $6`,
    [query.tenantId, query.key, query.before, query.state, query.type, query.limit],
  );
  return rows;
}

export interface LoggedEvent extends LoggedRow {
  live: boolean;
  sequence: string;
  occurred_at: Date;
  data: Record<string, unknown>;
}

export interface LoggedAttempt {
  n: number;
  outcome: string;
  reason: string | null;
  status: number | null;
  latency_ms: number;
  answer: string | null;
  started_at: Date;
}

/** What a delivery is called by: the tenant, the key of its endpoint, and the event. */
export interface LogKey {
  tenantId: string;
  key: string;
  eventId: string;
}

export async function findLogged(
  db: Queryable,
  { tenantId, key, eventId }: LogKey,
): Promise<LoggedEvent | null> {
  const { rows } = await db.query<LoggedEvent>(
    `select ${COLUMNS}, e.live, e.sequence, e.occurred_at, e.data
       from webhook_deliveries d join events e on e.id = d.event_id and e.tenant_id = d.tenant_id
      where d.tenant_id = $1 and d.endpoint_key = $2 and d.event_id = $3`,
    [tenantId, key, eventId],
  );
  return rows[0] ?? null;
}

export async function selectAttempts(
  db: Queryable,
  { tenantId, key, eventId }: LogKey,
): Promise<LoggedAttempt[]> {
  const { rows } = await db.query<LoggedAttempt>(
    `select n, outcome, reason, status, latency_ms, answer, started_at from webhook_attempts
      where event_id = $3 and endpoint_key = $2 and tenant_id = $1 order by n`,
    [tenantId, key, eventId],
  );
  return rows;
}

// A fresh round of tries. The number of the attempt goes on: it is the fence.
const AGAIN = `state = 'pending', due_at = $3, tries = 0, reason = null, finished_at = null, failed_at = null`;

/** Tells it once more, from now on. False when it is being told at this moment. */
export async function resend(db: Queryable, { tenantId, key, eventId }: LogKey, now: Date): Promise<boolean> {
  const { rowCount } = await db.query(
    `update webhook_deliveries set ${AGAIN}
      where tenant_id = $1 and endpoint_key = $2 and event_id = $4 and state <> 'sending'`,
    [tenantId, key, now, eventId],
  );
  return rowCount === 1;
}

/** Tells once more what was given up since a moment, at most `limit` of it. Returns how much that was. */
export async function resendFailed(
  db: Queryable,
  { tenantId, key }: Omit<LogKey, 'eventId'>,
  { now, since, limit }: { now: Date; since: Date; limit: number },
): Promise<number> {
  const { rowCount } = await db.query(
    `update webhook_deliveries d set ${AGAIN} from (
       select event_id, endpoint_key from webhook_deliveries
        where tenant_id = $1 and endpoint_key = $2 and failed_at >= $4 order by event_id limit $5 for update skip locked
     ) failed where d.event_id = failed.event_id and d.endpoint_key = failed.endpoint_key`,
    [tenantId, key, now, since, limit],
  );
  return rowCount ?? 0;
}
