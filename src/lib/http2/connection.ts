import type { Socket } from 'node:net';
import { type Destination, dial } from './dial.ts';
import { MAX_HEADER_LIST_BYTES } from './field-collector.ts';
import { ConnectionError, ERROR, FRAME, http2Error, nameOfError, PREFACE, SETTING } from './frame.ts';
import { CompressionError } from './hpack-decoder.ts';
import { Inbound } from './inbound.ts';
import { Output } from './output.ts';
import type { Request, RequestListener, Stream } from './stream.ts';
import { Streams } from './streams.ts';
import { STREAM_WINDOW } from './windows.ts';

/** For which a peer that does not even read its farewell is waited for. */
const FAREWELL_MS = 1_000;

/** What the owner of a connection wants to know. */
export interface ConnectionListener {
  /** The peer's settings are here, or are others now. Before the first ones no request may be started. */
  onSettings(): void;
  /** A stream has ended, and there may be room for another one. */
  onStreamOver(): void;
  /** No new streams from here on; those that are under way may go on. */
  onRetired(): void;
  /** It is gone, and all its streams have ended. The error is null when it ended in good order. */
  onClose(error: Error | null): void;
}

/**
 * The client's side of one HTTP/2 connection (RFC 9113, HPACK in RFC 7541), made for many small requests: what is asked
 * for in one turn of the event loop leaves in one write, and a stream is no more than a record and four callbacks. There
 * is no push, no priority, and no body that is read or written little by little.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #listener: ConnectionListener;
  readonly #output = new Output();
  readonly #streams: Streams;
  readonly #inbound: Inbound;
  #isOpen = false;
  #isFlushPlanned = false;
  /** The socket took what it can hold. */
  #isFull = false;
  #isRetired = false;
  #isClosed = false;
  #onPong: (() => void) | null = null;
  #error: Error | null = null;
  #farewell: NodeJS.Timeout | null = null;

  constructor(destination: Destination, listener: ConnectionListener) {
    this.#listener = listener;
    this.#streams = new Streams(destination.origin, this.#output, () => this.#onStreamOver());
    this.#inbound = this.#createInbound();
    this.#socket = dial(destination, () => this.#open())
      .on('data', (chunk: Buffer) => this.#read(chunk))
      .on('drain', () => {
        this.#isFull = false;
        this.#flush();
      })
      .on('error', (error) => {
        this.#error ??= error;
      })
      // A peer that says nothing more answers nothing more, though it may close later.
      .once('end', () => this.destroy(null))
      .once('close', () => this.#onClosed());
  }

  /** Streams under way, those that are not written yet among them. */
  get streams(): number {
    return this.#streams.count;
  }

  /** As many streams at once the peer takes. */
  get maxStreams(): number {
    return this.#streams.maxConcurrent;
  }

  /** Starts a request; those of one turn leave together, in order. Throws, with a `code`, what cannot be written down. */
  request(request: Request, listener: RequestListener): Stream {
    if (this.#isRetired) throw http2Error('INVALID_SESSION', 'the connection takes no more requests');
    const stream = this.#streams.add(request, listener);
    this.#planFlush();
    return stream;
  }

  /** Gives a request up: one that was not written yet never will be, and of another one the peer is told (CANCEL). */
  cancel(stream: Stream): void {
    this.#streams.cancel(stream);
    this.#planFlush();
  }

  /** Whether the peer can have seen a request and acted on it (8.7). */
  mayHaveProcessed(stream: Stream): boolean {
    return this.#streams.mayHaveProcessed(stream);
  }

  /** Asks for a sign of life (6.7). */
  ping(onPong: () => void): void {
    this.#onPong = onPong;
    this.#output.writeFrame(FRAME.ping, 0, 0, PING_CONTENT);
    this.#planFlush();
  }

  /** Takes nothing new and closes when the last stream has ended. */
  close(): void {
    this.#retire();
    this.#closeIfDone();
  }

  /** Closes at once. What is under way fails with the error. */
  destroy(error: Error | null): void {
    this.#error ??= error;
    this.#socket.destroy();
    this.#failAll();
  }

  #open(): void {
    const output = this.#output;
    output.length = PREFACE.copy(output.bytes);
    output.writeFrame(FRAME.settings, 0, 0, OUR_SETTINGS);
    this.#inbound.openWindow();
    this.#isOpen = true;
    this.#flush();
  }

  #planFlush(): void {
    if (this.#isFlushPlanned || this.#isFull || !this.#isOpen) return;
    this.#isFlushPlanned = true;
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    this.#isFlushPlanned = false;
    if (this.#isFull || this.#isClosed) return;
    this.#streams.writeNew();
    if (this.#streams.isExhausted) this.#retire();
    if (this.#output.length === 0) return;
    this.#inbound.onWritten();
    this.#isFull = !this.#socket.write(this.#output.take());
  };

  #read(chunk: Buffer): void {
    if (this.#isClosed) return;
    try {
      this.#inbound.read(chunk);
    } catch (error) {
      this.#breakOff(error as Error);
    }
    if (this.#output.length > 0) this.#planFlush();
  }

  #createInbound(): Inbound {
    const connection = this;
    return new Inbound(this.#streams, this.#output, {
      get isReading() {
        return !connection.#isClosed;
      },
      onSettings: () => this.#listener.onSettings(),
      onPong: (payload) => this.#takePong(payload),
      onGoaway: (lastStreamId, code) => this.#takeGoaway(lastStreamId, code),
    });
  }

  #takePong(payload: Buffer): void {
    if (!payload.equals(PING_CONTENT)) return;
    this.#onPong?.();
    this.#onPong = null;
  }

  #takeGoaway(lastStreamId: number, code: number): void {
    const error = http2Error('GOAWAY_SESSION', `the peer is going away (${nameOfError(code)})`);
    this.#retire();
    this.#streams.goAway(lastStreamId, error);
    // Section 5.4.1: after an error the peer closes, and answers nothing any more.
    if (code === ERROR.none) this.#closeIfDone();
    else this.destroy(error);
  }

  #onStreamOver(): void {
    this.#listener.onStreamOver();
    if (this.#isRetired) this.#closeIfDone();
  }

  #retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    this.#listener.onRetired();
  }

  #closeIfDone(): void {
    if (this.#isClosed || this.#streams.count > 0) return;
    this.#isClosed = true;
    this.#sayFarewell(ERROR.none);
  }

  /** Section 5.4.1: tells the peer why, and ends the connection. */
  #breakOff(error: Error): void {
    this.#error ??= error;
    this.#isClosed = true;
    if (error instanceof ConnectionError) this.#sayFarewell(error.errorCode);
    else this.#sayFarewell(error instanceof CompressionError ? ERROR.compression : ERROR.internal);
    this.#failAll();
  }

  #sayFarewell(code: number): void {
    if (!this.#isOpen || this.#socket.destroyed) {
      this.#socket.destroy();
      return;
    }
    const farewell = Buffer.alloc(8);
    farewell.writeUInt32BE(code, 4);
    this.#output.writeFrame(FRAME.goaway, 0, 0, farewell);
    this.#socket.write(this.#output.take());
    this.#socket.destroySoon();
    this.#farewell = setTimeout(() => this.#socket.destroy(), FAREWELL_MS).unref();
  }

  #failAll(): void {
    this.#isClosed = true;
    this.#retire();
    this.#streams.failAll(
      this.#error ?? http2Error('STREAM_CLOSED', 'the connection ended without an answer'),
    );
  }

  #onClosed(): void {
    if (this.#farewell) clearTimeout(this.#farewell);
    this.#failAll();
    this.#listener.onClose(this.#error);
  }
}

const PING_CONTENT = Buffer.from('liveness');
const OUR_SETTINGS = buildSettings([
  [SETTING.enablePush, 0],
  [SETTING.initialWindowSize, STREAM_WINDOW],
  [SETTING.maxHeaderListSize, MAX_HEADER_LIST_BYTES],
]);

function buildSettings(settings: [id: number, value: number][]): Buffer {
  const payload = Buffer.alloc(settings.length * 6);
  for (const [index, [id, value]] of settings.entries()) {
    payload.writeUInt16BE(id, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  }
  return payload;
}
