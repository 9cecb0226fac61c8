import type { Writable } from 'node:stream';
import type { MailRequest } from '../../providers/index.ts';

/**
 * A finished message as nodemailer's pool takes it: its `message` and the stream of that message in one, which a
 * string could not be, since the pool wants to know what was read.
 */
export class Letter {
  /** nodemailer reads a message only once DATA was answered with 354, so false proves that nobody took it. */
  readableDidRead = false;
  readonly #id: string;
  readonly #envelope: { from: string; to: string[]; dsn?: object };
  readonly #text: Buffer;

  constructor(id: string, { from, to, dsn }: MailRequest['envelope'], text: Buffer) {
    this.#id = id;
    this.#envelope = { from, to: [to] };
    // nodemailer leaves it out where the server offers no DSN.
    if (dsn) this.#envelope.dsn = { id: dsn.id, return: 'headers', notify: ['failure', 'delay'] };
    this.#text = text;
  }

  getEnvelope() {
    return this.#envelope;
  }

  getHeader(): string {
    return this.#id;
  }

  messageId(): string {
    return this.#id;
  }

  createReadStream(): this {
    return this;
  }

  pipe(sink: Writable): void {
    this.readableDidRead = true;
    sink.end(this.#text);
  }
}
