import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Wake } from '../queue/index.ts';
import type { Store } from '../store/index.ts';
import type { Metrics } from '../telemetry/index.ts';
import { EventStream, PING, renderRetry, type StreamResponse } from './event-stream.ts';
import { type Audience, readNews, type Telling } from './news.ts';
import type { InboxKey } from './store.ts';
import { bucketOf, bucketOfTopic } from './topic.ts';

const TICK_MS = 1_000;
const PING_EVERY_MS = 20_000;
/** A look at the cursors of all watched inboxes, in case a signal was lost. */
const LOOK_EVERY_MS = 30_000;
/** While signals of other processes may be missed. */
const DEAF_LOOK_EVERY_MS = 2_000;
/** Changes that come closer together are read together. */
const GATHER_MS = 10;
const AFTER_ERROR_MS = 1_000;
const MAX_PER_READ = 500;
const MAX_STREAMS_PER_USER = 10;
/** Browsers come back after this time and up to twice as long, so that not all come at once. */
const RETRY_MS = 1_000;

export interface StreamsOptions {
  store: Pick<Store, 'api'>;
  clock: Clock;
  logger: Logger;
  wake: Pick<Wake, 'on' | 'isComplete'>;
  metrics?: Metrics;
  random(): number;
}

export interface Opening {
  inbox: InboxKey;
  /** The last change that the reader knows of. */
  after: number;
  /** Milliseconds since the epoch. */
  until: number;
  response: StreamResponse;
}

/**
 * The streams of this process. One reader for all of them looks only when something was signalled, at the inboxes it may
 * concern; without a stream there is no timer and no statement.
 */
export class Streams {
  readonly #options: StreamsOptions;
  readonly #audiences = new Map<string, Audience>();
  readonly #buckets = new Map<string, Set<Audience>>();
  readonly #dirty = new Set<Audience>();
  #count = 0;
  #isClosed = false;
  #off: (() => void) | null = null;
  #ticking: AbortController | null = null;
  #reading: Promise<void> | null = null;

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#count;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  hasRoomFor(inbox: InboxKey): boolean {
    return (this.#audiences.get(nameOf(inbox))?.streams.size ?? 0) < MAX_STREAMS_PER_USER;
  }

  /** Tells the reader what he missed, and from then on what comes. */
  open({ inbox, after, until, response }: Opening): void {
    // Gone while its question was answered: nothing would ever tell.
    if (response.destroyed) return;
    const stream = new EventStream(response, { after, until });
    const audience = this.#audienceOf(inbox);
    audience.streams.add(stream);
    this.#count++;
    this.#options.metrics?.inboxStreams.set(this.#count);
    response.on('close', () => this.#forget(audience, stream));
    this.#startTicking();
    stream.write(renderRetry(RETRY_MS * (1 + this.#options.random())));
    this.#concern([audience]);
  }

  /** Ends all streams, and takes no new ones. Readers come back to another process, or to this one's successor. */
  close(): void {
    this.#isClosed = true;
    for (const audience of [...this.#audiences.values()]) {
      for (const stream of audience.streams) stream.end();
    }
  }

  /** Resolves when what was signalled until now is told. */
  async settled(): Promise<void> {
    while (this.#reading) await this.#reading;
  }

  #audienceOf(inbox: InboxKey): Audience {
    const name = nameOf(inbox);
    const known = this.#audiences.get(name);
    if (known) return known;
    const audience: Audience = {
      inbox,
      streams: new Set(),
      lookedAt: this.#options.clock.now(),
      nextExpiry: Number.POSITIVE_INFINITY,
    };
    this.#audiences.set(name, audience);
    const bucket = bucketOf(inbox.userId);
    const others = this.#buckets.get(bucket);
    if (others) others.add(audience);
    else this.#buckets.set(bucket, new Set([audience]));
    return audience;
  }

  #forget(audience: Audience, stream: EventStream): void {
    if (!audience.streams.delete(stream)) return;
    this.#count--;
    this.#options.metrics?.inboxStreams.set(this.#count);
    if (audience.streams.size === 0) {
      this.#audiences.delete(nameOf(audience.inbox));
      this.#dirty.delete(audience);
      const bucket = bucketOf(audience.inbox.userId);
      this.#buckets.get(bucket)?.delete(audience);
      if (this.#buckets.get(bucket)?.size === 0) this.#buckets.delete(bucket);
    }
    if (this.#count === 0) this.#stopTicking();
  }

  #startTicking(): void {
    if (this.#ticking) return;
    this.#ticking = new AbortController();
    this.#off = this.#options.wake.on((topic) => {
      const bucket = bucketOfTopic(topic);
      if (bucket !== null) this.#concern(this.#buckets.get(bucket) ?? []);
    });
    void this.#tick(this.#ticking.signal);
  }

  #stopTicking(): void {
    this.#ticking?.abort();
    this.#ticking = null;
    this.#off?.();
    this.#off = null;
  }

  /** One timer for all streams: the ends of rights and of items, signs of life, and looks in case a signal was lost. */
  async #tick(signal: AbortSignal): Promise<void> {
    const { clock, wake } = this.#options;
    let [pingedAt, lookedAt] = [clock.now(), clock.now()];
    for (;;) {
      await clock.sleep(TICK_MS, signal);
      if (signal.aborted) return;
      const now = clock.now();
      const isPing = now - pingedAt >= PING_EVERY_MS;
      if (isPing) pingedAt = now;
      const isLook = now - lookedAt >= (wake.isComplete ? LOOK_EVERY_MS : DEAF_LOOK_EVERY_MS);
      if (isLook) lookedAt = now;
      const concerned: Audience[] = [];
      for (const audience of [...this.#audiences.values()]) {
        for (const stream of audience.streams) {
          if (stream.until <= now) stream.end();
          else if (isPing) this.#write(stream, PING);
        }
        if (isLook || audience.nextExpiry <= now) concerned.push(audience);
      }
      this.#concern(concerned);
    }
  }

  #concern(audiences: Iterable<Audience>): void {
    for (const audience of audiences) this.#dirty.add(audience);
    if (this.#dirty.size === 0 || this.#reading) return;
    this.#reading = this.#read().finally(() => {
      this.#reading = null;
      // What was signalled in the very moment of the end.
      this.#concern([]);
    });
  }

  async #read(): Promise<void> {
    const { store, clock, logger } = this.#options;
    while (this.#dirty.size > 0) {
      const audiences = [...this.#dirty].slice(0, MAX_PER_READ);
      for (const audience of audiences) this.#dirty.delete(audience);
      try {
        for (const telling of await readNews(store.api, audiences, clock.now())) this.#tell(telling);
        await gather();
      } catch (error) {
        logger.warn(
          { error, count: audiences.length },
          'inbox streams could not be told the news; trying again',
        );
        await clock.sleep(AFTER_ERROR_MS, this.#ticking?.signal);
        for (const audience of audiences) if (audience.streams.size > 0) this.#dirty.add(audience);
      }
    }
  }

  #tell({ stream, text, after, events }: Telling): void {
    stream.after = after;
    stream.isGreeted = true;
    if (text === '') return;
    this.#write(stream, text);
    for (const event of events) this.#options.metrics?.inboxEvents.inc({ event });
  }

  #write(stream: EventStream, text: string): void {
    if (stream.write(text)) return;
    this.#options.metrics?.inboxStreamsDropped.inc();
    stream.drop();
  }
}

/** A pause of the machine, not of the tests' clock. */
function gather(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, GATHER_MS).unref());
}

function nameOf({ tenantId, userId, live }: InboxKey): string {
  return `${tenantId} ${userId} ${live}`;
}
