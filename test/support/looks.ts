import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FakeClock } from '../../src/lib/clock.ts';
import type { Store } from '../../src/store/index.ts';

/** A store that counts how often a named statement is asked for by loops that sleep a second at a time. */
export function countLooks(store: Store, clock: FakeClock, name: string) {
  let looks = 0;
  const query = (statement: { name?: string }, values?: unknown[]) => {
    if (statement.name === name) looks++;
    return store.engine.query(statement as never, values as never);
  };
  const asleep = async () => {
    while (clock.nextAt() === null) await nextTurn();
  };
  return {
    store: { ...store, engine: { query } } as unknown as Store,
    /** Lets so many seconds pass, each once the loop sleeps again. */
    async looksIn(seconds: number): Promise<number> {
      looks = 0;
      for (let second = 0; second < seconds; second++) {
        await asleep();
        clock.advance(1_000);
      }
      await asleep();
      return looks;
    },
  };
}
