import type pg from 'pg';
import type { Store } from './connect.ts';

const INTERVAL_MS = 10_000;

/** A longer trip tells the time too roughly, so the clock is asked again. */
const GOOD_TRIP_MS = 200;
const MOST_READINGS = 3;

/**
 * The database's time now, in milliseconds since the epoch, by the shortest of a few trips: what is known is only that
 * the clock was read somewhere between question and answer. Takes a client, not a pool: the wait for a free connection
 * is no part of the trip.
 */
export async function readClock(client: pg.ClientBase): Promise<number> {
  let shortestMs = Number.POSITIVE_INFINITY;
  let offsetMs = 0;
  for (let n = 0; n < MOST_READINGS && shortestMs > GOOD_TRIP_MS; n++) {
    const asked = performance.now();
    const { rows } = await client.query('select extract(epoch from clock_timestamp()) * 1000 as ms');
    const tripMs = performance.now() - asked;
    if (tripMs >= shortestMs) continue;
    shortestMs = tripMs;
    offsetMs = Number(rows[0].ms) - (asked + tripMs / 2);
  }
  return offsetMs + performance.now();
}

/**
 * Reads the database's clock again now and then, in every process whatever its roles: one that went on by an old time
 * would look dead to the others, or take them for dead. The timer is this process's own: no jump can silence it.
 * Returns what ends it.
 */
export function keepClock(store: Pick<Store, 'syncClock'>, intervalMs = INTERVAL_MS): () => void {
  // When the database is away there is nothing to read; the next time will do.
  const timer = setInterval(() => void store.syncClock().catch(() => {}), intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
