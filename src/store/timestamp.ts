import pg from 'pg';

const TIMESTAMPTZ = 1184;
const readAnyTimestamp = pg.types.getTypeParser(TIMESTAMPTZ) as (text: string) => Date;

/**
 * A `timestamptz` as PostgreSQL writes it, such as `2026-11-21 16:41:37.569+00`. Sessions are in UTC nearly always; the
 * driver's own reading of any form at all took a twelfth of the time of a claim.
 * https://www.postgresql.org/docs/18/datatype-datetime.html#DATATYPE-DATETIME-OUTPUT
 */
export function readTimestamp(text: string): Date {
  // `Date.UTC` takes the years before 100 for those of the last century.
  const isPlain =
    text.charCodeAt(0) !== ZERO &&
    text.charCodeAt(4) === HYPHEN &&
    text.charCodeAt(10) === SPACE &&
    text.endsWith('+00');
  if (!isPlain) return readAnyTimestamp(text);
  const end = text.length - 3;
  const fraction = end > 20 ? Math.trunc(Number(text.slice(20, end).padEnd(6, '0')) / 1000) : 0;
  return new Date(
    Date.UTC(
      digits(text, 0, 4),
      digits(text, 5, 7) - 1,
      digits(text, 8, 10),
      digits(text, 11, 13),
      digits(text, 14, 16),
      digits(text, 17, 19),
      fraction,
    ),
  );
}

const HYPHEN = 0x2d;
const SPACE = 0x20;
const ZERO = 0x30;

function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) value = value * 10 + text.charCodeAt(i) - ZERO;
  return value;
}

/** Every `timestamptz` that the driver reads, in this process. */
export function installTimestampReader(): void {
  pg.types.setTypeParser(TIMESTAMPTZ, readTimestamp);
}
