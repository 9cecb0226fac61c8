import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { Connection } from './connection.ts';
import { FRAME, PREFACE } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import { Output } from './output.ts';
import type { Request, Stream } from './stream.ts';

/** What the tests of the connection have in common: a server that says what it is told to, and a client to watch. */
export interface SeenFrame {
  type: number;
  flags: number;
  streamId: number;
  payload: Buffer;
}

/** A frame as bytes. */
export function frame(type: number, flags: number, streamId: number, payload: Uint8Array = Buffer.alloc(0)) {
  const output = new Output();
  output.writeFrame(type, flags, streamId, payload);
  return output.take();
}

/** `:status: 200`. */
export const STATUS_200 = Buffer.of(0x88);
export const number = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
export const setting = (id: number, value: number) => Buffer.concat([Buffer.of(0, id), number(value)]);

/** The server's side of one connection: its bytes are those of the test. */
export class ScriptedPeer {
  readonly socket: Socket;
  readonly #seen: SeenFrame[] = [];
  #waiting: (() => void) | null = null;
  #preface = Buffer.alloc(0);
  readonly #decoder = new HpackDecoder();

  constructor(socket: Socket) {
    this.socket = socket.on('error', () => {});
    const reader = new FrameReader(({ type, flags, streamId, bytes, start, end }) => {
      this.#seen.push({ type, flags, streamId, payload: Buffer.from(bytes.subarray(start, end)) });
      return true;
    });
    socket.on('data', (chunk: Buffer) => {
      let rest = chunk;
      if (this.#preface.length < PREFACE.length) {
        const whole = Buffer.concat([this.#preface, chunk]);
        this.#preface = whole.subarray(0, PREFACE.length);
        rest = whole.subarray(PREFACE.length);
      }
      reader.read(rest);
      this.#waiting?.();
    });
    socket.on('close', () => this.#waiting?.());
  }

  get preface(): Buffer {
    return this.#preface;
  }

  write(...frames: Uint8Array[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** The next frame of a type; those before it are dropped. */
  async next(type: number): Promise<SeenFrame> {
    for (;;) {
      while (this.#seen.length > 0) {
        const seen = this.#seen.shift()!;
        if (seen.type === type) return seen;
      }
      if (this.socket.destroyed) throw new Error(`the connection ended before a frame of type ${type}`);
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }

  /** The next request's fields, in order. Every HEADERS must be read by this, since the blocks build on each other. */
  async nextRequest(): Promise<{ streamId: number; fields: [string, string][]; isEnd: boolean }> {
    const { streamId, payload, flags } = await this.next(FRAME.headers);
    const fields: [string, string][] = [];
    this.#decoder.decode(payload, 0, payload.length, (name, value) => fields.push([name, value]));
    return { streamId, fields, isEnd: (flags & 1) !== 0 };
  }
}

export async function listen(t: TestContext, server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What became of a request. */
export interface Ending {
  status: number;
  headers: Record<string, string>;
  body: string;
  error: Error | null;
}

export class TestClient {
  readonly connection: Connection;
  readonly ready = Promise.withResolvers<void>();
  readonly retired = Promise.withResolvers<void>();
  readonly closed = Promise.withResolvers<Error | null>();

  constructor(origin: string) {
    this.connection = new Connection(
      { origin, lookup: undefined },
      {
        onSettings: () => this.ready.resolve(),
        onStreamOver() {},
        onRetired: () => this.retired.resolve(),
        onClose: (error) => this.closed.resolve(error),
      },
    );
  }

  send(changes: Partial<Request> = {}): { stream: Stream; ending: Promise<Ending> } {
    const request = {
      method: 'POST',
      path: '/',
      isPathSecret: false,
      headers: {},
      body: 'hello',
      ...changes,
    };
    const ending: Ending = { status: 0, headers: {}, body: '', error: null };
    const { promise, resolve } = Promise.withResolvers<Ending>();
    const chunks: Buffer[] = [];
    const finish = (error: Error | null) =>
      resolve({ ...ending, body: Buffer.concat(chunks).toString(), error });
    const stream = this.connection.request(request, {
      onHead: (status, headers) => Object.assign(ending, { status, headers }),
      onData: (chunk) => chunks.push(chunk),
      onEnd: () => finish(null),
      onFailed: finish,
    });
    return { stream, ending: promise };
  }
}

/** A client and the peer that it is connected to, after the settings of both. */
export async function startPair(t: TestContext, settings: Uint8Array = Buffer.alloc(0)) {
  const connected = Promise.withResolvers<ScriptedPeer>();
  const origin = await listen(
    t,
    createServer({ noDelay: true }, (socket) => connected.resolve(new ScriptedPeer(socket))),
  );
  const client = new TestClient(origin);
  t.after(() => client.connection.destroy(null));
  const peer = await connected.promise;
  peer.write(frame(FRAME.settings, 0, 0, settings));
  await client.ready.promise;
  return { client, peer };
}
