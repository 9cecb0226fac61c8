import { uuidv7Floor } from '../lib/ids.ts';
import { type Wake, WakefulLoop, WEBHOOKS } from '../queue/index.ts';
import { FIRST_ID } from '../store/index.ts';
import type { LoopBeat } from '../telemetry/index.ts';
import type { MasterKeys } from '../tenants/index.ts';
import { DEADLINE_MS } from './call.ts';
import { Calls, type CallsOptions } from './calls.ts';
import { openEndpoint } from './endpoint.ts';
import {
  claimCalls,
  dealEvents,
  endDue,
  hasEndpoints,
  loadReady,
  purgeDeliveries,
  purgeEvents,
} from './store.ts';

const DEAL_BATCH = 500;
const END_BATCH = 500;
/** Whoever has not written by then is taken for dead. */
const LEASE_MS = DEADLINE_MS + 45_000;
/** Events come from everywhere, and nobody signals them: this is how late a call may begin. */
const POLL_MS = 1_000;
/** Nobody has an endpoint; whoever makes the first one signals. */
const IDLE_POLL_MS = 30_000;
const STOP_GRACE_MS = 3_000;
const PURGE_EVERY_MS = 600_000;
const PURGE_BATCH = 5_000;
/** So long it is on record what was told to whom. */
export const KEPT_MS = 30 * 24 * 3_600_000;

export interface WebhookLoopOptions extends CallsOptions {
  wake: Pick<Wake, 'on' | 'signal'>;
  masterKeys: MasterKeys;
  beat?: LoopBeat;
}

/**
 * Tells endpoints what happened. Any number of processes may run it: each claims other rows, and writes only behind the
 * fence of its claim. Every endpoint has a line of its own, so one that is slow or dead holds up nobody else.
 */
export class WebhookLoop {
  readonly #options: WebhookLoopOptions;
  readonly #loop: WakefulLoop;
  readonly #calls: Calls;
  #after = FIRST_ID;
  #purgeAt = 0;

  constructor(options: WebhookLoopOptions) {
    this.#options = options;
    const { wake } = options;
    this.#calls = new Calls(options);
    this.#loop = new WakefulLoop({
      ...options,
      topic: WEBHOOKS,
      wake: {
        on: (listener) => {
          this.#calls.onRoom = () => listener(WEBHOOKS);
          return wake.on(listener);
        },
      },
      turn: () => this.#turn(),
      whenFailed: 'telling webhooks failed; trying again',
    });
  }

  start(): void {
    this.#loop.start();
  }

  /** Waits a few seconds for calls under way; what has no answer then is made again by whoever runs this next. */
  async stop(graceMs = STOP_GRACE_MS): Promise<void> {
    await this.#loop.stop();
    await this.#calls.stop(graceMs);
  }

  /** Starts what can be started now. Returns how many calls and events that were. */
  async step(): Promise<number> {
    const { store, clock } = this.#options;
    const { events } = await dealEvents(store.engine, new Date(clock.now()), DEAL_BATCH);
    return events + (await this.#startCalls());
  }

  /** Resolves when no call is under way any more. */
  settled(): Promise<void> {
    return this.#calls.settled();
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
    // The look goes on before there is a rest.
    const seen = last === null ? 0 : 1;
    const turns = this.#calls.takeTurns(ready.filter(({ enabled, paused }) => enabled && !paused));
    if (turns.length === 0) return ended + seen;
    const rows = new Map(ready.map((row) => [row.key, row]));
    const lease = new Date(now + LEASE_MS);
    const claimed = await claimCalls(store.engine, turns, { now: new Date(now), lease });
    this.#calls.start(turns, claimed, (key) => openEndpoint(rows.get(key)!, masterKeys));
    return ended + seen + claimed.length;
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
