import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { LookupFunction } from 'node:net';
import { codedError } from './fault.ts';
import type { Http2Exchange } from './http2-exchange.ts';

/** Even where a peer takes more: what one session loses when it breaks should be bounded. */
const MAX_STREAMS = 500;
const PROBE_EVERY_MS = 60_000;
const PROBE_TIMEOUT_MS = 10_000;
const { NGHTTP2_REFUSED_STREAM, NGHTTP2_NO_ERROR } = constants;

export interface SessionOptions {
  origin: string;
  /** Absent for our own simulator only. */
  lookup: LookupFunction | undefined;
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

/** One HTTP/2 session (RFC 9113). `http://` origins speak it with prior knowledge (3.3), without TLS. */
export class Session {
  readonly #http2: ClientHttp2Session;
  readonly #listener: SessionListener;
  readonly #prober: NodeJS.Timeout;
  /** How many streams at once the peer takes; none before its settings are here. */
  #maxStreams = 0;
  #streams = 0;
  /** Streams above this id were not processed by the peer (RFC 9113, 6.8). */
  #lastStreamId = Number.POSITIVE_INFINITY;
  #goawayCode = NGHTTP2_NO_ERROR;
  #error: Error | null = null;
  #probing: NodeJS.Timeout | null = null;
  isRetired = false;
  /** Whether it ever carried a request. */
  hasServed = false;

  constructor({ origin, lookup, connectTimeoutMs }: SessionOptions, listener: SessionListener) {
    this.#listener = listener;
    this.#http2 = connect(origin, {
      settings: { enablePush: false },
      minVersion: 'TLSv1.2',
      ...(lookup ? { lookup } : {}),
    } as Parameters<typeof connect>[1]);
    this.#prober = setInterval(() => this.probe(), PROBE_EVERY_MS).unref();
    const timer = setTimeout(
      () => this.destroy(codedError('ERR_CONNECT_TIMEOUT', 'connecting took too long')),
      connectTimeoutMs,
    );
    this.#http2
      .on('remoteSettings', ({ maxConcurrentStreams }) => {
        clearTimeout(timer);
        this.#maxStreams = Math.min(maxConcurrentStreams ?? MAX_STREAMS, MAX_STREAMS);
        this.#listener.onRoom(this);
      })
      .on('goaway', (code, lastStreamId) => this.#onGoaway(code, lastStreamId))
      .on('error', (error) => {
        this.#error ??= error;
      })
      .once('close', () => {
        clearTimeout(timer);
        this.#onClose();
      });
  }

  get isOpen(): boolean {
    return this.#maxStreams > 0 && !this.isRetired;
  }

  get streams(): number {
    return this.#streams;
  }

  get hasRoom(): boolean {
    return !this.isRetired && this.#streams < this.#maxStreams;
  }

  start(exchange: Http2Exchange): void {
    const { headers, body } = exchange;
    let stream: ClientHttp2Stream;
    try {
      stream = this.#http2.request(headers, { endStream: body.length === 0 });
    } catch (error) {
      exchange.fail(error as Error);
      return;
    }
    this.hasServed = true;
    this.#streams++;
    exchange.begin(this, stream);
    stream
      .on('response', (head) => exchange.receiveHead(head[':status']!, head as Record<string, string>))
      .on('data', (chunk: Buffer) => exchange.receiveBody(chunk))
      .on('end', () => exchange.receiveEnd())
      .on('error', (error) => exchange.fail(this.#error ?? error))
      .on('close', () => {
        this.#streams--;
        if (!exchange.isSettled)
          exchange.fail(codedError('ERR_HTTP2_STREAM_CLOSED', 'it ended without an answer'));
        if (this.hasRoom) this.#listener.onRoom(this);
      });
    if (body.length > 0) stream.end(body);
  }

  /** RFC 9113, 8.7: refused streams and those above a GOAWAY's last id were not processed; without an id none was sent. */
  mayHaveProcessed(stream: ClientHttp2Stream): boolean {
    if (stream.id === undefined || stream.id > this.#lastStreamId) return false;
    // A GOAWAY's code is put on all streams of the session; then it is not the peer's word on this one.
    return stream.rstCode !== NGHTTP2_REFUSED_STREAM || this.#goawayCode === NGHTTP2_REFUSED_STREAM;
  }

  /** Asks the peer for a sign of life (PING), and ends the session when there is none. */
  probe(): void {
    if (this.#probing || this.#maxStreams === 0 || this.#http2.destroyed) return;
    const timer = setTimeout(
      () => this.destroy(codedError('ETIMEDOUT', 'no answer to a ping')),
      PROBE_TIMEOUT_MS,
    );
    this.#probing = timer.unref();
    this.#http2.ping((error) => {
      clearTimeout(timer);
      if (!error) this.#probing = null;
    });
  }

  /** Takes no new streams and closes when the last one has ended. */
  close(): void {
    this.isRetired = true;
    if (this.#maxStreams === 0) this.destroy();
    else this.#http2.close();
  }

  destroy(error?: Error): void {
    this.isRetired = true;
    this.#http2.destroy(error);
  }

  #onGoaway(code: number, lastStreamId: number): void {
    // A server may send two: first the highest id there is, then the one that counts.
    this.#lastStreamId = Math.min(this.#lastStreamId, lastStreamId);
    this.#goawayCode = code;
    this.isRetired = true;
    this.#listener.onRetired(this);
  }

  #onClose(): void {
    clearInterval(this.#prober);
    if (this.#probing) clearTimeout(this.#probing);
    this.isRetired = true;
    this.#listener.onClosed(this, this.#error);
  }
}
