import { Batcher } from '../lib/batcher.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { isDataError, type Store } from '../store/index.ts';
import type { Metrics } from '../telemetry/index.ts';
import { callEndpoint, PER_ENDPOINT, renderPayload, type WebhookTransport } from './call.ts';
import { type Ended, endCalls } from './ending.ts';
import type { Endpoint } from './endpoint.ts';
import type { Result } from './settle.ts';
import type { ClaimedCall, ReadyRow } from './store.ts';
import type { DisabledEndpoint } from './trouble-store.ts';

/** Calls under way in this process. */
const MAX_IN_FLIGHT = 512;
const WRITE_TRIES = 3;
const WRITE_AGAIN_MS = 1_000;
const RESULT_BATCH = 200;
const RESULT_INTERVAL_MS = 10;

export interface CallsOptions {
  store: Store;
  clock: Clock;
  logger: Logger;
  transport: WebhookTransport;
  metrics?: Metrics;
  random?: () => number;
}

/** How many calls a line may start. */
export interface LineTurn {
  key: string;
  limit: number;
}

/** The calls of one process: who may start how many, and what came of them, written in batches. */
export class Calls {
  readonly #options: CallsOptions;
  readonly #results: Batcher<Result, null>;
  /** Under way, by endpoint. */
  readonly #inFlight = new Map<string, number>();
  /** Lines that got all they could take, so that more may wait for them. */
  readonly #hungry = new Set<string>();
  readonly #troubled = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #giveUp = new AbortController();
  /** Told when there is room again in a line for which more may wait. */
  onRoom: () => void = () => {};

  constructor(options: CallsOptions) {
    this.#options = options;
    this.#results = new Batcher({
      flush: (results) => this.#write(results),
      maxBatch: RESULT_BATCH,
      concurrency: 1,
      maxWaiting: Number.POSITIVE_INFINITY,
      intervalMs: RESULT_INTERVAL_MS,
    });
  }

  /** One for a line that is overloaded, and a fair share where there is little room. */
  takeTurns(ready: readonly ReadyRow[]): LineTurn[] {
    let room = MAX_IN_FLIGHT - this.#underWay.size;
    const share = Math.max(1, Math.floor(room / Math.max(1, ready.length)));
    // Whoever has the fewest comes first: slow lines that together fill this process must not shut the others out.
    const shortestFirst = ready.toSorted((a, b) => this.#countOf(a.key) - this.#countOf(b.key));
    return shortestFirst.flatMap(({ key, strain, is_troubled }) => {
      if (is_troubled) this.#troubled.add(key);
      const most = strain > 0 ? 1 : PER_ENDPOINT;
      const limit = Math.min(most - this.#countOf(key), share, room);
      if (limit <= 0) return [];
      room -= limit;
      return [{ key, limit }];
    });
  }

  /** Starts what was claimed by these turns. */
  start(turns: readonly LineTurn[], claimed: readonly ClaimedCall[], open: (key: string) => Endpoint): void {
    const byKey = Map.groupBy(claimed, ({ endpointKey }) => endpointKey);
    for (const { key, limit } of turns) {
      const list = byKey.get(key) ?? [];
      if (list.length === limit) this.#hungry.add(key);
      else this.#hungry.delete(key);
      if (list.length === 0) continue;
      const endpoint = open(key);
      for (const call of list) this.#track(call, endpoint);
    }
  }

  /** Resolves when no call is under way any more. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /** Breaks off what has no answer after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.#giveUp.abort(), graceMs);
    await this.settled();
    clearTimeout(timer);
  }

  #countOf(key: string): number {
    return this.#inFlight.get(key) ?? 0;
  }

  #track(claimed: ClaimedCall, endpoint: Endpoint): void {
    const { endpointKey } = claimed;
    this.#inFlight.set(endpointKey, this.#countOf(endpointKey) + 1);
    const call = this.#call(claimed, endpoint).finally(() => {
      const left = this.#countOf(endpointKey) - 1;
      if (left > 0) this.#inFlight.set(endpointKey, left);
      else this.#inFlight.delete(endpointKey);
      this.#underWay.delete(call);
      if (this.#hungry.has(endpointKey)) this.onRoom();
    });
    this.#underWay.add(call);
  }

  async #call(claimed: ClaimedCall, endpoint: Endpoint): Promise<void> {
    const { clock, transport, metrics } = this.#options;
    const startedAt = clock.now();
    const began = performance.now();
    const verdict = await callEndpoint(transport, endpoint, {
      id: claimed.eventId,
      payload: renderPayload(claimed),
      now: startedAt,
      signal: this.#giveUp.signal,
    });
    const latencyMs = Math.round(performance.now() - began);
    metrics?.webhookSeconds.observe({ outcome: verdict.outcome }, latencyMs / 1_000);
    await this.#results.add({ claimed, verdict, startedAt, latencyMs, finishedAt: clock.now() });
  }

  /** Never rejects: what could not be written is called again when its lease is over. */
  async #write(results: Result[]): Promise<null[]> {
    const { clock, logger } = this.#options;
    for (let n = 1; n <= WRITE_TRIES; n++) {
      try {
        this.#report(await this.#writeOnce(results));
        break;
      } catch (error) {
        logger.error({ error, count: results.length }, 'results of webhooks could not be written');
        if (isDataError(error) && results.length > 1) {
          for (const result of results) await this.#write([result]);
          break;
        }
        if (n < WRITE_TRIES) await clock.sleep(WRITE_AGAIN_MS, this.#giveUp.signal);
      }
    }
    return results.map(() => null);
  }

  #writeOnce(results: Result[]): ReturnType<typeof endCalls> {
    const { store, clock, random = Math.random } = this.#options;
    return store.transaction((db) =>
      endCalls(db, results, { now: clock.now(), random, troubled: this.#troubled }),
    );
  }

  #report({ ended, disabled }: { ended: Ended[]; disabled: DisabledEndpoint[] }): void {
    const { metrics, logger } = this.#options;
    for (const { result, settlement } of ended) {
      const key = result.claimed.endpointKey;
      if (result.verdict.outcome === 'delivered') this.#troubled.delete(key);
      else this.#troubled.add(key);
      metrics?.webhookCalls.inc({ outcome: result.verdict.outcome });
      if (settlement.state === 'failed') metrics?.webhooksFailed.inc({});
      if (settlement.state === 'delivered') {
        const delayMs = result.finishedAt - result.claimed.occurredAt.getTime();
        metrics?.webhookDelaySeconds.observe({}, Math.max(0, delayMs) / 1_000);
      }
    }
    for (const { tenant_id: tenant, id, reason } of disabled) {
      metrics?.webhooksDisabled.inc({ reason });
      logger.warn({ tenant, webhook: id, reason }, 'a webhook endpoint was disabled');
    }
  }
}
