import {
  ConnectionError,
  ERROR,
  FLAG,
  FRAME,
  http2Error,
  LARGEST_STREAM_ID,
  LARGEST_WINDOW,
  nameOfError,
} from './frame.ts';
import type { Output } from './output.ts';
import { applySettings, defaultSettings } from './peer-settings.ts';
import { RequestWriter } from './request-writer.ts';
import { type Request, type RequestListener, Stream } from './stream.ts';
import { Outflow } from './windows.ts';

/** Told whenever a stream has ended, after the stream's own listener. */
type OnOver = () => void;

/** The streams of a connection, from the request to their end (RFC 9113, 5.1), and all that is written on them. */
export class Streams {
  readonly #output: Output;
  readonly #onOver: OnOver;
  readonly #writer: RequestWriter;
  readonly #outflow = new Outflow();
  readonly #open = new Map<number, Stream>();
  /** Requests that are not written yet, in order. Those that were given up meanwhile are over. */
  #unwritten: Stream[] = [];
  #settings = defaultSettings();
  #nextId: number;
  /** Streams above this id were not processed by the peer (6.8). */
  #lastId = LARGEST_STREAM_ID;
  /** Not over yet, written or not. */
  count = 0;

  constructor(origin: string, output: Output, onOver: OnOver, firstId = 1) {
    this.#nextId = firstId;
    this.#output = output;
    this.#onOver = onOver;
    this.#writer = new RequestWriter(origin);
  }

  get maxConcurrent(): number {
    return this.#settings.maxConcurrentStreams;
  }

  /** Whether there are no more numbers for new ones (5.1.1). */
  get isExhausted(): boolean {
    return this.#nextId > LARGEST_STREAM_ID;
  }

  /** Throws, with a `code`, when the request cannot be written down. */
  add(request: Request, listener: RequestListener): Stream {
    const unfit = this.#writer.check(request, this.#settings.maxHeaderListSize);
    if (unfit) throw unfit;
    const stream = new Stream(request, listener);
    this.#unwritten.push(stream);
    this.count++;
    return stream;
  }

  writeNew(): void {
    const streams = this.#unwritten;
    if (streams.length === 0) return;
    this.#unwritten = [];
    for (const stream of streams) if (!stream.isOver) this.#begin(stream);
  }

  mayHaveProcessed({ id, wasRefused }: Stream): boolean {
    return id !== 0 && id <= this.#lastId && !wasRefused;
  }

  /** The stream, when it is under way. Section 5.1: what we did not begin cannot have anything. */
  find(id: number): Stream | undefined {
    const stream = this.#open.get(id);
    if (!stream && (id % 2 === 0 || id >= this.#nextId))
      throw new ConnectionError(ERROR.protocol, 'something on a stream that there is not');
    return stream;
  }

  /** 6.5.2 and 6.9.2: a new window changes those of the open streams, too. */
  applySettings(payload: Buffer): void {
    const before = this.#settings;
    this.#settings = applySettings(before, payload);
    this.#writer.encoder.limitTable(this.#settings.headerTableSize);
    const growth = this.#settings.initialWindowSize - before.initialWindowSize;
    if (growth === 0) return;
    for (const stream of this.#open.values()) {
      stream.sendWindow += growth;
      if (stream.sendWindow > LARGEST_WINDOW)
        throw new ConnectionError(ERROR.flowControl, 'a window is too large');
    }
  }

  /** Goes on with bodies that wait, where there is room now. */
  resume(): void {
    this.#outflow.resume(this.#output, this.#settings.maxFrameSize);
  }

  /** 6.9. */
  grow(id: number, increment: number): void {
    if (id === 0) {
      this.#outflow.grow(increment);
      this.resume();
      return;
    }
    const stream = this.find(id);
    if (!stream) return;
    stream.sendWindow += increment;
    if (increment === 0) this.reset(stream, ERROR.protocol, 'a window that grows by nothing');
    else if (stream.sendWindow > LARGEST_WINDOW)
      this.reset(stream, ERROR.flowControl, 'a window is too large');
    else if (stream.rest) this.#outflow.send(stream, this.#output, this.#settings.maxFrameSize);
  }

  /** 6.8: what is above the last id may be asked again elsewhere, and what is not written yet never will be here. */
  goAway(lastId: number, error: Error): void {
    // A server may send two: first the highest id there is, then the one that counts.
    this.#lastId = Math.min(this.#lastId, lastId);
    for (const stream of this.#open.values()) if (stream.id > this.#lastId) this.fail(stream, error);
    const unwritten = this.#unwritten;
    this.#unwritten = [];
    for (const stream of unwritten) this.fail(stream, error);
  }

  /** The peer ended it. */
  takeReset(stream: Stream, code: number): void {
    stream.wasRefused = code === ERROR.refusedStream;
    this.fail(stream, http2Error('STREAM_ERROR', `the peer ended the stream (${nameOfError(code)})`));
  }

  end(stream: Stream): void {
    if (stream.isOver) return;
    // Section 8.1: a whole answer to half a request; the other half is not wanted.
    if (stream.rest) this.#writeReset(stream, ERROR.cancel);
    this.#close(stream);
    stream.listener.onEnd();
    this.#onOver();
  }

  /** Ends a stream on which the peer broke the rules (5.4.2). */
  reset(stream: Stream, code: number, why: string): void {
    if (stream.isOver) return;
    this.#writeReset(stream, code);
    this.fail(stream, http2Error('STREAM_ERROR', why));
  }

  cancel(stream: Stream): void {
    if (stream.isOver) return;
    if (stream.id !== 0) this.#writeReset(stream, ERROR.cancel);
    this.#close(stream);
    this.#onOver();
  }

  fail(stream: Stream, error: Error): void {
    if (stream.isOver) return;
    this.#close(stream);
    stream.listener.onFailed(error);
    this.#onOver();
  }

  failAll(error: Error): void {
    const streams = [...this.#open.values(), ...this.#unwritten];
    this.#unwritten = [];
    for (const stream of streams) this.fail(stream, error);
  }

  #begin(stream: Stream): void {
    const { request } = stream;
    if (this.isExhausted) {
      this.fail(stream, http2Error('OUT_OF_STREAMS', 'the connection has no more streams'));
      return;
    }
    stream.id = this.#nextId;
    this.#nextId += 2;
    this.#open.set(stream.id, stream);
    stream.sendWindow = this.#settings.initialWindowSize;
    this.#writer.write(this.#output, stream.id, request, this.#settings.maxFrameSize);
    if (request.body.length > 0) this.#writeBody(stream, request.body);
  }

  /** A text that fits goes straight into the output, without bytes of its own before. */
  #writeBody(stream: Stream, body: string | Uint8Array): void {
    const output = this.#output;
    const { maxFrameSize } = this.#settings;
    const mostBytes = body.length * 3;
    const fits = mostBytes <= maxFrameSize && this.#outflow.takes(stream, mostBytes);
    if (typeof body !== 'string' || !fits) {
      stream.rest = typeof body === 'string' ? Buffer.from(body) : body;
      this.#outflow.send(stream, output, maxFrameSize);
      return;
    }
    const at = output.openFrame();
    output.reserve(mostBytes);
    const size = output.bytes.write(body, output.length, 'utf8');
    output.length += size;
    output.closeFrame(at, FRAME.data, FLAG.endStream, stream.id);
    this.#outflow.use(stream, size);
  }

  #writeReset(stream: Stream, code: number): void {
    this.#output.writeNumberFrame(FRAME.rstStream, stream.id, code);
  }

  #close(stream: Stream): void {
    stream.isOver = true;
    this.count--;
    this.#open.delete(stream.id);
    if (!stream.rest) return;
    this.#outflow.forget(stream);
    stream.rest = null;
  }
}
