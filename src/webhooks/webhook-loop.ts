import { Batcher } from '../lib/batcher.ts';
import type { Clock } from '../lib/clock.ts';
import { uuidv7Floor } from '../lib/ids.ts';
import type { Logger } from '../lib/logger.ts';
import { type Wake, WakefulLoop, WEBHOOKS } from '../queue/index.ts';
import { FIRST_ID, isDataError, type Store } from '../store/index.ts';
import type { LoopBeat, Metrics } from '../telemetry/index.ts';
import type { MasterKeys } from '../tenants/index.ts';
import { callEndpoint, DEADLINE_MS, PER_ENDPOINT, renderPayload, type WebhookTransport } from './call.ts';
import { type Ended, endCalls } from './ending.ts';
import { type Endpoint, openEndpoint } from './endpoint.ts';
import type { Result } from './settle.ts';
import {
  type ClaimedCall,
  claimCalls,
  dealEvents,
  endDue,
  hasEndpoints,
  loadReady,
  purgeDeliveries,
  purgeEvents,
  type ReadyRow,
} from './store.ts';
import type { DisabledEndpoint } from './trouble-store.ts';

const DEAL_BATCH = 500;
const END_BATCH = 500;
/** Calls under way in this process. */
const MAX_IN_FLIGHT = 512;
/** Whoever has not written by then is taken for dead. */
const LEASE_MS = DEADLINE_MS + 45_000;
/** Events come from everywhere, and nobody signals them: this is how late a call may begin. */
const POLL_MS = 1_000;
/** Nobody has an endpoint; whoever makes the first one signals. */
const IDLE_POLL_MS = 30_000;
const WRITE_TRIES = 3;
const WRITE_AGAIN_MS = 1_000;
const RESULT_BATCH = 200;
const RESULT_INTERVAL_MS = 10;
const STOP_GRACE_MS = 3_000;
const PURGE_EVERY_MS = 600_000;
const PURGE_BATCH = 5_000;
/** So long it is on record what was told to whom. */
export const KEPT_MS = 30 * 24 * 3_600_000;

export interface WebhookLoopOptions {
  store: Store;
  clock: Clock;
  wake: Pick<Wake, 'on' | 'signal'>;
  logger: Logger;
  masterKeys: MasterKeys;
  transport: WebhookTransport;
  metrics?: Metrics;
  beat?: LoopBeat;
  random?: () => number;
}

/**
 * Tells endpoints what happened. Any number of processes may run it: each claims other rows, and writes only behind the
 * fence of its claim. Every endpoint has a line of its own, so one that is slow or dead holds up nobody else.
 */
export class WebhookLoop {
  readonly #options: WebhookLoopOptions;
  readonly #loop: WakefulLoop;
  readonly #results: Batcher<Result, null>;
  /** Calls under way, by endpoint. */
  readonly #inFlight = new Map<string, number>();
  /** Lines that got all they could take, so that more may wait for them. */
  readonly #hungry = new Set<string>();
  readonly #troubled = new Set<string>();
  readonly #giveUp = new AbortController();
  readonly #calls = new Set<Promise<void>>();
  #after = FIRST_ID;
  #purgeAt = 0;
  #nudge: () => void = () => {};

  constructor(options: WebhookLoopOptions) {
    this.#options = options;
    const { wake } = options;
    this.#loop = new WakefulLoop({
      ...options,
      topic: WEBHOOKS,
      wake: {
        on: (listener) => {
          this.#nudge = () => listener(WEBHOOKS);
          return wake.on(listener);
        },
      },
      turn: () => this.#turn(),
      whenFailed: 'telling webhooks failed; trying again',
    });
    this.#results = new Batcher({
      flush: (results) => this.#write(results),
      maxBatch: RESULT_BATCH,
      concurrency: 1,
      maxWaiting: Number.POSITIVE_INFINITY,
      intervalMs: RESULT_INTERVAL_MS,
    });
  }

  start(): void {
    this.#loop.start();
  }

  /** Waits a few seconds for calls under way; what has no answer then is made again by whoever runs this next. */
  async stop(graceMs = STOP_GRACE_MS): Promise<void> {
    await this.#loop.stop();
    const timer = setTimeout(() => this.#giveUp.abort(), graceMs);
    await Promise.all(this.#calls);
    clearTimeout(timer);
  }

  /** Starts what can be started now. Returns how many calls and events that were. */
  async step(): Promise<number> {
    const { store, clock } = this.#options;
    const { events } = await dealEvents(store.engine, new Date(clock.now()), DEAL_BATCH);
    return events + (await this.#startCalls());
  }

  /** Resolves when no call is under way any more. */
  async settled(): Promise<void> {
    while (this.#calls.size > 0) await Promise.all(this.#calls);
  }

  async #turn(): Promise<number> {
    const { store } = this.#options;
    await this.#purge();
    if (!(await hasEndpoints(store.engine))) return IDLE_POLL_MS;
    return (await this.step()) > 0 ? 0 : POLL_MS;
  }

  async #startCalls(): Promise<number> {
    const { store, clock, masterKeys } = this.#options;
    const now = clock.now();
    const { ready, last } = await loadReady(store.engine, new Date(now), this.#after);
    this.#after = last ?? FIRST_ID;
    const closed = ready.filter(({ enabled }) => !enabled).map(({ key }) => key);
    const ended = closed.length > 0 ? await endDue(store.engine, closed, new Date(now), END_BATCH) : 0;
    const wanted = this.#takeTurns(ready.filter(({ enabled, paused }) => enabled && !paused));
    // The look goes on before there is a rest.
    const seen = last === null ? 0 : 1;
    if (wanted.length === 0) return ended + seen;
    const endpoints = new Map(ready.map((row) => [row.key, row]));
    const lease = new Date(now + LEASE_MS);
    const claimed = await claimCalls(store.engine, wanted, { now: new Date(now), lease });
    const opened = new Map<string, Endpoint>();
    const counts = Map.groupBy(claimed, ({ endpointKey }) => endpointKey);
    for (const { key, limit } of wanted) {
      if ((counts.get(key)?.length ?? 0) === limit) this.#hungry.add(key);
      else this.#hungry.delete(key);
    }
    for (const call of claimed) {
      const key = call.endpointKey;
      if (!opened.has(key)) opened.set(key, openEndpoint(endpoints.get(key)!, masterKeys));
      this.#track(call, opened.get(key)!);
    }
    return ended + seen + claimed.length;
  }

  /** How many calls each line may start: one of those that are overloaded, and a fair share where there is little room. */
  #takeTurns(ready: ReadyRow[]): { key: string; limit: number }[] {
    let room = MAX_IN_FLIGHT - this.#calls.size;
    const share = Math.max(1, Math.floor(room / Math.max(1, ready.length)));
    return ready.flatMap(({ key, strain, is_troubled }) => {
      if (is_troubled) this.#troubled.add(key);
      const most = strain > 0 ? 1 : PER_ENDPOINT;
      const limit = Math.min(most - (this.#inFlight.get(key) ?? 0), share, room);
      if (limit <= 0) return [];
      room -= limit;
      return [{ key, limit }];
    });
  }

  #track(claimed: ClaimedCall, endpoint: Endpoint): void {
    const { endpointKey } = claimed;
    this.#inFlight.set(endpointKey, (this.#inFlight.get(endpointKey) ?? 0) + 1);
    const call = this.#call(claimed, endpoint).finally(() => {
      const left = this.#inFlight.get(endpointKey)! - 1;
      if (left > 0) this.#inFlight.set(endpointKey, left);
      else this.#inFlight.delete(endpointKey);
      this.#calls.delete(call);
      if (this.#hungry.has(endpointKey)) this.#nudge();
    });
    this.#calls.add(call);
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

  async #purge(): Promise<void> {
    const { store, clock } = this.#options;
    const now = clock.now();
    if (now < this.#purgeAt) return;
    const bound = uuidv7Floor(now - KEPT_MS);
    const hasDeliveries = await purgeDeliveries(store.engine, bound, PURGE_BATCH);
    const hasEvents = await purgeEvents(store.engine, bound, PURGE_BATCH);
    // What is left is forgotten at the next turn.
    if (!hasDeliveries && !hasEvents) this.#purgeAt = now + PURGE_EVERY_MS;
  }
}
