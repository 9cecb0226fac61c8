import { RecordScanner } from './csv.ts';

/** Cuts a stream of CSV into chunks of whole records. Holds no more than a chunk, a record and what was pushed last. */
export class ChunkCutter {
  readonly #chunkBytes: number;
  readonly #scanner = new RecordScanner();
  #pending: Buffer = Buffer.alloc(0);
  /** Up to here it is known to be whole records. */
  #whole = 0;

  constructor(chunkBytes: number) {
    this.#chunkBytes = chunkBytes;
  }

  /** The chunks that are full now. */
  push(bytes: Buffer): Buffer[] {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    return this.#cut(false);
  }

  /** The rest of what is whole, when nothing more comes; a last record without a line end is whole too. */
  finish(): Buffer[] {
    const chunks = this.#cut(true);
    if (this.#pending.length > 0) chunks.push(this.#pending);
    this.#pending = Buffer.alloc(0);
    this.#whole = 0;
    return chunks;
  }

  /** The whole records that wait for a chunk to be full; what is behind them is dropped. */
  flush(): Buffer[] {
    const chunk = this.#pending.subarray(0, this.#whole);
    this.#pending = Buffer.alloc(0);
    this.#whole = 0;
    return chunk.length > 0 ? [chunk] : [];
  }

  #cut(isLast: boolean): Buffer[] {
    const chunks: Buffer[] = [];
    while (this.#whole < this.#pending.length) {
      const end = this.#scanner.endOf(this.#pending, this.#whole, isLast);
      if (end === null) break;
      this.#whole = end;
      if (end < this.#chunkBytes) continue;
      chunks.push(this.#pending.subarray(0, end));
      this.#pending = this.#pending.subarray(end);
      this.#scanner.drop(end);
      this.#whole = 0;
    }
    return chunks;
  }
}
