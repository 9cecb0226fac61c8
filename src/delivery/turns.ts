import type { Claimed, Slice, Turn } from '../queue/index.ts';
import type { Gate } from './gate.ts';

/** More in one claim makes the statement long and the round trip of the next slice longer. */
export const MAX_CLAIM = 500;

/** A turn whose permits are taken. */
export type ReservedTurn = Turn & { gate: Gate };

/**
 * Divides the next claim of a lane among its slices: equally among tenants, and for each among its connections;
 * what one cannot use goes to the others (max-min fairness). The permits are taken here, so what slices share is
 * counted once; whoever does not use them gives them back. Where what they share is too little for all, the next
 * `round` begins with somebody else.
 */
export function planTurns(
  due: Slice[],
  gateOf: (slice: Slice) => Gate,
  { now, round }: { now: number; round: number },
): ReservedTurn[] {
  const wishes = due.map((slice) => ({ slice, gate: gateOf(slice), permits: gateOf(slice).permits(now) }));
  for (const { gate, permits } of wishes) if (permits === 0) gate.turnAway(now);
  const groups = [...Map.groupBy(wishes, ({ slice }) => slice.tenantId).values()];
  const tenants = rotated(groups, round)
    .map((group) => ({ group: rotated(group, round).sort(byPermits), permits: sum(group) }))
    .sort(byPermits);
  const turns: ReservedTurn[] = [];
  let left = MAX_CLAIM;
  for (const [i, { group }] of tenants.entries()) {
    let share = Math.ceil(left / (tenants.length - i));
    for (const [j, { slice, gate }] of group.entries()) {
      // Asked again: what was taken for others may have come out of the same budget.
      const count = Math.min(gate.permits(now), Math.ceil(share / (group.length - j)), left);
      if (count <= 0) continue;
      gate.reserve(count, now);
      share -= count;
      left -= count;
      const { tenantId, connection, dueAt: since } = slice;
      turns.push({ tenantId, connection, count, since, gate });
    }
  }
  return turns;
}

/**
 * Gives back the permits that the claim did not use. Returns the slices that gave less than they were asked for:
 * they have nothing more due (or another process holds it just now).
 */
export function releaseUnused(turns: ReservedTurn[], deliveries: Claimed[], now: number): Set<string> {
  const got = new Map<string, number>();
  for (const claimed of deliveries) got.set(sliceName(claimed), (got.get(sliceName(claimed)) ?? 0) + 1);
  const drained = new Set<string>();
  for (const turn of turns) {
    const unused = turn.count - (got.get(sliceName(turn)) ?? 0);
    if (unused === 0) continue;
    turn.gate.release(unused, now);
    drained.add(sliceName(turn));
  }
  return drained;
}

export function sliceName(of: { tenantId: string; connection: string }): string {
  return `${of.tenantId}/${of.connection}`;
}

function byPermits(a: { permits: number }, b: { permits: number }): number {
  return a.permits - b.permits;
}

function sum(group: { permits: number }[]): number {
  return group.reduce((total, { permits }) => total + permits, 0);
}

/** Sorting keeps the order of equals, so each of them is the first in its round. */
function rotated<T>(list: T[], round: number): T[] {
  const start = round % Math.max(1, list.length);
  return [...list.slice(start), ...list.slice(0, start)];
}
