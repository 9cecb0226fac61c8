import { FieldCollector } from './field-collector.ts';
import { ConnectionError, ERROR, FLAG, FRAME } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import { type FrameListener, FrameRules } from './frame-rules.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import type { Output } from './output.ts';
import type { Stream } from './stream.ts';
import type { Streams } from './streams.ts';
import { Inflow } from './windows.ts';

/** What somebody who asks and asks may have waiting for an answer (CVE-2019-9512, CVE-2019-9515). */
const MAX_WAITING_ANSWERS = 1_000;

/** What concerns the connection and not one of its streams. */
export interface InboundListener {
  onSettings(): void;
  onPong(payload: Buffer): void;
  onGoaway(lastStreamId: number, errorCode: number): void;
  /** False once nothing more is to be read. */
  readonly isReading: boolean;
}

/** What a server says (RFC 9113): streams are told of it, and what wants an answer is answered. */
export class Inbound implements FrameListener {
  readonly #streams: Streams;
  readonly #output: Output;
  readonly #listener: InboundListener;
  readonly #decoder = new HpackDecoder();
  readonly #collector = new FieldCollector();
  readonly #inflow = new Inflow();
  readonly #reader: FrameReader;
  #waitingAnswers = 0;

  constructor(streams: Streams, output: Output, listener: InboundListener) {
    this.#streams = streams;
    this.#output = output;
    this.#listener = listener;
    const rules = new FrameRules(this);
    this.#reader = new FrameReader((frame) => {
      rules.take(frame);
      return listener.isReading;
    });
  }

  /** Throws a ConnectionError or a CompressionError when the peer breaks the rules. */
  read(chunk: Buffer): void {
    this.#reader.read(chunk);
  }

  openWindow(): void {
    this.#inflow.open(this.#output);
  }

  /** What was answered has left. */
  onWritten(): void {
    this.#waitingAnswers = 0;
  }

  onSettings(payload: Buffer): void {
    this.#streams.applySettings(payload);
    this.#answer(FRAME.settings, NOTHING);
    // Behind the acknowledgement (6.5.3): until then the peer holds us to the windows from before.
    this.#streams.resume();
    this.#listener.onSettings();
  }

  onPing(payload: Buffer, isAck: boolean): void {
    if (isAck) this.#listener.onPong(payload);
    else this.#answer(FRAME.ping, payload);
  }

  onGoaway(lastStreamId: number, errorCode: number): void {
    this.#listener.onGoaway(lastStreamId, errorCode);
  }

  onWindowUpdate(streamId: number, increment: number): void {
    this.#streams.grow(streamId, increment);
  }

  onReset(streamId: number, errorCode: number): void {
    const stream = this.#streams.find(streamId);
    if (stream) this.#streams.takeReset(stream, errorCode);
  }

  onBlock(
    streamId: number,
    { bytes, start, end }: { bytes: Buffer; start: number; end: number },
    isEnd: boolean,
  ): void {
    const stream = this.#streams.find(streamId);
    this.#collector.begin();
    // Whoever asked may be gone, but later blocks build on this one.
    this.#decoder.decode(bytes, start, end, this.#collector.add);
    if (!stream) return;
    const fault = this.#collector.fault ?? this.#takeHead(stream, isEnd);
    if (fault) this.#streams.reset(stream, ERROR.protocol, fault);
  }

  onData(streamId: number, content: Buffer, flowBytes: number, isEnd: boolean): void {
    const streams = this.#streams;
    const stream = streams.find(streamId);
    this.#inflow.receive(this.#output, flowBytes);
    if (!stream) return;
    if (!stream.hasHead) {
      streams.reset(stream, ERROR.protocol, 'a body without a head');
      return;
    }
    if (content.length > 0) stream.listener.onData(content);
    if (isEnd) streams.end(stream);
    else if (!stream.isOver) this.#inflow.receiveOn(stream, this.#output, flowBytes);
  }

  /** Returns what is wrong with it (8.1.1). */
  #takeHead(stream: Stream, isEnd: boolean): string | null {
    const { status, headers } = this.#collector;
    if (stream.hasHead) {
      // Trailers (8.1), which say nothing that anybody here wants to know.
      if (!isEnd || status !== 0) return 'a second head';
    } else {
      if (status === 0) return 'a head without a status';
      // Sections 8.1 and 8.6: any number of interim answers, but never to change the protocol.
      if (status < 200) return isEnd || status === 101 ? 'an interim answer that is the last one' : null;
      stream.hasHead = true;
      stream.listener.onHead(status, headers);
    }
    if (isEnd) this.#streams.end(stream);
    return null;
  }

  #answer(type: number, payload: Uint8Array): void {
    this.#output.writeFrame(type, FLAG.ack, 0, payload);
    if (++this.#waitingAnswers > MAX_WAITING_ANSWERS)
      throw new ConnectionError(ERROR.enhanceYourCalm, 'too many questions');
  }
}

const NOTHING = Buffer.alloc(0);
