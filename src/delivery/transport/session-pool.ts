import type { Logger } from '../../lib/logger.ts';
import { closedError, codedError } from './fault.ts';
import type { Http2Exchange } from './http2-exchange.ts';
import type { Pool } from './pools.ts';
import { Session, type SessionListener, type SessionOptions } from './session.ts';

const MAX_SESSIONS = 4;
/** Streams on every session before another one is opened. */
const BUSY_STREAMS = 100;

/** Sessions to one origin: more of them under load, new ones for those that end, none with more streams than it takes. */
export class SessionPool implements Pool, SessionListener {
  readonly #options: SessionOptions;
  readonly #logger: Logger | undefined;
  /** All that are not closed, with those that only finish what they have. */
  readonly #sessions = new Set<Session>();
  /** What found no room, in order. */
  readonly #waiting = new Set<Http2Exchange>();
  readonly #drained = Promise.withResolvers<void>();
  #usedAt = performance.now();
  #isClosing = false;

  constructor(options: SessionOptions, logger?: Logger) {
    this.#options = options;
    this.#logger = logger;
  }

  start(exchange: Http2Exchange): void {
    this.#usedAt = performance.now();
    if (this.#isClosing) {
      exchange.fail(closedError());
      return;
    }
    const session = this.#waiting.size === 0 ? this.#pick() : undefined;
    if (session) session.start(exchange);
    else exchange.waitIn(this.#waiting);
    this.#growIfBusy();
  }

  isIdleSince(moment: number): boolean {
    if (this.#usedAt > moment || this.#waiting.size > 0) return false;
    for (const { streams } of this.#sessions) if (streams > 0) return false;
    return true;
  }

  close(): Promise<void> {
    this.#isClosing = true;
    this.#failWaiting(closedError());
    for (const session of this.#sessions) session.close();
    if (this.#sessions.size === 0) this.#drained.resolve();
    return this.#drained.promise;
  }

  destroy(): void {
    for (const session of this.#sessions) session.destroy(closedError());
  }

  onRoom(session: Session): void {
    for (const exchange of this.#waiting) {
      if (!session.hasRoom) break;
      this.#waiting.delete(exchange);
      session.start(exchange);
    }
    this.#growIfBusy();
  }

  onRetired(session: Session): void {
    this.#logger?.debug(
      { host: this.#options.origin, count: session.streams },
      'HTTP/2 session is going away',
    );
    this.#growIfBusy();
  }

  onClosed(session: Session, error: Error | null): void {
    this.#sessions.delete(session);
    if (this.#isClosing && this.#sessions.size === 0) this.#drained.resolve();
    // One that never carried anything would be followed by another one like it, at full speed.
    if (!session.hasServed && !this.#hasPromise()) {
      this.#failWaiting(error ?? codedError('ERR_HTTP2_SESSION_CLOSED', 'the session ended at once'));
    }
    this.#growIfBusy();
  }

  /** The session with the fewest streams among those that have room. */
  #pick(): Session | undefined {
    let best: Session | undefined;
    for (const session of this.#sessions) {
      if (session.hasRoom && (!best || session.streams < best.streams)) best = session;
    }
    return best;
  }

  /** Opens one session at a time: it is seen what the next one is needed for when that one is here. */
  #growIfBusy(): void {
    if (this.#isClosing) return;
    let usable = 0;
    for (const session of this.#sessions) {
      if (session.isRetired) continue;
      if (!session.isOpen || (session.hasRoom && session.streams < BUSY_STREAMS)) return;
      usable++;
    }
    if (usable === MAX_SESSIONS || (usable === 0 && this.#waiting.size === 0)) return;
    this.#sessions.add(new Session(this.#options, this));
  }

  /** Whether a session is there, or on its way, that could take what waits. */
  #hasPromise(): boolean {
    for (const session of this.#sessions) if (!session.isRetired) return true;
    return false;
  }

  #failWaiting(error: Error): void {
    for (const exchange of this.#waiting) {
      this.#waiting.delete(exchange);
      exchange.fail(error);
    }
  }
}
