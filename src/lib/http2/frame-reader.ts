import { ConnectionError, ERROR, FRAME_HEAD_BYTES, SMALLEST_MAX_FRAME_BYTES } from './frame.ts';

/** One frame. Its payload is `bytes[start, end)`, which belongs to whoever takes it. */
export interface Frame {
  type: number;
  flags: number;
  streamId: number;
  bytes: Buffer;
  start: number;
  end: number;
}

/**
 * Cuts what arrives into frames (RFC 9113, 4.1). A frame that arrived in one piece is not copied; one in several pieces
 * is put together in memory of its own, once, however small the pieces are.
 */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => boolean;
  /** Used again for every frame. */
  readonly #frame: Frame = { type: 0, flags: 0, streamId: 0, bytes: Buffer.alloc(0), start: 0, end: 0 };
  /** The head of a frame that is here in part. */
  readonly #head = Buffer.alloc(FRAME_HEAD_BYTES);
  #headSize = 0;
  /** The payload of a frame whose head is here. */
  #payload: Buffer | null = null;
  #payloadSize = 0;

  /** `onFrame` says whether to go on; the frame is only valid while it runs. */
  constructor(onFrame: (frame: Frame) => boolean) {
    this.#onFrame = onFrame;
  }

  /** Throws a ConnectionError when a frame is too large; whatever `onFrame` throws comes through. */
  read(chunk: Buffer): void {
    let at = 0;
    if (this.#headSize > 0) {
      at = this.#fill(chunk);
      if (at < 0) return;
    }
    while (chunk.length - at >= FRAME_HEAD_BYTES) {
      const length = this.#readHead(chunk, at);
      const start = at + FRAME_HEAD_BYTES;
      if (start + length > chunk.length) break;
      at = start + length;
      if (!this.#hand(chunk, start, at)) return;
    }
    if (at < chunk.length) this.#fill(chunk.subarray(at));
  }

  /** Adds to the frame that is here in part. Returns how much it took when the frame is whole, and -1 otherwise. */
  #fill(chunk: Buffer): number {
    let at = 0;
    if (!this.#payload) {
      at = chunk.copy(this.#head, this.#headSize, 0);
      this.#headSize += at;
      if (this.#headSize < FRAME_HEAD_BYTES) return -1;
      this.#payload = Buffer.allocUnsafe(this.#readHead(this.#head, 0));
      this.#payloadSize = 0;
    }
    const copied = chunk.copy(this.#payload, this.#payloadSize, at);
    this.#payloadSize += copied;
    if (this.#payloadSize < this.#payload.length) return -1;
    const payload = this.#payload;
    this.#readHead(this.#head, 0);
    this.#headSize = 0;
    this.#payload = null;
    return this.#hand(payload, 0, payload.length) ? at + copied : -1;
  }

  #readHead(bytes: Buffer, at: number): number {
    const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    if (length > SMALLEST_MAX_FRAME_BYTES) throw new ConnectionError(ERROR.frameSize, 'a frame is too large');
    this.#frame.type = bytes[at + 3]!;
    this.#frame.flags = bytes[at + 4]!;
    this.#frame.streamId = bytes.readUInt32BE(at + 5) & 0x7fffffff;
    return length;
  }

  #hand(bytes: Buffer, start: number, end: number): boolean {
    this.#frame.bytes = bytes;
    this.#frame.start = start;
    this.#frame.end = end;
    return this.#onFrame(this.#frame);
  }
}
