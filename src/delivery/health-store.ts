import type { Queryable } from '../store/index.ts';
import type { BreakerState } from './breaker.ts';
import { CALLS_HALVE_MS, RECEIPTS_HALVE_MS, type Tally } from './tally.ts';

/** The stored health of one version of a connection. */
export interface StoredHealth {
  tenantId: string;
  connection: string;
  version: number;
  state: BreakerState;
  tally: Tally;
}

/**
 * Adds what this process counted to what all have counted; of two states of a breaker the later one stays. A
 * connection that was deleted meanwhile is left out, and what is known of an older version gives way to the newer.
 */
export async function saveHealth(db: Queryable, rows: StoredHealth[], now: Date): Promise<void> {
  if (rows.length === 0) return;
  const sorted = rows.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const column = <T>(pick: (row: StoredHealth) => T) => sorted.map(pick);
  await db.query({
    name: 'delivery_save_health',
    text: SAVE,
    values: [
      column((row) => row.tenantId),
      column((row) => row.connection),
      column((row) => row.version),
      column((row) => row.state.phase),
      column((row) => new Date(row.state.since)),
      column((row) => new Date(row.state.openUntil)),
      column((row) => row.state.breakMs),
      column((row) => row.state.stage),
      column((row) => row.tally.calls),
      column((row) => row.tally.troubles),
      column((row) => row.tally.delivered),
      column((row) => row.tally.undelivered),
      column((row) => row.tally.latencyP95Ms),
      now,
    ],
  });
}

const keyOf = ({ tenantId, connection }: StoredHealth) => `${tenantId}/${connection}`;

const later = (column: string) =>
  `${column} = case when excluded.version > h.version or excluded.since > h.since then excluded.${column} else h.${column} end`;
const added = (column: string, halveMs: number) =>
  `${column} = case when excluded.version > h.version then 0 else h.${column} * power(0.5,
    least(1000, greatest(0, extract(epoch from excluded.counted_at - h.counted_at)::float8 * 1000 / ${halveMs}))) end + excluded.${column}`;

const SAVE = `
insert into connection_health as h (tenant_id, connection, version, phase, since, open_until, break_ms, stage, calls,
  troubles, delivered, undelivered, latency_p95_ms, counted_at, updated_at)
select r.tenant_id, r.connection, r.version, r.phase, r.since, r.open_until, r.break_ms, r.stage, r.calls, r.troubles,
  r.delivered, r.undelivered, r.latency_p95_ms, $14, $14
from unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::int[], $8::int[],
  $9::float8[], $10::float8[], $11::float8[], $12::float8[], $13::float8[])
  as r (tenant_id, connection, version, phase, since, open_until, break_ms, stage, calls, troubles, delivered,
    undelivered, latency_p95_ms)
join connections c on c.tenant_id = r.tenant_id and c.id = r.connection
order by r.tenant_id, r.connection
for key share of c
on conflict (tenant_id, connection) do update set
  ${['phase', 'open_until', 'break_ms', 'stage', 'since'].map(later).join(', ')},
  ${['calls', 'troubles'].map((column) => added(column, CALLS_HALVE_MS)).join(', ')},
  ${['delivered', 'undelivered'].map((column) => added(column, RECEIPTS_HALVE_MS)).join(', ')},
  latency_p95_ms = case when excluded.version > h.version then excluded.latency_p95_ms
    else coalesce(excluded.latency_p95_ms, h.latency_p95_ms) end,
  counted_at = greatest(h.counted_at, excluded.counted_at), updated_at = excluded.updated_at, version = excluded.version
where excluded.version >= h.version`;

const COLUMNS = `tenant_id, connection, version, phase, since, open_until, break_ms, stage, calls, troubles, delivered,
  undelivered, latency_p95_ms, counted_at`;

/** What was saved after `since`, by whichever process. */
export async function loadHealthSince(db: Queryable, since: Date): Promise<StoredHealth[]> {
  const { rows } = await db.query({
    name: 'delivery_load_health',
    text: `select ${COLUMNS} from connection_health where updated_at > $1`,
    values: [since],
  });
  return rows.map(toStored);
}

export async function findHealth(
  db: Queryable,
  tenantId: string,
  connection: string,
): Promise<StoredHealth | null> {
  const { rows } = await db.query(
    `select ${COLUMNS} from connection_health where tenant_id = $1 and connection = $2`,
    [tenantId, connection],
  );
  return rows[0] ? toStored(rows[0]) : null;
}

// biome-ignore lint/suspicious/noExplicitAny: a row of the statements above
function toStored(row: any): StoredHealth {
  return {
    tenantId: row.tenant_id,
    connection: row.connection,
    version: Number(row.version),
    state: {
      phase: row.phase,
      since: row.since.getTime(),
      openUntil: row.open_until.getTime(),
      breakMs: row.break_ms,
      stage: row.stage,
    },
    tally: {
      calls: row.calls,
      troubles: row.troubles,
      delivered: row.delivered,
      undelivered: row.undelivered,
      latencyP95Ms: row.latency_p95_ms,
      countedAt: row.counted_at.getTime(),
    },
  };
}
