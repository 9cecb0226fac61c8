import type { Queryable } from '../store/index.ts';
import { isSliding } from './cap.ts';
import { giveBack, reserveCalendar, reserveSliding } from './cap-store.ts';
import { type Ask, distribute, wantedOf } from './places.ts';

/**
 * Takes the places that the messages of a batch need, in the caller's transaction: at most three statements, whatever
 * its size. Rows that are counted in stay locked until it ends, so that no other can take the same place. Answers for
 * each message the rule that had no place for it, or null.
 */
export async function reservePlaces(
  db: Queryable,
  asks: readonly Ask[],
  now: number,
): Promise<(string | null)[]> {
  const { sliding = [], calendar = [] } = Object.groupBy(wantedOf(asks), ({ place }) =>
    isSliding(place) ? 'sliding' : 'calendar',
  );
  const granted = new Map([
    ...(await reserveCalendar(db, calendar)),
    ...(await reserveSliding(db, sliding, new Date(now))),
  ]);
  const { refusals, leftovers } = distribute(asks, granted);
  await giveBack(db, leftovers);
  return refusals;
}
