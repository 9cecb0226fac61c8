import type { ServerResponse } from 'node:http';

/** The part of a response that a stream needs. */
export type StreamResponse = Pick<
  ServerResponse,
  'write' | 'end' | 'destroy' | 'on' | 'writableLength' | 'destroyed'
>;

/** Of what was written before, when there is more to write. Who is slower gets a new start, not our memory. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/** What tells proxies and browsers to pass every event on at once. */
export const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
  // Nothing follows a stream on its connection, so a process that stops waits for none.
  connection: 'close',
};

/** An event as https://html.spec.whatwg.org/multipage/server-sent-events.html has it; JSON has no line breaks. Pure. */
export function renderEvent(event: string, data: object, id?: number): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** How long a browser waits before it comes back (ms). Pure. */
export function renderRetry(ms: number): string {
  return `retry: ${Math.round(ms)}\n\n`;
}

export const PING = ': ping\n\n';

/** One browser that listens. */
export class EventStream {
  /** The last change it was told of. */
  after: number;
  /** It knows how full the inbox is. */
  isGreeted = false;
  /** Milliseconds since the epoch at which its right to listen ends. */
  readonly until: number;
  readonly #response: StreamResponse;

  constructor(response: StreamResponse, { after, until }: { after: number; until: number }) {
    this.#response = response;
    this.after = after;
    this.until = until;
  }

  /** The reader went away. */
  get isGone(): boolean {
    return this.#response.destroyed;
  }

  /** False when the reader is too slow to go on. */
  write(text: string): boolean {
    if (this.isGone) return true;
    if (this.#response.writableLength > MAX_UNREAD_BYTES) return false;
    this.#response.write(text);
    return true;
  }

  /** Waits for nobody who is slow to take what was written. */
  end(): void {
    if (this.#response.writableLength > 0) this.#response.destroy();
    else this.#response.end();
  }

  drop(): void {
    this.#response.destroy();
  }
}
