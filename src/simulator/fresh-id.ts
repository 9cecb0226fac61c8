/** Returns a number in [0, 1), as `Math.random` does. */
export type Random = () => number;

const DIGITS = '0123456789';
const NOT_ZERO = DIGITS.slice(1);
const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const HEX = `${DIGITS}abcdef`;
// Fewer random characters than this could give two messages the same id.
const MIN_RANDOM = 8;
const WIDENED_BY = 10;

/** Each place of an id: the characters to draw from; one character is a literal. */
type Shape = string[];

/** The shape of a vendor's message id: what holds a digit varies, words, prefixes and punctuation stay. */
export function shapeOf(example: string): Shape {
  const shape = example
    .split(/([A-Za-z0-9]*[0-9][A-Za-z0-9]*)/)
    .flatMap((part, i) => (i % 2 === 0 ? [...part] : shapeOfRun(part)));
  const last = shape.findLastIndex((alphabet) => alphabet.length > 1);
  if (last < 0) return [...shape, '-', ...Array<string>(WIDENED_BY).fill(HEX)];
  if (shape.filter((alphabet) => alphabet.length > 1).length >= MIN_RANDOM) return shape;
  const alphabet = shape[last] === NOT_ZERO ? DIGITS : shape[last]!;
  return shape.toSpliced(last + 1, 0, ...Array<string>(WIDENED_BY).fill(alphabet));
}

function shapeOfRun(run: string): Shape {
  if (/^[0-9]+$/.test(run)) return [...run].map((_, i) => (i === 0 ? NOT_ZERO : DIGITS));
  const hex = /^([A-Z]{0,2}|[g-z]*)([0-9a-f]+)$/.exec(run) ?? /^([G-Z]*)([0-9A-F]+)$/.exec(run);
  if (hex) {
    const alphabet = /[A-F]/.test(hex[2]!) ? HEX.toUpperCase() : HEX;
    return [...hex[1]!, ...Array<string>(hex[2]!.length).fill(alphabet)];
  }
  return [...run].map((character) => {
    if (/[0-9]/.test(character)) return DIGITS;
    return /[a-z]/.test(character) ? LOWER : LOWER.toUpperCase();
  });
}

export function freshId(shape: Shape, random: Random): string {
  let id = '';
  for (const alphabet of shape) {
    id += alphabet.length === 1 ? alphabet : alphabet[Math.floor(random() * alphabet.length)];
  }
  return id;
}

/** Repeatable randomness (mulberry32): the same seed gives the same sequence. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
