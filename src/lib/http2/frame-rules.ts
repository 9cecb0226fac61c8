import { ConnectionError, ERROR, FLAG, FRAME, LARGEST_WINDOW } from './frame.ts';
import type { Frame } from './frame-reader.ts';

/** What a server's frames say, once they are known to be well-formed. */
export interface FrameListener {
  onSettings(payload: Buffer): void;
  onPing(payload: Buffer, isAck: boolean): void;
  onGoaway(lastStreamId: number, errorCode: number): void;
  /** Stream 0 is the connection. */
  onWindowUpdate(streamId: number, increment: number): void;
  onReset(streamId: number, errorCode: number): void;
  /** A whole header block, `bytes[start, end)`. */
  onBlock(streamId: number, block: { bytes: Buffer; start: number; end: number }, isEnd: boolean): void;
  /** `flowBytes`: what counts against the windows, which is the padding too. */
  onData(streamId: number, content: Buffer, flowBytes: number, isEnd: boolean): void;
}

/** Of a header block, compressed. More than we say that we take, since a block may be larger than the list that it is. */
const MAX_BLOCK_BYTES = 128 * 1024;
/** CVE-2024-27316 and its kin: a block in endless little pieces. */
const MAX_CONTINUATIONS = 32;

interface OpenBlock {
  streamId: number;
  isEnd: boolean;
  pieces: Buffer[];
  size: number;
}

/** Checks each frame by itself and against the one before (RFC 9113, 6), and puts header blocks together (4.3). */
export class FrameRules {
  readonly #listener: FrameListener;
  #open: OpenBlock | null = null;
  #isFirst = true;

  constructor(listener: FrameListener) {
    this.#listener = listener;
  }

  /** Throws a ConnectionError when the frame breaks the rules. */
  take(frame: Frame): void {
    if (this.#isFirst) {
      // Section 3.4.
      if (frame.type !== FRAME.settings || (frame.flags & FLAG.ack) !== 0)
        throw new ConnectionError(ERROR.protocol, 'it does not begin like HTTP/2');
      this.#isFirst = false;
    }
    if (this.#open && (frame.type !== FRAME.continuation || frame.streamId !== this.#open.streamId))
      throw new ConnectionError(ERROR.protocol, 'something in the middle of a header block');
    switch (frame.type) {
      case FRAME.data:
        this.#takeData(frame);
        break;
      case FRAME.headers:
        this.#takeHeaders(frame);
        break;
      case FRAME.continuation:
        this.#takeContinuation(frame);
        break;
      case FRAME.settings:
        this.#takeSettings(frame);
        break;
      case FRAME.goaway:
        this.#takeGoaway(frame);
        break;
      case FRAME.pushPromise:
        throw new ConnectionError(ERROR.protocol, 'a push, which we did not allow');
      default:
        this.#takeSmall(frame);
    }
  }

  /** Those of one field. Section 5.5: what is not known is ignored, and so is PRIORITY (5.3.2). */
  #takeSmall(frame: Frame): void {
    const { type, flags, streamId, bytes, start } = frame;
    if (type === FRAME.rstStream) {
      requireStream(frame);
      requireBytes(frame, 4);
      this.#listener.onReset(streamId, bytes.readUInt32BE(start));
    } else if (type === FRAME.windowUpdate) {
      requireBytes(frame, 4);
      this.#listener.onWindowUpdate(streamId, bytes.readUInt32BE(start) & LARGEST_WINDOW);
    } else if (type === FRAME.ping) {
      requireConnection(frame);
      requireBytes(frame, 8);
      this.#listener.onPing(payloadOf(frame), (flags & FLAG.ack) !== 0);
    }
  }

  #takeSettings(frame: Frame): void {
    requireConnection(frame);
    if ((frame.flags & FLAG.ack) !== 0) requireBytes(frame, 0);
    else this.#listener.onSettings(payloadOf(frame));
  }

  #takeGoaway({ bytes, start, end, streamId }: Frame): void {
    if (streamId !== 0) throw new ConnectionError(ERROR.protocol, 'a frame of the connection on a stream');
    if (end - start < 8) throw new ConnectionError(ERROR.frameSize, 'half a GOAWAY');
    this.#listener.onGoaway(bytes.readUInt32BE(start) & LARGEST_WINDOW, bytes.readUInt32BE(start + 4));
  }

  #takeData(frame: Frame): void {
    requireStream(frame);
    const { bytes, streamId, flags } = frame;
    const flowBytes = frame.end - frame.start;
    const padding = stripPadding(frame);
    const content = bytes.subarray(frame.start + padding.before, frame.end - padding.after);
    this.#listener.onData(streamId, content, flowBytes, (flags & FLAG.endStream) !== 0);
  }

  #takeHeaders(frame: Frame): void {
    requireStream(frame);
    const { bytes, streamId, flags } = frame;
    const padding = stripPadding(frame);
    const start = frame.start + padding.before + ((flags & FLAG.priority) !== 0 ? 5 : 0);
    const end = frame.end - padding.after;
    if (start > end) throw new ConnectionError(ERROR.protocol, 'more padding than there is');
    const isEnd = (flags & FLAG.endStream) !== 0;
    if ((flags & FLAG.endHeaders) !== 0) this.#listener.onBlock(streamId, { bytes, start, end }, isEnd);
    else this.#open = { streamId, isEnd, pieces: [bytes.subarray(start, end)], size: end - start };
  }

  #takeContinuation(frame: Frame): void {
    const open = this.#open;
    if (!open) throw new ConnectionError(ERROR.protocol, 'the continuation of nothing');
    open.size += frame.end - frame.start;
    open.pieces.push(payloadOf(frame));
    if (open.size > MAX_BLOCK_BYTES || open.pieces.length > MAX_CONTINUATIONS)
      throw new ConnectionError(ERROR.enhanceYourCalm, 'a header block without end');
    if ((frame.flags & FLAG.endHeaders) === 0) return;
    this.#open = null;
    const bytes = Buffer.concat(open.pieces);
    this.#listener.onBlock(open.streamId, { bytes, start: 0, end: bytes.length }, open.isEnd);
  }
}

function requireStream({ streamId }: Frame): void {
  if (streamId === 0) throw new ConnectionError(ERROR.protocol, 'a frame of a stream on the connection');
}

function requireConnection({ streamId }: Frame): void {
  if (streamId !== 0) throw new ConnectionError(ERROR.protocol, 'a frame of the connection on a stream');
}

function requireBytes({ start, end }: Frame, bytes: number): void {
  if (end - start !== bytes) throw new ConnectionError(ERROR.frameSize, 'a frame of the wrong size');
}

const payloadOf = ({ bytes, start, end }: Frame) => bytes.subarray(start, end);

const NO_PADDING = { before: 0, after: 0 };

/** Sections 6.1 and 6.2: the length of the padding stands before, the padding itself behind. */
function stripPadding({ bytes, start, end, flags }: Frame): { before: number; after: number } {
  if ((flags & FLAG.padded) === 0) return NO_PADDING;
  if (start === end) throw new ConnectionError(ERROR.frameSize, 'padding of no length');
  const after = bytes[start]!;
  if (after >= end - start) throw new ConnectionError(ERROR.protocol, 'more padding than there is');
  return { before: 1, after };
}
