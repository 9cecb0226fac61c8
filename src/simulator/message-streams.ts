import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { withoutRaw } from './mailbox.ts';
import type { Stage } from './vendor-api.ts';

const MAX_STREAMS = 32;
const PORTION_MS = 50;
// Nobody reads hundreds of messages at once: a browser that gets them gets them twice a second.
const MANY = 100;
const PORTION_OF_MANY_MS = 500;
const HEARTBEAT_MS = 15_000;
const MAX_UNSENT_BYTES = 1024 * 1024;

interface Stream {
  response: ServerResponse;
  sentId: number;
  /** How long the next portion gathers. */
  waitMs: number;
  timer: NodeJS.Timeout | null;
}

/**
 * Server-sent events: everything in the mailbox at first, then what is new. An event's id is `<process>.<message>`,
 * so a browser that reconnects goes on where it was, and starts over when another process answers.
 */
export class MessageStreams {
  readonly #stage: Stage;
  readonly #process = randomBytes(6).toString('hex');
  readonly #streams = new Set<Stream>();
  readonly #ends: (() => void)[];
  readonly #heartbeat: NodeJS.Timeout;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#ends = [
      stage.mailbox.onChange((event) => this.#mailboxChanged(event)),
      stage.faults.onChange(() => this.#write(eventOf('faults', stage.faults.settings))),
    ];
    this.#heartbeat = setInterval(() => this.#write(':\n\n'), HEARTBEAT_MS).unref();
  }

  open(request: IncomingMessage, response: ServerResponse): void {
    if (this.#streams.size >= MAX_STREAMS) {
      response.writeHead(503, { 'retry-after': '10' }).end();
      return;
    }
    const [process, id] = String(request.headers['last-event-id'] ?? '').split('.');
    const isSame = process === this.#process;
    const stream: Stream = {
      response,
      sentId: isSame ? Number(id) || 0 : 0,
      waitMs: PORTION_MS,
      timer: null,
    };
    response.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
    if (!isSame) response.write(eventOf('cleared', null));
    response.write(eventOf('faults', this.#stage.faults.settings));
    this.#streams.add(stream);
    response.on('drain', () => this.#schedule(stream));
    response.on('close', () => {
      this.#streams.delete(stream);
      if (stream.timer) clearTimeout(stream.timer);
    });
    this.#send(stream);
  }

  close(): void {
    clearInterval(this.#heartbeat);
    for (const end of this.#ends) end();
    for (const { response } of this.#streams) response.end();
  }

  #mailboxChanged(event: 'added' | 'cleared'): void {
    if (event === 'cleared') this.#write(eventOf('cleared', null));
    else for (const stream of this.#streams) this.#schedule(stream);
  }

  #schedule(stream: Stream): void {
    stream.timer ??= setTimeout(() => {
      stream.timer = null;
      this.#send(stream);
    }, stream.waitMs).unref();
  }

  /** A slow reader is left alone until he has read: what he missed is still in the mailbox, or too old anyway. */
  #send(stream: Stream): void {
    if (stream.response.writableLength > MAX_UNSENT_BYTES) return;
    const messages = this.#stage.mailbox.list({ after: stream.sentId });
    if (messages.length === 0) return;
    stream.sentId = messages.at(-1)!.id;
    stream.waitMs = messages.length > MANY ? PORTION_OF_MANY_MS : PORTION_MS;
    const id = `id: ${this.#process}.${stream.sentId}\n`;
    stream.response.write(id + eventOf('messages', messages.map(withoutRaw)));
  }

  #write(text: string): void {
    for (const { response } of this.#streams) response.write(text);
  }
}

function eventOf(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
