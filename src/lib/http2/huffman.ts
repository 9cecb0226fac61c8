/**
 * RFC 7541, appendix B, by the lengths of the codes of the 256 bytes and of the end-of-string symbol. The code is
 * canonical: codes of one length ascend with their symbols, those of the next length follow them, so that the lengths
 * say everything.
 */
const CODE_LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28,
  28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7,
  8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19,
  13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13,
  28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21,
  22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23,
  22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25,
  25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];
const END_OF_STRING = 256;
const LONGEST_CODE = 30;
/** Of an entry that leads on to another table of 256; the rest is `length << 16 | symbol`. */
const LEADS_ON = 1 << 30;

/** The code of each symbol, right-aligned, with its length in bits. */
export const HUFFMAN_CODES: readonly { code: number; length: number }[] = assignCodes();

function assignCodes(): { code: number; length: number }[] {
  const codes: { code: number; length: number }[] = [];
  let code = 0;
  for (let length = 1; length <= LONGEST_CODE; length++) {
    code *= 2;
    for (const [symbol, ofSymbol] of CODE_LENGTHS.entries()) {
      if (ofSymbol === length) codes[symbol] = { code: code++, length };
    }
  }
  return codes;
}

/** Tables of 256 entries in a row: the next eight bits lead to a symbol or to another table. */
const TABLES: Int32Array = buildTables();

function buildTables(): Int32Array {
  const tables: number[] = new Array<number>(256).fill(0);
  for (const [symbol, { code, length }] of HUFFMAN_CODES.entries()) {
    let table = 0;
    let left = length;
    for (; left > 8; left -= 8) {
      const place = table + ((code >>> (left - 8)) & 0xff);
      if (tables[place] === 0) {
        tables[place] = LEADS_ON | tables.length;
        for (let i = 0; i < 256; i++) tables.push(0);
      }
      table = tables[place]! & ~LEADS_ON;
    }
    const first = table + ((code << (8 - left)) & 0xff);
    for (let i = 0; i < 1 << (8 - left); i++) tables[first + i] = (left << 16) | symbol;
  }
  return Int32Array.from(tables);
}

/** No code is shorter than five bits. */
let decoded = Buffer.allocUnsafeSlow(1_024);

/** The Latin-1 text of `bytes[start, end)`; null when it is no Huffman code (RFC 7541, 5.2). */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string | null {
  const longest = Math.ceil(((end - start) * 8) / 5);
  if (decoded.length < longest) decoded = Buffer.allocUnsafeSlow(longest);
  let size = 0;
  let table = 0;
  let bits = 0;
  let held = 0;
  /** Bits since the last symbol, and so of the padding at the end. */
  let open = 0;
  for (let at = start; at < end; at++) {
    bits = ((bits << 8) | bytes[at]!) & 0xffff;
    held += 8;
    open += 8;
    while (held >= 8) {
      const entry = TABLES[table + ((bits >>> (held - 8)) & 0xff)]!;
      if ((entry & LEADS_ON) !== 0) {
        table = entry & ~LEADS_ON;
        held -= 8;
        continue;
      }
      const symbol = entry & 0xffff;
      if (symbol === END_OF_STRING) return null;
      decoded[size++] = symbol;
      held -= entry >>> 16;
      open = held;
      table = 0;
    }
  }
  while (held > 0) {
    const entry = TABLES[table + ((bits << (8 - held)) & 0xff)]!;
    if ((entry & LEADS_ON) !== 0 || entry >>> 16 > held) break;
    decoded[size++] = entry & 0xffff;
    held -= entry >>> 16;
    open = held;
    table = 0;
  }
  // The padding is less than a byte, and the beginning of the end-of-string symbol: ones.
  const ones = (1 << held) - 1;
  if (open > 7 || (bits & ones) !== ones) return null;
  return decoded.toString('latin1', 0, size);
}
