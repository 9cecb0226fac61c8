import type { Priority } from '../providers/index.ts';

/** How long normal and low may find nothing before the next place is kept for them. */
const PATIENCE_MS = 1_000;
/** Who has not asked again for this long has found its work elsewhere. */
const FORGET_MS = 5_000;

/**
 * Remembers who was turned away, so that nobody waits for ever where there is little to share: the next place is
 * owed to high at once, and to normal or low, whoever has waited longer, after a second.
 */
export class Patience {
  readonly #waiting = new Map<Priority, { since: number; askedAt: number }>();

  turnedAway(priority: Priority, now: number): void {
    const waiting = this.#waiting.get(priority);
    const isFresh = waiting && now - waiting.askedAt < FORGET_MS;
    this.#waiting.set(priority, { since: isFresh ? waiting.since : now, askedAt: now });
  }

  served(priority: Priority): void {
    this.#waiting.delete(priority);
  }

  /**
   * For whom others leave the next place, and until when (ms since the epoch), or null. There is never more than one,
   * so nobody waits in a circle.
   */
  owed(now: number): { to: Priority; until: number } | null {
    let owed: { to: Priority; until: number } | null = null;
    let longest = PATIENCE_MS;
    for (const [to, { since, askedAt }] of this.#waiting) {
      const until = askedAt + FORGET_MS;
      if (now >= until) continue;
      if (to === 'high') return { to, until };
      if (now - since < longest) continue;
      longest = now - since;
      owed = { to, until };
    }
    return owed;
  }
}
