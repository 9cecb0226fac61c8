import type { Output } from './output.ts';
import { DEFAULT_TABLE_BYTES, FIELD_OVERHEAD, STATIC_PLACES, STATIC_TABLE } from './static-table.ts';

/** The first byte of each way to write a field, and the bits of it that are left for a number (RFC 7541, 6). */
const INDEXED = { pattern: 0x80, bits: 7 } as const;
const KEPT = { pattern: 0x40, bits: 6 } as const;
const PLAIN = { pattern: 0x00, bits: 4 } as const;
const NEVER_INDEXED = { pattern: 0x10, bits: 4 } as const;
const TABLE_SIZE_UPDATE = { pattern: 0x20, bits: 5 } as const;
type Way = { pattern: number; bits: number };

const LONGEST_INTEGER_BYTES = 6;
/** Callers use a few names; whoever makes them up must not fill our memory. */
const MAX_NAMES = 256;
const NOWHERE = -1;

/** What is remembered of a field name. */
interface Known {
  name: string;
  /** 0 when the static table does not have it. */
  staticPlace: number;
  lastValue: string | undefined;
  /** The entry of the dynamic table with this name that was made last: its value, and its number since the beginning. */
  keptValue: string | undefined;
  kept: number;
}

/**
 * Encodes the header blocks of one connection (RFC 7541). It needs no list of what repeats: a field is put into the
 * dynamic table when it is the first one with its name (others then refer to the name), or has the value that the name
 * had the last time, and is one byte from then on. Strings are written as they are: Huffman codes would save a fifth of
 * the bytes for more processor time than all the rest of a request.
 */
export class HpackEncoder {
  readonly #known = new Map<string, Known>();
  /** Sizes of the entries in the dynamic table, the oldest first, from `#evicted` on. */
  #sizes: number[] = [];
  #dropped = 0;
  #kept = 0;
  #evicted = 0;
  #size = 0;
  #limit = DEFAULT_TABLE_BYTES;
  /** The lowest limit since the last block, when the peer has to be told (RFC 7541, 4.2). */
  #lowestLimit: number | null = null;

  /** The peer's SETTINGS_HEADER_TABLE_SIZE; we use no more than what is there at the start. */
  limitTable(bytes: number): void {
    const limit = Math.min(bytes, DEFAULT_TABLE_BYTES);
    if (limit === this.#limit) return;
    this.#lowestLimit = Math.min(this.#lowestLimit ?? limit, limit);
    this.#limit = limit;
    this.#evict();
  }

  /** Must be called before the first field of a block. */
  beginBlock(output: Output): void {
    if (this.#lowestLimit === null) return;
    output.reserve(2 * LONGEST_INTEGER_BYTES);
    if (this.#lowestLimit < this.#limit) writeInteger(output, TABLE_SIZE_UPDATE, this.#lowestLimit);
    writeInteger(output, TABLE_SIZE_UPDATE, this.#limit);
    this.#lowestLimit = null;
  }

  /** A field of the static table, by its place. */
  writeStatic(output: Output, place: number): void {
    output.reserve(1);
    writeInteger(output, INDEXED, place);
  }

  /** The name in lower case, the value Latin-1. Whoever is on the way must keep no copy of a secret one (7.1.3). */
  writeField(output: Output, name: string, value: string, isSecret = false): void {
    const known = this.#know(name);
    if (isSecret) {
      this.#writeLiteral(output, NEVER_INDEXED, known, value);
      return;
    }
    const isKept = known.kept >= this.#evicted;
    if (isKept && known.keptValue === value) {
      output.reserve(LONGEST_INTEGER_BYTES);
      writeInteger(output, INDEXED, this.#placeOf(known.kept));
      return;
    }
    const isWorthKeeping = (!isKept && known.staticPlace === 0) || known.lastValue === value;
    this.#writeLiteral(output, isWorthKeeping ? KEPT : PLAIN, known, value);
    known.lastValue = value;
    if (isWorthKeeping) this.#keep(known, value);
  }

  #know(name: string): Known {
    let known = this.#known.get(name);
    if (known) return known;
    if (this.#known.size >= MAX_NAMES) this.#known.clear();
    const staticPlace = STATIC_PLACES.get(name) ?? 0;
    known = { name, staticPlace, lastValue: undefined, keptValue: undefined, kept: NOWHERE };
    this.#known.set(name, known);
    return known;
  }

  #writeLiteral(output: Output, way: Way, { name, staticPlace, kept }: Known, value: string): void {
    output.reserve(3 * LONGEST_INTEGER_BYTES + name.length + value.length);
    const place = kept >= this.#evicted ? this.#placeOf(kept) : staticPlace;
    writeInteger(output, way, staticPlace || place);
    if (place === 0) writeString(output, name);
    writeString(output, value);
  }

  #placeOf(entry: number): number {
    return STATIC_TABLE.length + this.#kept - entry;
  }

  #keep(known: Known, value: string): void {
    const size = known.name.length + value.length + FIELD_OVERHEAD;
    known.kept = this.#kept++;
    known.keptValue = value;
    this.#sizes.push(size);
    this.#size += size;
    this.#evict();
  }

  #evict(): void {
    while (this.#size > this.#limit) this.#size -= this.#sizes[this.#evicted++ - this.#dropped]!;
    const gone = this.#evicted - this.#dropped;
    if (gone < 64) return;
    this.#sizes = this.#sizes.slice(gone);
    this.#dropped = this.#evicted;
  }
}

/** RFC 7541, 5.1. */
function writeInteger(output: Output, { pattern, bits }: Way, value: number): void {
  const { bytes } = output;
  const largest = (1 << bits) - 1;
  if (value < largest) {
    bytes[output.length++] = pattern | value;
    return;
  }
  bytes[output.length++] = pattern | largest;
  let rest = value - largest;
  for (; rest >= 128; rest >>>= 7) bytes[output.length++] = (rest & 0x7f) | 0x80;
  bytes[output.length++] = rest;
}

const PLAIN_STRING = { pattern: 0, bits: 7 } as const;

/** RFC 7541, 5.2, without Huffman codes. */
function writeString(output: Output, text: string): void {
  writeInteger(output, PLAIN_STRING, text.length);
  output.length += output.bytes.write(text, output.length, 'latin1');
}
