import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import type { Lookup } from '../../lib/egress.ts';
import type { HttpResponse } from '../../providers/index.ts';
import { judgeFault, MAX_ANSWER_BYTES, type Sent } from './transport.ts';

const MAX_SESSIONS = 4;
/** Streams on every session before another one is opened. */
const BUSY_STREAMS = 100;
const PING_EVERY_MS = 60_000;
const PING_TIMEOUT_MS = 10_000;
const DEADLINE_TICK_MS = 250;
const { NGHTTP2_REFUSED_STREAM, NGHTTP2_CANCEL } = constants;

interface Session {
  http2: ClientHttp2Session;
  ready: Promise<void>;
  isOpen: boolean;
  streams: Set<Exchange>;
  /** Streams above this id were not processed by the peer (RFC 9113, 6.8). */
  lastStreamId: number;
}

interface Exchange {
  stream: ClientHttp2Stream;
  deadlineAt: number;
  finish(result: Sent<HttpResponse>): void;
}

type Result = Sent<HttpResponse>;

/** Several HTTP/2 sessions to one origin. Opens more under load, replaces those that end, keeps to the peer's limits. */
export class SessionPool {
  readonly #origin: string;
  readonly #options: { lookup: Lookup | undefined; connectTimeoutMs: number };
  #sessions: Session[] = [];
  #usedAt = performance.now();
  #ticker: NodeJS.Timeout | null = null;
  #pingAt = performance.now() + PING_EVERY_MS;
  #waiting: (() => void)[] = [];

  constructor(origin: string, options: { lookup: Lookup | undefined; connectTimeoutMs: number }) {
    this.#origin = origin;
    this.#options = options;
  }

  isIdleSince(moment: number): boolean {
    return this.#usedAt < moment && this.#sessions.every((session) => session.streams.size === 0);
  }

  /** One request; its result is a reply, or a fault judged by whether the peer can have processed it. */
  async exchange(
    headers: Record<string, string>,
    body: string | Uint8Array,
    deadlineMs: number,
  ): Promise<Result> {
    this.#usedAt = performance.now();
    const deadlineAt = this.#usedAt + deadlineMs;
    for (;;) {
      const session = this.#pick();
      if (!session.isOpen) {
        try {
          await session.ready;
        } catch (error) {
          return judgeFault(error as Error, false);
        }
      }
      if (session.isOpen && this.#hasRoom(session)) return this.#start(session, headers, body, deadlineAt);
      if (performance.now() >= deadlineAt)
        return judgeFault(timeout('no free stream within the deadline'), false);
      // The peer allows no more streams for now: wait for one to end.
      if (session.isOpen) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  close(): void {
    for (const session of this.#sessions) {
      if (session.streams.size === 0) session.http2.destroy();
      else session.http2.close();
    }
    this.#sessions = [];
    if (this.#ticker) clearInterval(this.#ticker);
    this.#ticker = null;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #pick(): Session {
    let best: Session | undefined;
    for (const session of this.#sessions) {
      if (!best || session.streams.size < best.streams.size) best = session;
    }
    const isBusy = best && (best.streams.size >= BUSY_STREAMS || (best.isOpen && !this.#hasRoom(best)));
    if (best && !(isBusy && this.#sessions.length < MAX_SESSIONS)) return best;
    const opened = this.#open();
    // While the new session connects, the others go on.
    return best?.isOpen && this.#hasRoom(best) ? best : opened;
  }

  #hasRoom({ http2, streams }: Session): boolean {
    return streams.size < (http2.remoteSettings?.maxConcurrentStreams ?? BUSY_STREAMS);
  }

  #open(): Session {
    const http2 = connect(this.#origin, {
      minVersion: 'TLSv1.2',
      ...(this.#options.lookup ? { lookup: this.#options.lookup } : {}),
    } as Parameters<typeof connect>[1]);
    const opening = Promise.withResolvers<void>();
    const session: Session = {
      http2,
      ready: opening.promise,
      isOpen: false,
      streams: new Set(),
      lastStreamId: Number.POSITIVE_INFINITY,
    };
    opening.promise.catch(() => {});
    const timer = setTimeout(
      () => http2.destroy(timeout('connecting took too long')),
      this.#options.connectTimeoutMs,
    );
    // The peer's settings come first: before them its limit on streams is not known.
    http2.once('remoteSettings', () => {
      clearTimeout(timer);
      session.isOpen = true;
      opening.resolve();
    });
    http2.on('goaway', (_code, lastStreamId) => {
      session.lastStreamId = Math.min(session.lastStreamId, lastStreamId);
      this.#retire(session);
    });
    http2.on('error', (error) => opening.reject(error));
    http2.once('close', () => {
      clearTimeout(timer);
      opening.reject(Object.assign(new Error('the session ended'), { code: 'ERR_HTTP2_SESSION_CLOSED' }));
      this.#retire(session);
    });
    this.#sessions.push(session);
    this.#ticker ??= setInterval(() => this.#tick(), DEADLINE_TICK_MS).unref();
    return session;
  }

  #retire(session: Session): void {
    session.isOpen = false;
    this.#sessions = this.#sessions.filter((other) => other !== session);
    this.#wakeAll();
  }

  #start(
    session: Session,
    headers: Record<string, string>,
    body: string | Uint8Array,
    deadlineAt: number,
  ): Promise<Result> {
    return new Promise((resolve) => {
      let stream: ClientHttp2Stream;
      try {
        stream = session.http2.request(headers);
      } catch (error) {
        // The session ended between the pick and here: nothing was written.
        this.#retire(session);
        return resolve(judgeFault(error as Error, false));
      }
      const exchange: Exchange = {
        stream,
        deadlineAt,
        finish: (result) => {
          if (!session.streams.delete(exchange)) return;
          this.#waiting.shift()?.();
          resolve(result);
        },
      };
      session.streams.add(exchange);
      readReply(exchange, session);
      stream.end(body);
    });
  }

  /** Deadlines and pings of all sessions, on one timer instead of one for each request. */
  #tick(): void {
    const now = performance.now();
    for (const session of this.#sessions) {
      for (const exchange of session.streams) {
        if (exchange.deadlineAt > now) continue;
        exchange.finish(judgeFault(timeout('no complete answer within the deadline'), true));
        exchange.stream.close(NGHTTP2_CANCEL);
      }
    }
    this.#wakeAll();
    if (now < this.#pingAt) return;
    this.#pingAt = now + PING_EVERY_MS;
    for (const { http2, isOpen } of this.#sessions) if (isOpen) ping(http2);
  }

  #wakeAll(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

function readReply(exchange: Exchange, session: Session): void {
  const { stream } = exchange;
  let head: IncomingHttpHeaders | null = null;
  let body = '';
  stream.setEncoding('utf8');
  stream.on('response', (headers) => {
    head = headers;
  });
  stream.on('data', (chunk: string) => {
    if (body.length < MAX_ANSWER_BYTES) body += chunk;
  });
  const reply = (): Result => ({
    kind: 'reply',
    reply: { status: Number(head![':status']), headers: plainHeaders(head!), body },
  });
  stream.on('end', () => {
    if (head) exchange.finish(reply());
  });
  let failure: Error | null = null;
  stream.on('error', (error) => {
    failure = error;
  });
  stream.on('close', () => {
    // The status is the vendor's decision; a body that broke off changes nothing about it.
    if (head) return exchange.finish(reply());
    const error =
      failure ??
      Object.assign(new Error('the stream ended without an answer'), { code: 'ERR_HTTP2_STREAM_CLOSED' });
    exchange.finish(judgeFault(error, mayBeProcessed(stream, session)));
  });
}

/** RFC 9113, 8.7: refused streams and those above a GOAWAY's last id were not processed; one without an id was never sent. */
function mayBeProcessed(stream: ClientHttp2Stream, session: Session): boolean {
  if (stream.rstCode === NGHTTP2_REFUSED_STREAM) return false;
  if (stream.id === undefined) return false;
  return stream.id <= session.lastStreamId || session.lastStreamId === Number.POSITIVE_INFINITY;
}

function plainHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const name in headers) {
    if (name.startsWith(':')) continue;
    const value = headers[name];
    plain[name] = Array.isArray(value) ? value.join(', ') : String(value);
  }
  return plain;
}

function ping(session: ClientHttp2Session): void {
  const timer = setTimeout(() => session.destroy(timeout('no answer to a ping')), PING_TIMEOUT_MS);
  timer.unref();
  session.ping(() => clearTimeout(timer));
}

function timeout(message: string): Error {
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' });
}
