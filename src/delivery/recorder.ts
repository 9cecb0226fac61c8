import { inboxTopic, storeInboxItems } from '../inbox/index.ts';
import { climbLadders } from '../ledger/index.ts';
import { Batcher } from '../lib/batcher.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { routeTopic, type Wake } from '../queue/index.ts';
import { isDataError, type Queryable, type Store } from '../store/index.ts';
import { type LoopBeat, type Metrics, UNWATCHED } from '../telemetry/index.ts';
import { moveContacts, pruneDevices, suppressContacts } from '../users/index.ts';
import { countResults } from './counts.ts';
import { keepProviderIds } from './late-results.ts';
import { withoutRefused } from './refused.ts';
import { insertAttempts, type Result, writeResults } from './store.ts';
import { insertVendorIds, isNamedByVendor } from './vendor-ids.ts';

const MAX_BATCH = 500;
/** Answers come one by one; gathered for this long they are one statement. */
const INTERVAL_MS = 10;
const RETRY_MS = 500;
const REACHED_NOBODY = new Set(['failed', 'dead', 'skipped', 'expired']);

export interface RecorderOptions {
  store: Store;
  clock: Clock;
  logger: Logger;
  metrics?: Metrics;
  beat?: LoopBeat;
  /** Told that routing has something to do. */
  wake?: Pick<Wake, 'signal'>;
}

/**
 * Writes results in batches: one fenced UPDATE for all, in one transaction with what follows from them (the attempt
 * log, dead tokens, suppressed addresses, inbox items). When the database is away it tries until it is back; the
 * attempts stay on record as started, so nothing is lost if this process dies first.
 */
export class Recorder {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #metrics: Metrics | undefined;
  readonly #beat: LoopBeat;
  readonly #wake: Pick<Wake, 'signal'> | undefined;
  readonly #batcher: Batcher<Result, boolean>;

  constructor(options: RecorderOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#metrics = options.metrics;
    this.#beat = options.beat ?? UNWATCHED;
    this.#wake = options.wake;
    this.#batcher = new Batcher({
      flush: (results) => this.#write(results).finally(() => this.#beat.rest()),
      maxBatch: MAX_BATCH,
      concurrency: 1,
      maxWaiting: Number.POSITIVE_INFINITY,
      intervalMs: Math.max(INTERVAL_MS, options.store.gatherMs),
      clock: options.clock,
    });
  }

  /** Resolves when the result is written; false when the attempt had been given up meanwhile. */
  record(result: Result): Promise<boolean> {
    return this.#batcher.add(result);
  }

  drained(): Promise<void> {
    return this.#batcher.drained();
  }

  async #write(results: Result[]): Promise<boolean[]> {
    for (;;) {
      this.#beat.turn();
      const startedAt = performance.now();
      try {
        const written = await this.#writeOnce(results);
        countResults(this.#metrics, { results, written, ms: performance.now() - startedAt });
        this.#tellInboxes(results.filter((result) => written.has(result.claimed.id)));
        await this.#climb(results.filter((result) => written.has(result.claimed.id)));
        await this.#keepIds(results.filter((result) => !written.has(result.claimed.id)));
        return results.map((result) => written.has(result.claimed.id));
      } catch (error) {
        this.#logger.error({ error, count: results.length }, 'results could not be written; trying again');
        if (isOfTheData(error)) return this.#writeApart(results);
        await this.#clock.sleep(RETRY_MS);
      }
    }
  }

  /** Whoever looks at an inbox right now hears of what came. */
  #tellInboxes(written: Result[]): void {
    if (!this.#wake) return;
    const topics = new Set(
      written.flatMap(({ inboxItem, claimed }) => (inboxItem ? [inboxTopic(claimed.user.id!)] : [])),
    );
    for (const topic of topics) this.#wake.signal(topic);
  }

  /** Ladders go on at once where nobody was reached; if this fails they go on in their time. */
  async #climb(written: Result[]): Promise<void> {
    const ids = written.flatMap(({ claimed, settlement: { state } }) =>
      REACHED_NOBODY.has(state) && claimed.request.ladder ? [claimed.notificationId] : [],
    );
    if (ids.length === 0) return;
    await climbLadders(this.#store, ids, new Date(this.#clock.now())).then(
      (priorities) => {
        for (const priority of priorities) this.#wake?.signal(routeTopic(priority));
      },
      (error) => this.#logger.warn({ error, count: ids.length }, 'ladders could not go on at once'),
    );
  }

  /** Worth trying once: the results themselves are written, and must not be written again for this. */
  async #keepIds(late: Result[]): Promise<void> {
    const { engine } = this.#store;
    try {
      await keepProviderIds(engine, late);
      await insertVendorIds(engine, late, this.#clock.now());
    } catch (error) {
      this.#logger.warn({ error, count: late.length }, 'ids of late answers could not be kept');
    }
  }

  /** A value the database refuses must stop only its own row, and that only until it is written without the value. */
  async #writeApart(results: Result[]): Promise<boolean[]> {
    if (results.length === 1) return [await this.#writeBare(results[0]!)];
    const middle = results.length >> 1;
    return [...(await this.#write(results.slice(0, middle))), ...(await this.#write(results.slice(middle)))];
  }

  async #writeBare(result: Result): Promise<boolean> {
    const bare = withoutRefused(result);
    for (;;) {
      try {
        return (await this.#writeOnce([bare])).size > 0;
      } catch (error) {
        this.#logger.error(
          { error, delivery: result.claimed.id },
          'a result was refused, and its bare end too',
        );
        if (isOfTheData(error)) return false;
        await this.#clock.sleep(RETRY_MS);
      }
    }
  }

  async #writeOnce(results: Result[]): Promise<Set<string>> {
    // The commonest batch is one statement: plain successes, whose log is the delivery row itself.
    if (results.every(isPlain)) return writeResults(this.#store.engine, results);
    return this.#store.transaction(async (db) => {
      const written = await writeResults(db, results);
      const current = results.filter((result) => written.has(result.claimed.id));
      await insertAttempts(db, current.filter(isLogged).toSorted(byId));
      await insertVendorIds(db, current, this.#clock.now());
      await this.#applyEffects(db, current);
      return written;
    });
  }

  async #applyEffects(db: Queryable, results: Result[]): Promise<void> {
    const now = this.#clock.now();
    // Users are shared between live and test: what the simulator says must not touch a real device or address.
    const prunes = results.flatMap(({ claimed, settlement: { effect, reason } }) =>
      effect?.type === 'prune-device' && claimed.device && claimed.live
        ? [
            {
              tenantId: claimed.tenantId,
              deviceId: claimed.device.id,
              invalidSince: effect.invalidSince ?? null,
              reason: reason ?? 'device_unregistered',
            },
          ]
        : [],
    );
    if (prunes.length > 0) await pruneDevices(db, now, prunes);
    const suppressions = results.flatMap(({ claimed, settlement: { effect, reason } }) => {
      return effect?.type === 'suppress-contact' && claimed.contact && claimed.live
        ? [
            {
              tenantId: claimed.tenantId,
              kind: claimed.contact.kind,
              address: claimed.contact.address,
              reason: reason ?? 'recipient_invalid',
              source: claimed.connection,
            },
          ]
        : [];
    });
    if (suppressions.length > 0) await suppressContacts(db, now, suppressions);
    const moves = results.flatMap(({ claimed, settlement: { effect } }) =>
      effect?.type === 'move-contact' && claimed.contact && claimed.user.id && claimed.live
        ? [
            {
              tenantId: claimed.tenantId,
              userId: claimed.user.id,
              kind: claimed.contact.kind,
              from: claimed.contact.address,
              to: effect.address,
            },
          ]
        : [],
    );
    if (moves.length > 0) await moveContacts(db, now, moves);
    const items = results.flatMap((result) => (result.inboxItem ? [toInboxItem(result)] : []));
    if (items.length > 0) await storeInboxItems(db, items);
  }
}

/** The database refused a value, or it could not even be put into words for it: trying again changes nothing. */
function isOfTheData(error: unknown): boolean {
  return isDataError(error) || error instanceof RangeError || error instanceof TypeError;
}

function isPlain(result: Result): boolean {
  return !isLogged(result) && !result.inboxItem && !isNamedByVendor(result);
}

function isLogged(result: Result): boolean {
  return result.outcome !== 'accepted' || result.hookReason !== undefined;
}

function byId(a: Result, b: Result): number {
  return a.claimed.id < b.claimed.id ? -1 : 1;
}

function toInboxItem({ claimed, inboxItem, finishedAt }: Result) {
  const { keeping: { collapseKey, tags, expiresAfterSeconds } = {}, ...item } = inboxItem!;
  return {
    tenantId: claimed.tenantId,
    userId: claimed.user.id!,
    id: claimed.id,
    live: claimed.live,
    notificationId: claimed.notificationId,
    category: claimed.category,
    item,
    tags: tags ?? [],
    collapseKey: collapseKey ?? null,
    createdAt: finishedAt,
    expiresAt: expiresAfterSeconds === undefined ? null : finishedAt + expiresAfterSeconds * 1_000,
  };
}
