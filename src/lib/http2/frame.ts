/** RFC 9113, 4.1: length (3 bytes), type, flags, stream (4 bytes). */
export const FRAME_HEAD_BYTES = 9;
/** RFC 9113, 4.2: what everybody takes, and what we take. */
export const SMALLEST_MAX_FRAME_BYTES = 16_384;
export const LARGEST_MAX_FRAME_BYTES = 2 ** 24 - 1;
/** RFC 9113, 6.9.1 and 6.9.2. */
export const LARGEST_WINDOW = 2 ** 31 - 1;
export const DEFAULT_WINDOW = 65_535;
/** RFC 9113, 5.1.1. */
export const LARGEST_STREAM_ID = 2 ** 31 - 1;
/** RFC 9113, 3.4. */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** RFC 9113, 6. */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** RFC 9113, 6.1, 6.2, 6.5 and 6.7. */
export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** RFC 9113, 6.5.2. */
export const SETTING = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

/** RFC 9113, 7. */
export const ERROR = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  enhanceYourCalm: 11,
} as const;

const ERROR_NAMES = new Map<number, string>(Object.entries(ERROR).map(([name, code]) => [code, name]));

export const nameOfError = (code: number) => ERROR_NAMES.get(code) ?? `code ${code}`;

/** The peer broke the rules; the connection ends with a GOAWAY of this code (RFC 9113, 5.4.1). */
export class ConnectionError extends Error {
  override name = 'ConnectionError';
  readonly errorCode: number;
  readonly code = 'ERR_HTTP2_SESSION_ERROR';

  constructor(errorCode: number, message: string) {
    super(message);
    this.errorCode = errorCode;
  }
}

/** An error with a code like those of Node's own HTTP/2. */
export function http2Error(code: string, message: string): Error {
  return Object.assign(new Error(message), { code: `ERR_HTTP2_${code}` });
}
