import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  createServer as createHttp2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { HttpResponse } from '../providers/contract.ts';
import type { PageHandler } from './page-handler.ts';
import type { Stage, VendorApi, VendorReply } from './vendor-api.ts';

// RFC 9113, 3.4: a client with prior knowledge of HTTP/2 begins with these bytes.
const PREFACE = 'PRI * HTTP/2.0';
// The page is here too, for a simulator that runs without Bellhop's server; no provider has this id.
const PAGE = /^\/simulator(?=[/?]|$)/;
const SILENCE_MS = 10_000;
const MAX_BODY_BYTES = 10 * 1024 * 1024;
// A preview of 8 KB in base64 beside the vendor's own headers.
const MAX_HEADER_BYTES = 64 * 1024;

/** One way to answer, whatever the protocol. */
interface Line {
  send(response: HttpResponse): void;
  /** Sends the headers and half of the body, then breaks the connection. */
  cut(response: HttpResponse): void;
  reset(): void;
}

/** One TCP port for HTTP/1.1 and HTTP/2 without TLS: the first bytes of a connection tell which it is. */
export function createHttpEndpoint(api: VendorApi, page: PageHandler, stage: Stage) {
  const sockets = new Set<Socket>();
  const http1 = createHttpServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    const { method = 'GET', url = '/', headers } = request;
    if (PAGE.test(url)) return page.handle(request, response, { prefix: '/simulator', isAlone: true });
    collect(request, (body) => {
      if (!body) return lineOf(request, response).send(TOO_LARGE);
      perform(api.reply({ method, url, headers, body }), lineOf(request, response), stage);
    });
  });
  const http2 = createHttp2Server({
    settings: { maxConcurrentStreams: 1_000, maxHeaderListSize: MAX_HEADER_BYTES },
  });
  http2.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', ignore);
    collect(stream, (body) => {
      if (!body) return lineOfStream(stream).send(TOO_LARGE);
      const request = { method: headers[':method']!, url: headers[':path'] ?? '/', headers, body };
      perform(api.reply(request), lineOfStream(stream), stage);
    });
  });
  http2.on('sessionError', ignore);
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', ignore).on('close', () => sockets.delete(socket));
    recognise(socket, (isHttp2) => (isHttp2 ? http2 : http1).emit('connection', socket));
  });
  return {
    server,
    close() {
      server.close();
      http1.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Reads until the protocol is certain and puts the bytes back. */
function recognise(socket: Socket, handOver: (isHttp2: boolean) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const giveUp = () => socket.destroy();
  const read = () => {
    const chunk: Buffer | null = socket.read();
    if (!chunk) return;
    seen = Buffer.concat([seen, chunk]);
    const start = seen.toString('latin1', 0, PREFACE.length);
    if (PREFACE.startsWith(start) && start.length < PREFACE.length) return;
    socket.off('readable', read).off('end', giveUp).setTimeout(0).off('timeout', giveUp);
    socket.unshift(seen);
    handOver(start === PREFACE);
  };
  socket.setTimeout(SILENCE_MS).on('timeout', giveUp).on('end', giveUp).on('readable', read);
}

/** Calls back with the whole body, or with null when it is too large. */
function collect(stream: Readable, done: (body: Buffer | null) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  });
  stream.on('end', () => {
    if (size > MAX_BODY_BYTES) done(null);
    else done(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
  });
}

function perform({ response, breakdown, delayMs }: VendorReply, line: Line, { clock, signal }: Stage): void {
  if (breakdown === 'hang') return;
  const act = () => {
    if (signal.aborted) return;
    if (breakdown === 'reset') line.reset();
    else if (breakdown === 'cut') line.cut(response);
    else line.send(response);
  };
  if (delayMs === 0) act();
  else clock.sleep(delayMs, signal).then(act);
}

function lineOf(request: IncomingMessage, response: ServerResponse): Line {
  const writeHead = ({ status, headers }: HttpResponse, bytes: number) =>
    response.writeHead(status, { ...headers, 'content-length': bytes });
  return {
    send: (reply) => writeHead(reply, Buffer.byteLength(reply.body)).end(reply.body),
    // Announces more than will ever come.
    cut: (reply) =>
      writeHead(reply, Buffer.byteLength(reply.body) + 2).write(firstHalf(reply.body), () =>
        request.socket.destroy(),
      ),
    reset: () => request.socket.resetAndDestroy(),
  };
}

function lineOfStream(stream: ServerHttp2Stream): Line {
  const respond = ({ status, headers }: HttpResponse, endStream: boolean) => {
    if (stream.destroyed) return false;
    stream.respond({ ...headers, ':status': status }, { endStream });
    return true;
  };
  return {
    send(reply) {
      if (respond(reply, reply.body === '') && reply.body !== '') stream.end(reply.body);
    },
    cut(reply) {
      if (respond(reply, false)) stream.write(firstHalf(reply.body), () => stream.session?.destroy());
    },
    reset: () => stream.session?.destroy(),
  };
}

/** At least one byte, so that the headers leave too: an empty body would be a whole answer. */
function firstHalf(body: string): string {
  return body.slice(0, Math.max(1, body.length / 2)) || ' ';
}

const TOO_LARGE: HttpResponse = { status: 413, headers: {}, body: '' };

function ignore(): void {}
