import { Connection } from '../../lib/http2/connection.ts';
import type { Destination } from '../../lib/http2/dial.ts';
import type { Stream } from '../../lib/http2/stream.ts';
import { codedError } from './fault.ts';
import type { Http2Exchange } from './http2-exchange.ts';

/** Even where a peer takes more: what one session loses when it breaks should be bounded. */
const MAX_STREAMS = 500;
const PROBE_EVERY_MS = 60_000;
const PROBE_TIMEOUT_MS = 10_000;

/** The look-up is absent for our own simulator only. */
export interface SessionOptions extends Destination {
  connectTimeoutMs: number;
}

/** What the pool wants to know of its sessions. */
export interface SessionListener {
  /** There is room for another stream, perhaps the first one. */
  onRoom(session: Session): void;
  /** It takes no new streams any more; those that it has may go on. */
  onRetired(session: Session): void;
  /** It is gone. The error is null when it ended in good order. */
  onClosed(session: Session, error: Error | null): void;
}

/** One HTTP/2 session: a connection, with its room for streams, the time it may take to open, and its signs of life. */
export class Session {
  readonly #connection: Connection;
  readonly #listener: SessionListener;
  readonly #prober: NodeJS.Timeout;
  readonly #opening: NodeJS.Timeout;
  /** How many streams at once there may be; none before the peer's settings are here. */
  #maxStreams = 0;
  #probing: NodeJS.Timeout | null = null;
  isRetired = false;
  /** Whether it ever carried a request. */
  hasServed = false;

  constructor({ connectTimeoutMs, ...destination }: SessionOptions, listener: SessionListener) {
    this.#listener = listener;
    this.#connection = new Connection(destination, {
      onSettings: () => this.#onSettings(),
      onStreamOver: () => {
        if (this.hasRoom) this.#listener.onRoom(this);
      },
      onRetired: () => this.#onRetired(),
      onClose: (error) => this.#onClose(error),
    });
    this.#prober = setInterval(() => this.probe(), PROBE_EVERY_MS).unref();
    this.#opening = setTimeout(
      () => this.destroy(codedError('ERR_CONNECT_TIMEOUT', 'connecting took too long')),
      connectTimeoutMs,
    );
  }

  get isOpen(): boolean {
    return this.#maxStreams > 0 && !this.isRetired;
  }

  get streams(): number {
    return this.#connection.streams;
  }

  get hasRoom(): boolean {
    return !this.isRetired && this.#connection.streams < this.#maxStreams;
  }

  start(exchange: Http2Exchange): void {
    let stream: Stream;
    try {
      stream = this.#connection.request(exchange.request, exchange);
    } catch (error) {
      exchange.fail(error as Error);
      return;
    }
    this.hasServed = true;
    exchange.begin(this, stream);
  }

  cancel(stream: Stream): void {
    this.#connection.cancel(stream);
  }

  /** Refused streams and those above a GOAWAY's last id were not processed; nor were those that were not written. */
  mayHaveProcessed(stream: Stream): boolean {
    return this.#connection.mayHaveProcessed(stream);
  }

  /** Asks the peer for a sign of life, and ends the session when there is none. */
  probe(): void {
    if (this.#probing || this.#maxStreams === 0) return;
    const timer = setTimeout(
      () => this.destroy(codedError('ETIMEDOUT', 'no answer to a ping')),
      PROBE_TIMEOUT_MS,
    );
    this.#probing = timer.unref();
    this.#connection.ping(() => {
      clearTimeout(timer);
      this.#probing = null;
    });
  }

  /** Takes no new streams and closes when the last one has ended. */
  close(): void {
    this.isRetired = true;
    if (this.#maxStreams === 0) this.destroy();
    else this.#connection.close();
  }

  destroy(error: Error | null = null): void {
    this.isRetired = true;
    this.#connection.destroy(error);
  }

  #onSettings(): void {
    clearTimeout(this.#opening);
    this.#maxStreams = Math.min(this.#connection.maxStreams, MAX_STREAMS);
    if (this.hasRoom) this.#listener.onRoom(this);
  }

  /** One that never carried anything says so when it is closed; another one at once would be as useless. */
  #onRetired(): void {
    this.isRetired = true;
    if (this.hasServed) this.#listener.onRetired(this);
  }

  #onClose(error: Error | null): void {
    clearTimeout(this.#opening);
    clearInterval(this.#prober);
    if (this.#probing) clearTimeout(this.#probing);
    this.#listener.onClosed(this, error);
  }
}
