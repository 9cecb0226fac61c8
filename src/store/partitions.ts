import { uuidv7Floor } from '../lib/ids.ts';
import type { Queryable } from './queryable.ts';

export const PARTITIONED_TABLES = ['notifications', 'deliveries', 'attempts', 'receipts', 'visits'] as const;
const MONTHS_AHEAD = 2;

/**
 * Makes the monthly partitions from the month of `now` (ms) to two months ahead. Cheap when they exist. Rows are
 * placed by the time inside their UUIDv7, so a partition's bounds are the smallest ids of two month starts.
 * Results and claims touch rows again and again: the free space of fillfactor 70 keeps those updates on the page.
 */
export async function ensurePartitions(db: Queryable, now: number): Promise<void> {
  const date = new Date(now);
  const wanted: { name: string; from: string; to: string; table: string }[] = [];
  for (let month = 0; month <= MONTHS_AHEAD; month++) {
    const start = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + month, 1);
    const end = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + month + 1, 1);
    const suffix = new Date(start).toISOString().slice(0, 7).replace('-', '_');
    for (const table of PARTITIONED_TABLES) {
      wanted.push({ table, name: `${table}_${suffix}`, from: uuidv7Floor(start), to: uuidv7Floor(end) });
    }
  }
  const existing = await db.query('select relname::text as name from pg_class where relname = any($1)', [
    wanted.map((partition) => partition.name),
  ]);
  const present = new Set(existing.rows.map((row) => row.name));
  for (const { table, name, from, to } of wanted.filter((partition) => !present.has(partition.name))) {
    await db.query(
      `create table if not exists ${name} partition of ${table} for values from ('${from}') to ('${to}') with (fillfactor = 70)`,
    );
  }
}
