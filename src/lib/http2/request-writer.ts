import { FLAG, FRAME, FRAME_HEAD_BYTES, http2Error } from './frame.ts';
import { HpackEncoder } from './hpack-encoder.ts';
import type { Output } from './output.ts';
import { FIELD_OVERHEAD } from './static-table.ts';
import type { Request } from './stream.ts';

/** RFC 9113, 8.2.2. */
const OF_THE_CONNECTION = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'host',
  'te',
  'http2-settings',
]);
/** Places in the static table (RFC 7541, appendix A). */
const STATIC_METHODS = new Map([
  ['GET', 2],
  ['POST', 3],
]);
const [STATIC_HTTP, STATIC_HTTPS] = [6, 7];

/** Writes the HEADERS of requests to one origin. */
export class RequestWriter {
  readonly encoder = new HpackEncoder();
  readonly #authority: string;
  readonly #scheme: number;

  constructor(origin: string) {
    const { host, protocol } = new URL(origin);
    this.#authority = host;
    this.#scheme = protocol === 'http:' ? STATIC_HTTP : STATIC_HTTPS;
  }

  /** Why a request cannot be written down; null when it can. */
  check({ headers, path, method }: Request, maxListBytes: number): Error | null {
    let size = 4 * FIELD_OVERHEAD + 38 + this.#authority.length + path.length + method.length;
    for (const name in headers) {
      if (OF_THE_CONNECTION.has(name))
        return http2Error('INVALID_CONNECTION_HEADERS', `${name} is the connection's`);
      size += name.length + headers[name]!.length + FIELD_OVERHEAD;
    }
    return size > maxListBytes
      ? http2Error('INVALID_HEADER_VALUE', 'more headers than the peer takes')
      : null;
  }

  /** Section 6.2; in several frames when the peer takes no larger ones (6.10). */
  write(output: Output, streamId: number, request: Request, maxFrameBytes: number): void {
    const { encoder } = this;
    const { method, path, isPathSecret, headers, body } = request;
    const at = output.openFrame();
    encoder.beginBlock(output);
    const place = STATIC_METHODS.get(method);
    if (place) encoder.writeStatic(output, place);
    else encoder.writeField(output, ':method', method);
    encoder.writeStatic(output, this.#scheme);
    encoder.writeField(output, ':authority', this.#authority);
    encoder.writeField(output, ':path', path, isPathSecret);
    for (const name in headers) encoder.writeField(output, name, headers[name]!);
    const endStream = body.length === 0 ? FLAG.endStream : 0;
    if (output.length - at - FRAME_HEAD_BYTES <= maxFrameBytes) {
      output.closeFrame(at, FRAME.headers, FLAG.endHeaders | endStream, streamId);
      return;
    }
    const block = Buffer.from(output.bytes.subarray(at + FRAME_HEAD_BYTES, output.length));
    output.length = at;
    for (let start = 0; start < block.length; start += maxFrameBytes) {
      const piece = block.subarray(start, start + maxFrameBytes);
      const endHeaders = start + maxFrameBytes >= block.length ? FLAG.endHeaders : 0;
      const type = start === 0 ? FRAME.headers : FRAME.continuation;
      output.writeFrame(type, endHeaders | (start === 0 ? endStream : 0), streamId, piece);
    }
  }
}
