/** One request, and what it is told. */
export interface Request {
  method: string;
  /** RFC 9113, 8.3.1: path and query. */
  path: string;
  /** The path must not stay in anybody's compression table: it names a device, or holds a key. */
  isPathSecret: boolean;
  /** Latin-1 values; names that belong to a connection are refused. */
  headers: Record<string, string>;
  body: string | Uint8Array;
}

/** Called in this order, `onEnd` or `onFailed` last and once. After a `cancel` nothing is called any more. */
export interface RequestListener {
  /** The final answer's status and headers: names in lower case, values that were repeated joined with `, `. */
  onHead(status: number, headers: Record<string, string>): void;
  /** A piece of the body, to keep. */
  onData(chunk: Buffer): void;
  onEnd(): void;
  onFailed(error: Error): void;
}

/** A request under way: what a connection keeps of it. */
export class Stream {
  readonly request: Request;
  readonly listener: RequestListener;
  /** 0 until its headers are handed to the socket. */
  id = 0;
  isOver = false;
  /** The peer said of this very stream that it did nothing (RFC 9113, 8.7). */
  wasRefused = false;
  hasHead = false;
  /** How much of the body the peer takes now; negative when it changed its mind (RFC 9113, 6.9.2). */
  sendWindow = 0;
  /** What is left of the body. */
  rest: Uint8Array | null = null;
  /** Bytes that came in and that the peer was not given back yet. */
  owed = 0;

  constructor(request: Request, listener: RequestListener) {
    this.request = request;
    this.listener = listener;
  }
}
