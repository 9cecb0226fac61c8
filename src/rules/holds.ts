import { TERMINAL } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import { uuidv7Time } from '../lib/ids.ts';
import type { Queryable, Store } from '../store/index.ts';
import { giveBack, purgeCapUses } from './cap-store.ts';
import {
  type DueHold,
  deleteHolds,
  type Hold,
  idOf,
  insertHolds,
  lockDueHolds,
  postponeHolds,
} from './hold-store.ts';

/** Most messages have gone out by then. */
const FIRST_LOOK_MS = 10_000;
const LONGEST_WAIT_MS = 3_600_000;
const PAGE = 1_000;
/** In one round; what is left waits for the next one. */
const MAX_PAGES = 20;
const PURGE_BATCH = 10_000;
/** A process whose clock is a little behind may still count in a window that is just over. */
const PURGE_AFTER_MS = 3_600_000;

/** Puts on record what messages hold, in the transaction in which their places were taken. */
export function holdPlaces(db: Queryable, holds: readonly Hold[], now: number): Promise<void> {
  return insertHolds(db, holds, new Date(now + FIRST_LOOK_MS));
}

/**
 * Housekeeping: places of messages that did not go out are given back, what was sent keeps them, and windows that are
 * over are forgotten. Several processes may do it at once. Returns how many holds were looked at.
 */
export async function tidyCaps({ store, clock }: { store: Store; clock: Clock }): Promise<number> {
  let looked = 0;
  for (let page = 0; page < MAX_PAGES; page++) {
    const seen = await store.transaction((db) => settlePage(db, clock.now()));
    looked += seen;
    if (seen < PAGE) break;
  }
  await purgeCapUses(store.engine, new Date(clock.now() - PURGE_AFTER_MS), PURGE_BATCH);
  return looked;
}

async function settlePage(db: Queryable, now: number): Promise<number> {
  const holds = await lockDueHolds(db, new Date(now), PAGE);
  const { back = [], used = [], open = [] } = Object.groupBy(holds, (hold) => endOf(hold, now));
  await giveBack(
    db,
    back.flatMap(({ places }) => places),
  );
  await deleteHolds(db, [...back, ...used]);
  await postponeHolds(
    db,
    open.map((hold) => ({ hold, lookAt: nextLook(hold, now) })),
  );
  return holds.length;
}

/** What becomes of the places of a message: given back, used up, or still open. Pure. */
export function endOf({ states, expiresAt }: DueHold, now: number): 'back' | 'used' | 'open' {
  // Over are also the windows of what the ledger has forgotten.
  if (states.length === 0 || expiresAt <= now || states.includes('sent')) return 'used';
  return states.every((state) => TERMINAL.has(state)) ? 'back' : 'open';
}

/** What is under way for long is looked at ever more rarely. */
function nextLook(hold: DueHold, now: number): number {
  const ageMs = now - uuidv7Time(idOf(hold));
  const waitMs = Math.min(Math.max(ageMs / 2, FIRST_LOOK_MS), LONGEST_WAIT_MS);
  return Math.min(now + waitMs, hold.expiresAt);
}
