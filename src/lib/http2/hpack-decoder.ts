import { decodeHuffman } from './huffman.ts';
import { DEFAULT_TABLE_BYTES, FIELD_OVERHEAD, type Field, STATIC_TABLE } from './static-table.ts';

/** A header block that says nothing sensible; the connection cannot go on (RFC 7541, 2.2 and RFC 9113, 4.3). */
export class CompressionError extends Error {
  override name = 'CompressionError';
}

const STATIC_FIELDS = STATIC_TABLE.length;
const LARGEST_INTEGER = 2 ** 28;

/** Decodes the header blocks of one connection, which build on each other (RFC 7541). */
export class HpackDecoder {
  readonly #largestTableBytes: number;
  #limit: number;
  /** The dynamic table, the oldest first, from `#first` on. */
  #fields: Field[] = [];
  #first = 0;
  #size = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;

  /** `tableBytes`: what we told the peer (SETTINGS_HEADER_TABLE_SIZE). */
  constructor(tableBytes = DEFAULT_TABLE_BYTES) {
    this.#largestTableBytes = tableBytes;
    this.#limit = tableBytes;
  }

  /** Calls `onField` for each field of the block `bytes[start, end)`, in order. Throws a CompressionError. */
  decode(bytes: Buffer, start: number, end: number, onField: (name: string, value: string) => void): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    let mayResize = true;
    while (this.#at < end) {
      const first = bytes[this.#at]!;
      if ((first & 0xe0) === 0x20) {
        if (!mayResize) throw new CompressionError('a table size update behind a field');
        this.#resize(this.#readInteger(5));
        continue;
      }
      mayResize = false;
      if ((first & 0x80) !== 0) {
        const { name, value } = this.#find(this.#readInteger(7));
        onField(name, value);
      } else {
        const isKept = (first & 0x40) !== 0;
        const place = this.#readInteger(isKept ? 6 : 4);
        const name = place === 0 ? this.#readString() : this.#find(place).name;
        const value = this.#readString();
        if (isKept) this.#keep({ name, value });
        onField(name, value);
      }
    }
  }

  #find(place: number): Field {
    if (place === 0) throw new CompressionError('there is no field 0');
    if (place <= STATIC_FIELDS) return STATIC_TABLE[place - 1]!;
    const at = this.#fields.length - (place - STATIC_FIELDS);
    if (at < this.#first) throw new CompressionError(`there is no field ${place}`);
    return this.#fields[at]!;
  }

  #keep(field: Field): void {
    this.#fields.push(field);
    this.#size += sizeOf(field);
    this.#evict();
  }

  #resize(limit: number): void {
    if (limit > this.#largestTableBytes) throw new CompressionError('a table larger than we allowed');
    this.#limit = limit;
    this.#evict();
  }

  #evict(): void {
    while (this.#size > this.#limit) this.#size -= sizeOf(this.#fields[this.#first++]!);
    if (this.#first < 64 || this.#first * 2 < this.#fields.length) return;
    this.#fields = this.#fields.slice(this.#first);
    this.#first = 0;
  }

  /** RFC 7541, 5.1. */
  #readInteger(prefixBits: number): number {
    const largest = (1 << prefixBits) - 1;
    let value = this.#readByte() & largest;
    if (value < largest) return value;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#readByte();
      value += (byte & 0x7f) * 2 ** shift;
      if (value > LARGEST_INTEGER || shift > 28) throw new CompressionError('an integer is too large');
      if ((byte & 0x80) === 0) return value;
    }
  }

  /** RFC 7541, 5.2. */
  #readString(): string {
    const isHuffman = this.#at < this.#end && (this.#bytes[this.#at]! & 0x80) !== 0;
    const length = this.#readInteger(7);
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#end) throw new CompressionError('a string ends outside of the block');
    if (!isHuffman) return this.#bytes.toString('latin1', start, this.#at);
    const text = decodeHuffman(this.#bytes, start, this.#at);
    if (text === null) throw new CompressionError('a string is no Huffman code');
    return text;
  }

  #readByte(): number {
    if (this.#at >= this.#end) throw new CompressionError('the block ends in the middle of a field');
    return this.#bytes[this.#at++]!;
  }
}

const sizeOf = ({ name, value }: Field) => name.length + value.length + FIELD_OVERHEAD;
