import { countAccepted } from '../accept/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { DIGESTS, routeTopic, untilDue, type Wake, WakefulLoop } from '../queue/index.ts';
import type { Categories } from '../rules/index.ts';
import { isDataError, type Store } from '../store/index.ts';
import { kindOf, type LoopBeat, type Metrics, Tally } from '../telemetry/index.ts';
import type { Templates } from '../templates/index.ts';
import { type Closed, type ClosingOptions, closeDue } from './closing.ts';
import { type DigestRow, loadNextAt, purgeDigests, putOff } from './store.ts';

const BATCH = 50;
/** What the database refuses is tried again so much later. */
const PUT_OFF_MS = 600_000;
const PURGE_EVERY_MS = 3_600_000;
const PURGE_BATCH = 10_000;
/** So long it is on record what a digest collected. */
export const KEPT_MS = 90 * 24 * 3_600_000;

export interface DigestLoopOptions {
  store: Store;
  clock: Clock;
  wake: Wake;
  logger: Logger;
  categories: Pick<Categories, 'forTenants'>;
  templates: Pick<Templates, 'compiled'>;
  metrics?: Metrics;
  beat?: LoopBeat;
}

/**
 * Closes digests when their window is over, and sleeps until the next one is. Any number of processes may run it: whoever
 * holds the lock of a digest closes it, and whatever a transaction did not commit has not happened.
 */
export class DigestLoop {
  readonly #options: DigestLoopOptions;
  readonly #loop: WakefulLoop;
  #purgeAt = 0;

  constructor(options: DigestLoopOptions) {
    this.#options = options;
    const whenFailed = 'closing digests failed; trying again';
    this.#loop = new WakefulLoop({ ...options, topic: DIGESTS, turn: () => this.#turn(), whenFailed });
  }

  start(): void {
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** One transaction. Returns how many digests it dealt with. */
  async step(): Promise<number> {
    try {
      const count = await this.#close({ limit: BATCH });
      // A digest to which events come without a break is always locked: its turn comes to whoever waits for it.
      return count > 0 ? count : await this.#close({ limit: 1, patient: true });
    } catch (error) {
      if (!isDataError(error)) throw error;
      this.#options.logger.warn({ error }, 'the database refused what digests hold; going one by one');
      return this.#closeOne();
    }
  }

  async #close(claim: Pick<ClosingOptions, 'limit' | 'patient' | 'onClaimed'>): Promise<number> {
    const { store, clock, categories, templates, wake } = this.#options;
    const now = clock.now();
    const closed = await store.transaction((db) => closeDue(db, { ...claim, categories, templates, now }));
    this.#report(closed);
    for (const priority of closed.priorities) wake.signal(routeTopic(priority));
    return closed.count;
  }

  /** The first that is due; if the database refuses it, it is put off and stops nobody else. */
  async #closeOne(): Promise<number> {
    const { store, clock, logger } = this.#options;
    let claimed: DigestRow | undefined;
    const onClaimed = ([first]: DigestRow[]) => {
      claimed = first;
    };
    try {
      return await this.#close({ limit: 1, onClaimed });
    } catch (error) {
      if (!claimed || !isDataError(error)) throw error;
      await putOff(store.engine, claimed, new Date(clock.now() + PUT_OFF_MS));
      logger.error(
        { error, tenant: claimed.tenantId },
        'a digest could not be closed; it is tried again later',
      );
      return 1;
    }
  }

  #report({ endings, rows }: Closed): void {
    const { metrics } = this.#options;
    if (!metrics) return;
    const closed = new Tally(metrics.digestsClosed, 'outcome', 'kind');
    for (const { result, digest } of endings) closed.add(result, kindOf(digest.live));
    closed.flush();
    countAccepted(metrics, rows);
  }

  async #turn(): Promise<number> {
    const { store, clock } = this.#options;
    const nextAt = await loadNextAt(store.engine);
    const lookedAt = clock.now();
    const isDue = nextAt !== null && nextAt.getTime() <= lookedAt;
    if (isDue && (await this.step()) > 0) return 0;
    await this.#purge();
    return untilDue(this.#options, { times: [nextAt], lookedAt });
  }

  async #purge(): Promise<void> {
    const now = this.#options.clock.now();
    if (now < this.#purgeAt) return;
    const purged = await purgeDigests(this.#options.store.engine, new Date(now - KEPT_MS), PURGE_BATCH);
    // What is left is forgotten at the next rest: a tenant with a digest a day for each user makes more than that in an hour.
    if (purged < PURGE_BATCH) this.#purgeAt = now + PURGE_EVERY_MS;
  }
}
