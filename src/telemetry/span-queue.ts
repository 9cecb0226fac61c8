import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { SpanRecord } from './spans.ts';

export interface SpanQueueOptions {
  /** Hands a batch to the collector; rejects when it was not taken. */
  send(spans: SpanRecord[]): Promise<void>;
  clock: Clock;
  logger: Logger;
}

export const MAX_WAITING = 4_096;
export const MAX_BATCH = 512;
export const LINGER_MS = 1_000;
/** A collector that is away is asked no more often than this. */
export const REST_AFTER_FAILURE_MS = 5_000;
export const WARN_EVERY_MS = 60_000;

/**
 * Finished spans on their way to the collector, one batch at a time. Adding never waits: when the collector does not
 * keep up, spans are dropped and counted, and the log says so once a minute.
 */
export class SpanQueue {
  readonly #options: SpanQueueOptions;
  #waiting: SpanRecord[] = [];
  #running: Promise<void> | null = null;
  #lingering: AbortController | null = null;
  #rest: AbortController | null = null;
  /** Spans that the collector has not answered yet. */
  #sending = 0;
  #closed = false;
  #exported = 0;
  #dropped = 0;
  #warnedAt = Number.NEGATIVE_INFINITY;
  #droppedAtWarning = 0;

  constructor(options: SpanQueueOptions) {
    this.#options = options;
  }

  /** Spans the collector took, and spans that were lost, since the start. */
  get counts(): { exported: number; dropped: number } {
    return { exported: this.#exported, dropped: this.#dropped };
  }

  add(span: SpanRecord): void {
    if (this.#closed || this.#waiting.length >= MAX_WAITING) {
      this.#drop(1, new Error('the line of spans is full'));
      return;
    }
    this.#waiting.push(span);
    this.#running ??= this.#run();
    if (this.#waiting.length === MAX_BATCH) this.#lingering?.abort();
  }

  /** Sends what waits, for at most `timeoutMs`, then drops the rest. */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true;
    this.#lingering?.abort();
    this.#rest?.abort();
    const timer = new AbortController();
    await Promise.race([this.#running, this.#options.clock.sleep(timeoutMs, timer.signal)]);
    timer.abort();
    const left = this.#waiting.splice(0).length + this.#sending;
    this.#sending = 0;
    if (left > 0) this.#drop(left, new Error('there was no time to send the last spans'));
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      if (this.#waiting.length < MAX_BATCH && !this.#closed) {
        this.#lingering = new AbortController();
        await this.#options.clock.sleep(LINGER_MS, this.#lingering.signal);
        this.#lingering = null;
      }
      await this.#send(this.#waiting.splice(0, MAX_BATCH));
    }
    this.#running = null;
  }

  async #send(batch: SpanRecord[]): Promise<void> {
    this.#sending = batch.length;
    try {
      await this.#options.send(batch);
      this.#exported += this.#sending;
      this.#sending = 0;
    } catch (error) {
      // Nothing when closing gave them up already.
      this.#drop(this.#sending, error);
      this.#sending = 0;
      if (this.#closed) {
        // A stopping process does not wait for a collector that is away.
        this.#drop(this.#waiting.splice(0).length, error);
        return;
      }
      this.#rest = new AbortController();
      await this.#options.clock.sleep(REST_AFTER_FAILURE_MS, this.#rest.signal);
      this.#rest = null;
    }
  }

  #drop(count: number, error: unknown): void {
    this.#dropped += count;
    const { clock, logger } = this.#options;
    const now = clock.now();
    if (count === 0 || now - this.#warnedAt < WARN_EVERY_MS) return;
    this.#warnedAt = now;
    logger.warn(
      { error, count: this.#dropped - this.#droppedAtWarning },
      'spans were dropped: the trace collector does not take them',
    );
    this.#droppedAtWarning = this.#dropped;
  }
}
