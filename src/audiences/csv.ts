import { isUtf8 } from 'node:buffer';

/** Bytes of a record; what is longer is no record but a quote that was never closed. */
export const MAX_RECORD_BYTES = 64 * 1_024;

const [QUOTE, COMMA, LF, CR] = [0x22, 0x2c, 0x0a, 0x0d];

/** Where a look for the end of a record stands. */
interface Look {
  at: number;
  isQuoted: boolean;
  /** At the start of a field, where a quote opens it. */
  isStart: boolean;
}

/**
 * Finds where the records of some bytes end, one behind the other. It keeps how far it looked without finding an end: lines
 * that open quotes which nothing closes would otherwise each be looked at for as long as a record may be.
 */
export class RecordScanner {
  #from = 0;
  #look: Look = { at: 0, isQuoted: false, isStart: true };

  /** Says that the bytes were cut off in front: what was at `bytes` is at 0. */
  drop(bytes: number): void {
    this.#from -= bytes;
    this.#look.at -= bytes;
  }

  /**
   * Where the record that begins at `from` ends (RFC 4180; a line may end with LF, CRLF or CR). Null when more bytes are
   * needed to tell, which is never so when they are the `last` ones. A record that is too long, or whose quote is not
   * closed, ends with its first line, so that it harms no other: what it gives depends on the bytes alone, not on how they
   * came in pieces.
   */
  endOf(bytes: Buffer, from: number, isLast: boolean): number | null {
    const limit = Math.min(bytes.length, from + MAX_RECORD_BYTES);
    const isWhole = isLast && limit === bytes.length;
    const before = this.#look;
    let { at, isQuoted, isStart } =
      from === this.#from ? before : { at: from, isQuoted: false, isStart: true };
    const stop = (end: number | null) => {
      this.#from = from;
      this.#look = { at, isQuoted, isStart };
      return end;
    };
    for (; at < limit; at++) {
      const byte = bytes[at];
      // What follows a quote or CR decides what it means.
      if ((byte === QUOTE || byte === CR) && at + 1 === limit && !isWhole && limit === bytes.length)
        return stop(null);
      if (isQuoted) {
        if (byte === QUOTE) {
          if (bytes[at + 1] === QUOTE) at++;
          else isQuoted = false;
          isStart = false;
        } else if ((byte === LF || byte === CR) && at < before.at) {
          // The look before passed this line end, so it was inside a quote as well, and is what this one would become.
          ({ isQuoted, isStart } = before);
          at = before.at - 1;
        }
      } else if (byte === QUOTE && isStart) isQuoted = true;
      else if (byte === LF) return at + 1;
      else if (byte === CR) return bytes[at + 1] === LF ? at + 2 : at + 1;
      else isStart = byte === COMMA;
    }
    if (limit < from + MAX_RECORD_BYTES) {
      if (!isLast) return stop(null);
      if (!isQuoted) return limit;
    }
    return stop(endOfLine(bytes, from, limit));
  }
}

function endOfLine(bytes: Buffer, from: number, limit: number): number {
  for (let i = from; i < limit; i++) {
    if (bytes[i] === LF) return i + 1;
    if (bytes[i] === CR) return bytes[i + 1] === LF ? i + 2 : i + 1;
  }
  return limit;
}

export type Fields = { fields: string[] } | { problem: string };

/** The fields of the record in `bytes` from `from` to `end` (its line end included); one empty field for a blank line. */
export function readFields(bytes: Buffer, from: number, end: number): Fields {
  let to = end;
  if (to > from && bytes[to - 1] === LF) to--;
  if (to > from && bytes[to - 1] === CR) to--;
  if (!isUtf8(bytes.subarray(from, to))) return { problem: 'must be UTF-8' };
  const fields: string[] = [];
  for (let i = from; ; i++) {
    if (bytes[i] === QUOTE && i < to) {
      const close = closingQuote(bytes, i + 1, to);
      if (close === -1) return { problem: 'has a quote that is not closed, or is too long' };
      fields.push(bytes.toString('utf8', i + 1, close).replaceAll('""', '"'));
      i = close + 1;
      if (i < to && bytes[i] !== COMMA) return { problem: 'has text behind a closing quote' };
    } else {
      const start = i;
      while (i < to && bytes[i] !== COMMA) {
        if (bytes[i] === QUOTE) return { problem: 'has a quote inside a field that does not begin with one' };
        i++;
      }
      fields.push(bytes.toString('utf8', start, i));
    }
    if (i >= to) return { fields };
  }
}

function closingQuote(bytes: Buffer, from: number, to: number): number {
  for (let i = from; i < to; i++) {
    if (bytes[i] !== QUOTE) continue;
    if (i + 1 >= to || bytes[i + 1] !== QUOTE) return i;
    i++;
  }
  return -1;
}

export function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) lines++;
  return lines;
}

// Spreadsheets run cells that begin like this as formulas (OWASP, CSV injection).
const FORMULA = /^'*[=+\-@\t\r]/;

/** A cell that no spreadsheet runs: an apostrophe goes before what looks like a formula. `unguard` takes it away again. */
export function guard(cell: string): string {
  return FORMULA.test(cell) ? `'${cell}` : cell;
}

export function unguard(cell: string): string {
  return cell.startsWith("'") && FORMULA.test(cell) ? cell.slice(1) : cell;
}

/** One line of CSV, guarded, with CRLF. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => quoted(guard(cell))).join(',')}\r\n`;
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
