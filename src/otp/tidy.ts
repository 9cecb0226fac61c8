import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/index.ts';
import { deleteInternalUsers } from '../users/index.ts';
import { purgeOtps, purgePauses, purgeUses, selectWithoutOtp } from './store.ts';

const BATCH = 10_000;
/** For whoever wants to look at what became of one. */
const KEEP_OTPS_MS = 24 * 3_600_000;
const KEEP_PAUSES_MS = 48 * 3_600_000;

/**
 * Housekeeping: OTPs are forgotten a day after their time, with the internal users of whom none is left, and counts when
 * no limit looks at them any more. Several processes may do it at once. Returns how many OTPs were forgotten.
 */
export async function tidyOtps({
  store,
  clock,
}: {
  store: Pick<Store, 'transaction' | 'engine'>;
  clock: Clock;
}): Promise<number> {
  const now = clock.now();
  const before = new Date(now - KEEP_OTPS_MS);
  const forgotten = await store.transaction(async (db) => {
    const users = await purgeOtps(db, before, BATCH);
    // Whoever was saved since then has a new one under way.
    if (users.length > 0) await deleteInternalUsers(db, await selectWithoutOtp(db, users), before);
    return users.length;
  });
  await purgeUses(store.engine, new Date(now), BATCH);
  await purgePauses(store.engine, new Date(now - KEEP_PAUSES_MS));
  return forgotten;
}
