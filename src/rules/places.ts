import { type CappedPlace, type Place, placeKey } from './cap.ts';

/** A message that asks for a place of every rule that caps it. */
export interface Ask {
  places: readonly CappedPlace[];
}

/** How many messages of a batch want a place with the same key. */
export interface Wanted {
  key: string;
  place: CappedPlace;
  count: number;
}

/**
 * What the messages of a batch want together, each key once. In the order of the keys, so that whoever reserves at the
 * same time locks in the same order and nobody waits in a circle. Pure.
 */
export function wantedOf(asks: readonly Ask[]): Wanted[] {
  const byKey = new Map<string, Wanted>();
  for (const place of asks.flatMap(({ places }) => places)) {
    const key = placeKey(place);
    const wanted = byKey.get(key);
    if (wanted) wanted.count++;
    else byKey.set(key, { key, place, count: 1 });
  }
  return inOrder([...byKey.values()]);
}

export function inOrder<T extends { key: string }>(rows: T[]): T[] {
  return rows.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

export interface Distribution {
  /** For each message the rule that had no place left for it, or null when it got all of its places. */
  refusals: (string | null)[];
  /** Places that were granted and that nobody took, because another rule had none. */
  leftovers: Place[];
}

/**
 * Hands out what was granted (by key), first come, first served: a message takes a place of all of its rules or of none.
 * Whoever is refused met a rule whose places are all taken, by messages that go out. Pure.
 */
export function distribute(asks: readonly Ask[], granted: ReadonlyMap<string, number>): Distribution {
  const left = new Map(granted);
  const roomOf = (place: Place) => left.get(placeKey(place)) ?? 0;
  const refusals = asks.map(({ places }) => {
    const full = places.find((place) => roomOf(place) <= 0);
    if (full) return full.rule;
    for (const place of places) left.set(placeKey(place), roomOf(place) - 1);
    return null;
  });
  const leftovers = wantedOf(asks).flatMap(({ key, place }) =>
    new Array<Place>(left.get(key) ?? 0).fill(place),
  );
  return { refusals, leftovers };
}
