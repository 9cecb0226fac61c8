import type { Lane } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import { FIRST_ID, type Queryable } from '../store/index.ts';
import type { Slice } from './queue.ts';

const FIRST_TENANT = FIRST_ID;
/** What became due long before its commit shows at the next look at everything; they are this far apart, or more. */
const FULL_LOOK_EVERY_MS = 2_000;
/** A look at everything that takes long (much is dead, and an old snapshot holds it) must stay a small share of the time. */
const FULL_LOOK_PAUSE = 20;
/** A commit may be this much later than the time it names, and is still seen by every look. */
const MARGIN_MS = 1_000;
/** Slices whose beginnings are remembered: those with most of the traffic are seen most often. */
const REMEMBERED = 200;

interface Beginning extends Omit<Slice, 'dueAt'> {
  /** Nothing living is due before (ms since the epoch). */
  since: number;
}

/**
 * Which slices have queued deliveries. Claimed rows leave dead entries at the front of their slice's part of the index;
 * until they are vacuumed away (never, while somebody holds an old snapshot) each look would step over all of them. So
 * it remembers where in each slice the living ones begin, looks there, and searches what lies between these slices.
 */
export class Agenda {
  readonly #db: Queryable;
  readonly #clock: Clock;
  readonly #beginnings = new Map<string, Beginning>();
  #cursors = new Map<Lane, Slice>();
  #fullAt = 0;

  constructor(db: Queryable, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** At most `perLane` slices of each lane; the next call goes on behind them. */
  async read(perLane: number): Promise<Slice[]> {
    const now = this.#clock.now();
    const isFull = now >= this.#fullAt;
    const cursors = [...this.#cursors.values()];
    const known = isFull ? [] : [...this.#beginnings.values()];
    const { rows } = await this.#db.query({
      name: 'queue_agenda',
      text: AGENDA,
      values: [
        perLane,
        cursors.map(({ lane }) => lane),
        cursors.map(({ tenantId }) => tenantId),
        cursors.map(({ connection }) => connection),
        known.map(({ lane }) => lane),
        known.map(({ tenantId }) => tenantId),
        known.map(({ connection }) => connection),
        known.map(({ since }) => new Date(since)),
      ],
    });
    const slices = rows.map(toSlice);
    const tookMs = this.#clock.now() - now;
    if (isFull) this.#fullAt = now + Math.max(FULL_LOOK_EVERY_MS, tookMs * FULL_LOOK_PAUSE);
    const byLane = Map.groupBy(slices, ({ lane }) => lane);
    const isWhole = (lane: Lane) => !this.#cursors.has(lane) && (byLane.get(lane)?.length ?? 0) < perLane;
    this.#remember(slices, isWhole, now);
    this.#turnCursors(byLane, perLane);
    return slices;
  }

  /** Seen last is kept longest. A slice that showed nothing stays: its dead entries are still there. */
  #remember(slices: Slice[], isWhole: (lane: Lane) => boolean, now: number): void {
    for (const beginning of this.#beginnings.values()) {
      if (isWhole(beginning.lane)) beginning.since = now - MARGIN_MS;
    }
    for (const { dueAt, ...slice } of slices) {
      const name = `${slice.lane} ${slice.tenantId} ${slice.connection}`;
      this.#beginnings.delete(name);
      this.#beginnings.set(name, { ...slice, since: Math.min(dueAt, now) - MARGIN_MS });
    }
    for (const name of this.#beginnings.keys()) {
      if (this.#beginnings.size <= REMEMBERED) break;
      this.#beginnings.delete(name);
    }
  }

  /** A lane that filled its share goes on behind its last slice; one that did not starts from the front again. */
  #turnCursors(byLane: Map<Lane, Slice[]>, perLane: number): void {
    this.#cursors = new Map();
    for (const [lane, found] of byLane) if (found.length >= perLane) this.#cursors.set(lane, found.at(-1)!);
  }
}

// A loose index scan, twice: over the lanes, and in each over (tenant, connection). It costs a few index probes a
// slice however many deliveries wait behind it. Each step takes the nearest of two: a slice between here and the next
// known one, and that one itself, which is read from its beginning on.
const AGENDA = `
with recursive known as materialized (
  select * from unnest($5::text[], $6::uuid[], $7::text[], $8::timestamptz[]) as k (lane, tenant_id, connection, since)
), lanes as (
  select '' as lane
  union all
  select next.lane from lanes
  cross join lateral (select min(lane) as lane from known where lane > lanes.lane) behind
  cross join lateral (
    (select lane from deliveries where due_at is not null and lane > lanes.lane and lane < behind.lane order by lane limit 1)
    union all
    (select lane from deliveries where behind.lane is null and due_at is not null and lane > lanes.lane order by lane limit 1)
    union all
    (select behind.lane where behind.lane is not null)
    order by lane limit 1
  ) next
)
select lanes.lane, slice.tenant_id, slice.connection, slice.due_at
from lanes
left join unnest($2::text[], $3::uuid[], $4::text[]) as cursor (lane, tenant_id, connection) on cursor.lane = lanes.lane
cross join lateral (
  with recursive slices as (
    select coalesce(cursor.tenant_id, '${FIRST_TENANT}') as tenant_id, coalesce(cursor.connection, '') as connection,
      null::timestamptz as due_at
    union all
    select next.tenant_id, next.connection, next.due_at from slices
    left join lateral (
      select tenant_id, connection, since from known
        where lane = lanes.lane and (tenant_id, connection) > (slices.tenant_id, slices.connection)
        order by tenant_id, connection limit 1
    ) behind on true
    cross join lateral (
      (select tenant_id, connection, due_at from deliveries
        where lane = lanes.lane and due_at is not null and (tenant_id, connection) > (slices.tenant_id, slices.connection)
          and (tenant_id, connection) < (behind.tenant_id, behind.connection)
        order by tenant_id, connection, due_at limit 1)
      union all
      (select tenant_id, connection, due_at from deliveries
        where behind.tenant_id is null and lane = lanes.lane and due_at is not null
          and (tenant_id, connection) > (slices.tenant_id, slices.connection)
        order by tenant_id, connection, due_at limit 1)
      union all
      (select behind.tenant_id, behind.connection, (
          select due_at from deliveries where lane = lanes.lane and tenant_id = behind.tenant_id
            and connection = behind.connection and due_at >= behind.since order by due_at limit 1
        ) where behind.tenant_id is not null)
      order by tenant_id, connection limit 1
    ) next
  )
  select * from slices where due_at is not null limit $1
) slice`;

// biome-ignore lint/suspicious/noExplicitAny: a row of the statement above
function toSlice(row: any): Slice {
  return { lane: row.lane, tenantId: row.tenant_id, connection: row.connection, dueAt: row.due_at.getTime() };
}
