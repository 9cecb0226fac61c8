import { countChanges, priorityOf } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { Queryable } from '../store/index.ts';
import { Agenda } from './agenda.ts';
import type { Claimed, Queue } from './queue.ts';
import { nameOf, SharedRequests } from './shared-requests.ts';
import { storedRequest } from './stored-request.ts';

/** Longer than a statement may run on the server once its connection broke. */
const DOUBT_MS = 60_000;

/**
 * The queue inside PostgreSQL: the deliveries table itself, through its partial index over `due_at`. `highDb` claims
 * lanes of high priority and reads the agenda; bulk work cannot fill its pool. One queue for both, so that the agenda
 * settles what is doubtful about either.
 */
export function createPostgresQueue(db: Queryable, clock: Clock, highDb: Queryable = db): Queue {
  const agenda = new Agenda(highDb, clock);
  const shared = new SharedRequests();
  /** Claims whose answer got lost, and until when they may still turn up. */
  const doubtful = new Map<string, number>();
  return {
    async agenda(perLane) {
      if (doubtful.size > 0) await handBackDoubtful(highDb, doubtful, clock.now());
      return agenda.read(perLane);
    },
    async claim(lane, workerId, turns) {
      const now = clock.now();
      const id = uuidv7(now);
      const statement = {
        name: 'queue_claim',
        text: CLAIM,
        values: [
          lane,
          new Date(now),
          turns.map((turn) => turn.tenantId),
          turns.map((turn) => turn.connection),
          turns.map((turn) => turn.count),
          id,
          workerId,
          turns.map((turn) => new Date(turn.since ?? 0)),
        ],
      };
      const pool = priorityOf(lane) === 'high' ? highDb : db;
      const { rows } = await pool.query(statement).catch((error: unknown) => {
        doubtful.set(id, now + DOUBT_MS);
        throw error;
      });
      const deliveries = await withRequests(pool, shared, rows).catch((error: unknown) => {
        // They are claimed, and nobody could start them.
        doubtful.set(id, now + DOUBT_MS);
        throw error;
      });
      return { id, deliveries };
    },
  };
}

/**
 * A claim whose answer got lost may have been committed: what it started would wait for a result that nobody brings.
 * Nothing of it was sent, so it is queued again. Tried for a while, since a commit may come later than the error.
 */
async function handBackDoubtful(db: Queryable, doubtful: Map<string, number>, now: number): Promise<void> {
  const { rows } = await db.query({
    name: 'queue_hand_back',
    text: HAND_BACK,
    values: [[...doubtful.keys()], new Date(now)],
  });
  for (const { id } of rows) doubtful.delete(id);
  for (const [id, until] of doubtful) if (until <= now) doubtful.delete(id);
}

// `limit 1` in a lateral join is a look-up by index for each row, whatever the size of the table was when the plan was made.
const CLAIM = `
with picked as materialized (
  select due.id from unnest($3::uuid[], $4::text[], $5::int[], $8::timestamptz[]) as turn (tenant_id, connection, count, since)
  cross join lateral (
    select id from deliveries
      where lane = $1 and tenant_id = turn.tenant_id and connection = turn.connection
        and due_at between turn.since and $2
      order by due_at limit turn.count for update skip locked
  ) due
), started as (
  update deliveries set state = 'sending', attempt = attempt + 1, due_at = null, started_at = $2
    where id = any (array (select id from picked)) and state = 'queued'
      and id between (select id from picked order by id limit 1) and (select id from picked order by id desc limit 1)
    returning *
), claim as (
  insert into claims (id, worker_id, delivery_ids, attempts, claimed_at)
  select $6::uuid, $7::uuid, array_agg(id), array_agg(attempt), $2 from started having count(*) > 0
)
select d.id, d.tenant_id, d.live, d.lane, d.notification_id, d.channel, d.connection, d.provider, d.attempt, d.started_at, d.retries, d.choice,
  d.cancel_requested, d.created_at, d.expires_at, d.template_version, d.user_id,
  n.user_id as external_id, n.send_at, n.category, n.request, n.shared_request_id,
  u.locale, u.timezone, u.attributes,
  v.id as device_id, v.app, v.token, v.platform, v.keys, v.registered_at, v.inactive_at as device_inactive_at,
  d.contact_kind, c.address, c.inactive_at as contact_inactive_at, s.address is not null as suppressed
from started d
cross join lateral (select * from notifications where id = d.notification_id limit 1) n
left join lateral (select * from users where tenant_id = d.tenant_id and id = d.user_id limit 1) u on true
left join lateral (select * from devices where tenant_id = d.tenant_id and id = d.device_id limit 1) v on v.user_id = d.user_id
left join lateral (
  select * from contacts where tenant_id = d.tenant_id and user_id = d.user_id and kind = d.contact_kind limit 1) c on true
left join lateral (
  select address from suppressions where tenant_id = d.tenant_id and kind = d.contact_kind
    and address = case c.kind when 'email' then lower(c.address collate "C") collate "default" else c.address end
    limit 1) s on true`;

const HAND_BACK = `
with gone as (
  delete from claims where id = any($1::uuid[]) returning id, delivery_ids, attempts
), started as (
  select unnest(delivery_ids) as id, unnest(attempts) as attempt from gone
), queued as (
  update deliveries d set
      state = case when d.cancel_requested then 'cancelled' else 'queued' end,
      due_at = case when d.cancel_requested then null else $2::timestamptz end,
      finished_at = case when d.cancel_requested then $2::timestamptz end
    from started where d.id = started.id and d.attempt = started.attempt and d.state = 'sending'
    returning d.tenant_id, d.live, d.created_at, d.channel, d.state, 1 as n
), counted as (
${countChanges('queued')}
)
select id from gone`;

// biome-ignore lint/suspicious/noExplicitAny: a row of the statement above
type Row = any;

async function withRequests(db: Queryable, shared: SharedRequests, rows: Row[]): Promise<Claimed[]> {
  const pointing = rows.filter((row) => row.shared_request_id !== null);
  if (pointing.length === 0) return rows.map(toClaimed);
  const refOf = (row: Row) => ({ tenantId: row.tenant_id, id: row.shared_request_id });
  const requests = await shared.load(db, pointing.map(refOf));
  return rows.map((row) =>
    toClaimed(row.request ? row : { ...row, request: requests.get(nameOf(refOf(row))) }),
  );
}

function toClaimed(row: Row): Claimed {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    live: row.live,
    lane: row.lane,
    priority: priorityOf(row.lane),
    notificationId: row.notification_id,
    channel: row.channel,
    connection: row.connection,
    provider: row.provider,
    attempt: row.attempt,
    startedAt: row.started_at.getTime(),
    retries: row.retries,
    choice: row.choice,
    cancelRequested: row.cancel_requested,
    createdAt: row.created_at.getTime(),
    sendAt: row.send_at?.getTime() ?? null,
    expiresAt: row.expires_at?.getTime() ?? null,
    category: row.category,
    request: storedRequest(row.request),
    templateVersion: row.template_version,
    user: {
      id: row.user_id,
      externalId: row.external_id,
      locale: row.locale,
      timezone: row.timezone,
      attributes: row.attributes ?? {},
    },
    device: row.device_id && {
      id: row.device_id,
      app: row.app,
      token: row.token,
      platform: row.platform,
      keys: row.keys,
      registeredAt: row.registered_at.getTime(),
      inactive: row.device_inactive_at !== null,
    },
    contactKind: row.contact_kind,
    contact: row.address && {
      kind: row.contact_kind,
      address: row.address,
      inactive: row.contact_inactive_at !== null,
      suppressed: row.suppressed,
    },
  };
}
