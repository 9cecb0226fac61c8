import type { Queryable, Store } from '../../src/store/index.ts';
import { Crashed, type Lifeline } from './lifeline.ts';
import type { SeededRandom } from './random.ts';

export interface DatabaseFaults {
  /** Share of operations that find the connection broken before they ran. */
  refused: number;
  /** Share of operations that ran, and whose answer got lost. */
  answerLost: number;
  /** Share of operations that hang for longer than a worker is waited for. */
  stalled: number;
}

/** Counts what the real database has under way: while it has, no virtual time may pass. */
export interface Busy {
  count: number;
}

/**
 * The real store as one simulated process sees it: the statements reach PGlite, but the process may die or be stopped
 * before, in between and after, and the connection may break on either side of a commit.
 */
export function createProcessStore(
  store: Store,
  {
    lifeline,
    random,
    faults,
    busy,
  }: { lifeline: Lifeline; random: SeededRandom; faults: DatabaseFaults; busy: Busy },
): Store {
  const operate = async <T>(work: () => Promise<T>): Promise<T> => {
    await lifeline.pass();
    await lifeline.travel();
    await lifeline.pass();
    const luck = random.next();
    if (luck < faults.refused) throw connectionLost();
    if (luck > 1 - faults.stalled) await lifeline.sleep(random.between(8_000, 25_000));
    busy.count++;
    const done = await work().then(
      (answer) => ({ answer }),
      (error: unknown) => ({ error }),
    );
    busy.count--;
    await lifeline.travel();
    await lifeline.pass();
    if (luck < faults.refused + faults.answerLost) throw connectionLost();
    if ('error' in done) throw done.error;
    return done.answer;
  };
  const queryable = (db: Queryable) =>
    ({ query: (...args: Parameters<Queryable['query']>) => operate(() => db.query(...args)) }) as never;
  /** Inside a transaction nothing waits: the one connection is held. A crash rolls back. */
  const within = (db: Queryable) =>
    ({
      async query(...args: Parameters<Queryable['query']>) {
        lifeline.step();
        const answer = await db.query(...args);
        lifeline.step();
        return answer;
      },
    }) as Queryable;
  const alive = async <T>(work: () => Promise<T>): Promise<T> => {
    const answer = await work();
    lifeline.step();
    return answer;
  };
  return {
    ...store,
    clock: lifeline,
    engine: queryable(store.engine),
    api: queryable(store.api),
    acceptHigh: queryable(store.acceptHigh),
    acceptBulk: queryable(store.acceptBulk),
    transaction: (work) => operate(() => store.transaction((db) => alive(() => work(within(db))))),
    scoped: (tenantId, work) => operate(() => store.scoped(tenantId, (db) => alive(() => work(within(db))))),
    syncClock: async () => {},
    close: async () => {},
  };
}

export function isCrash(error: unknown): boolean {
  return error instanceof Crashed;
}

function connectionLost(): Error {
  return Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' });
}
