import { FRAME_HEAD_BYTES } from './frame.ts';

const SMALLEST_BYTES = 16_384;
const FEW_BYTES = 2_048;

/** Bytes that will leave in one write: grows as needed, and is given away whole. */
export class Output {
  bytes: Buffer = Buffer.allocUnsafeSlow(SMALLEST_BYTES);
  length = 0;

  /** Makes room for so many more bytes. */
  reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  /** All that was written. What is written next goes into other memory. */
  take(): Buffer {
    if (this.length <= FEW_BYTES) return this.#takeFew();
    const taken = this.bytes.subarray(0, this.length);
    const isMostlyEmpty = this.length * 8 < this.bytes.length;
    this.bytes = Buffer.allocUnsafeSlow(
      isMostlyEmpty ? Math.max(SMALLEST_BYTES, this.bytes.length / 2) : this.bytes.length,
    );
    this.length = 0;
    return taken;
  }

  /** A copy out of Node's pool costs less than new memory. */
  #takeFew(): Buffer {
    const taken = Buffer.from(this.bytes.subarray(0, this.length));
    this.length = 0;
    return taken;
  }

  /** Leaves room for a frame's head and returns where it goes, since the length is known when the payload is. */
  openFrame(): number {
    this.reserve(FRAME_HEAD_BYTES);
    const at = this.length;
    this.length += FRAME_HEAD_BYTES;
    return at;
  }

  /** Writes the head (RFC 9113, 4.1) of the frame that was opened at `at` and ends here. */
  closeFrame(at: number, type: number, flags: number, streamId: number): void {
    this.#writeHead(at, this.length - at - FRAME_HEAD_BYTES, type, flags, streamId);
  }

  writeFrame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    const at = this.openFrame();
    this.reserve(payload.length);
    this.bytes.set(payload, this.length);
    this.length += payload.length;
    this.closeFrame(at, type, flags, streamId);
  }

  /** A frame whose payload is one number of four bytes: RST_STREAM, WINDOW_UPDATE. */
  writeNumberFrame(type: number, streamId: number, value: number): void {
    const at = this.openFrame();
    this.reserve(4);
    this.length = this.bytes.writeUInt32BE(value, this.length);
    this.closeFrame(at, type, 0, streamId);
  }

  #writeHead(at: number, length: number, type: number, flags: number, streamId: number): void {
    const { bytes } = this;
    bytes[at] = length >>> 16;
    bytes[at + 1] = length >>> 8;
    bytes[at + 2] = length;
    bytes[at + 3] = type;
    bytes[at + 4] = flags;
    bytes[at + 5] = streamId >>> 24;
    bytes[at + 6] = streamId >>> 16;
    bytes[at + 7] = streamId >>> 8;
    bytes[at + 8] = streamId;
  }
}
