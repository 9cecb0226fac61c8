import { Duplex } from 'node:stream';
import type { PGlite } from '@electric-sql/pglite';

type Done = (error?: Error | null) => void;

/**
 * Stands where `pg` expects a socket and hands its bytes to PGlite: the same protocol as to a server. What `pg`
 * writes together is executed together, so an error skips to the Sync of its own query as the protocol says
 * (PostgreSQL manual, 54.2.3), which the adapter that PGlite ships does not do.
 */
export class PGliteStream extends Duplex {
  readonly #database: PGlite;

  constructor(database: PGlite) {
    super();
    this.#database = database;
  }

  /** A new client must find a new session, but PGlite has only the one: what the last client left is taken away. */
  connect(): this {
    this.#database
      .exec('rollback')
      .then(() => this.#database.exec('discard all'))
      .then(() => this.emit('connect'))
      .catch((error) => this.destroy(error));
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    void this.#execute(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    void this.#execute(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: Done): void {
    this.push(null);
    done();
  }

  async #execute(message: Buffer, done: Done): Promise<void> {
    // Terminate would end PGlite itself; closing the stream is all that is meant.
    if (message[0] === TERMINATE) return done();
    try {
      const answer = await this.#database.execProtocolRaw(message);
      if (answer.length > 0) this.push(Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength));
      done();
    } catch (error) {
      done(error as Error);
    }
  }
}

const TERMINATE = 'X'.charCodeAt(0);
