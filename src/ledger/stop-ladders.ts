import type { Queryable, Store } from '../store/index.ts';
import { meets } from './ladder.ts';
import { hurryLadders, type LadderKey, loadReached, lockLadders, stopDeliveries } from './ladder-store.ts';
import { endPostponed } from './postponed-store.ts';

export interface Ladders {
  tenantId: string;
  /** Of notifications; those without a ladder are passed over. */
  ids: readonly string[];
  now: Date;
}

/** What a stop ended. */
export interface Stopped {
  /** Queued deliveries that are cancelled, and channels of later steps that get no turn. */
  cancelled: number;
  /** Deliveries that are being sent right now: not sent again if this try fails. */
  beingSent: number;
  /** Of notifications (0 high, 1 normal, 2 low) that have a turn now, at which routing writes down what ended. */
  priorities: number[];
}

/**
 * Stops those ladders whose goal is met by now: what is queued is cancelled, what waits ends as skipped. Run it in the
 * transaction that made them meet it, while the ladders are locked: `lockLadders` comes before anything else there.
 */
export async function stopLadders(db: Queryable, { tenantId, ids, now }: Ladders): Promise<Stopped> {
  return stopLaddersOf(
    db,
    ids.map((id) => ({ tenantId, id })),
    now,
  );
}

/** The same for notifications of many tenants, by the same number of statements. */
export async function stopLaddersOf(
  db: Queryable,
  ladders: readonly LadderKey[],
  now: Date,
): Promise<Stopped> {
  const nothing = { cancelled: 0, beingSent: 0, priorities: [] };
  if (ladders.length === 0) return nothing;
  const all = await loadReached(db, ladders);
  const met = new Set(all.flatMap(({ id, reached, until }) => (until && meets(reached, until) ? id : [])));
  if (met.size === 0) return nothing;
  const notifications = ladders.filter(({ id }) => met.has(id));
  const { cancelled, flagged } = await stopDeliveries(db, notifications, now);
  const ended = await endPostponed(db, { notifications, reason: 'ladder_stopped', now });
  return {
    cancelled: cancelled + ended.reduce((sum, { channels }) => sum + channels, 0),
    beingSent: flagged,
    priorities: [...new Set(ended.map(({ priority }) => priority))],
  };
}

/**
 * Goes on to the next steps at once where deliveries ended without reaching anybody. Its own transaction, after the one
 * that ended them: if this process dies in between, the next step comes at its time. Returns the priorities of turns.
 */
export async function climbLadders(
  store: Pick<Store, 'transaction'>,
  ids: readonly string[],
  now: Date,
): Promise<number[]> {
  const distinct = [...new Set(ids)];
  return store.transaction(async (db) => {
    await lockLadders(db, distinct);
    return [...new Set(await hurryLadders(db, distinct, now))];
  });
}
