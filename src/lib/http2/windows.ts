import { ConnectionError, DEFAULT_WINDOW, ERROR, FLAG, FRAME, LARGEST_WINDOW } from './frame.ts';
import type { Output } from './output.ts';
import type { Stream } from './stream.ts';

/** What an answer may send before we say more: larger than any vendor's, smaller than what would hurt. */
export const STREAM_WINDOW = 128 * 1024;
/** And all answers of a connection together. */
const CONNECTION_WINDOW = 4 * 1024 * 1024;

/**
 * What the peer may send (RFC 9113, 6.9). All that comes is taken at once, so it is given back as soon as it is half a
 * window: in bulk, since an update for each piece would double the frames.
 */
export class Inflow {
  #owed = 0;

  /** The connection's window cannot be set, only enlarged. */
  open(output: Output): void {
    output.writeNumberFrame(FRAME.windowUpdate, 0, CONNECTION_WINDOW - DEFAULT_WINDOW);
  }

  /** Counts what came in on any stream, known or not. */
  receive(output: Output, bytes: number): void {
    this.#owed += bytes;
    if (this.#owed * 2 < CONNECTION_WINDOW) return;
    output.writeNumberFrame(FRAME.windowUpdate, 0, this.#owed);
    this.#owed = 0;
  }

  /** Counts what came in on a stream that goes on. */
  receiveOn(stream: Stream, output: Output, bytes: number): void {
    stream.owed += bytes;
    if (stream.owed * 2 < STREAM_WINDOW) return;
    output.writeNumberFrame(FRAME.windowUpdate, stream.id, stream.owed);
    stream.owed = 0;
  }
}

/** What we may send (RFC 9113, 6.9): bodies that the peer does not take yet wait here. */
export class Outflow {
  #window = DEFAULT_WINDOW;
  readonly #waiting = new Set<Stream>();

  /** Writes as much of the stream's rest as the peer takes; what is left waits. */
  send(stream: Stream, output: Output, maxFrameBytes: number): void {
    let { rest } = stream;
    while (rest) {
      const room = Math.min(this.#window, stream.sendWindow);
      if (room <= 0) {
        this.#waiting.add(stream);
        break;
      }
      const size = Math.min(rest.length, room, maxFrameBytes);
      const isLast = size === rest.length;
      output.writeFrame(FRAME.data, isLast ? FLAG.endStream : 0, stream.id, rest.subarray(0, size));
      this.use(stream, size);
      rest = isLast ? null : rest.subarray(size);
    }
    stream.rest = rest;
    if (!rest) this.#waiting.delete(stream);
  }

  /** Whether so many bytes can go at once. */
  takes(stream: Stream, bytes: number): boolean {
    return bytes <= this.#window && bytes <= stream.sendWindow;
  }

  use(stream: Stream, bytes: number): void {
    this.#window -= bytes;
    stream.sendWindow -= bytes;
  }

  forget(stream: Stream): void {
    this.#waiting.delete(stream);
  }

  /** Goes on with what waits. */
  resume(output: Output, maxFrameBytes: number): void {
    for (const stream of this.#waiting) {
      if (this.#window <= 0) return;
      this.send(stream, output, maxFrameBytes);
    }
  }

  grow(increment: number): void {
    this.#window += increment;
    if (increment === 0) throw new ConnectionError(ERROR.protocol, 'a window that grows by nothing');
    if (this.#window > LARGEST_WINDOW) throw new ConnectionError(ERROR.flowControl, 'a window is too large');
  }
}
