import { createHash, createHmac } from 'node:crypto';

interface Filter {
  least: number;
  most: number;
  apply(value: unknown, args: unknown[]): unknown;
}

const filter = (least: number, most: number, apply: Filter['apply']): Filter => ({ least, most, apply });
const HASHES = ['md5', 'sha1', 'sha256', 'sha512'];
/** Of an expression. JSON within JSON doubles with each `json`, so what one of them gives has an end, too. */
export const MOST_FILTERS = 10;
const LONGEST_TEXT = 1024 * 1024;

/** Named as in Liquid where Liquid has them: https://liquidjs.com/filters/overview.html. None can fail. */
export const FILTERS = {
  /** The first of value and arguments that is not empty, else the last. */
  default: filter(1, 5, (value, args) => [value, ...args].find((one) => !isEmpty(one)) ?? args.at(-1)),
  append: filter(1, 5, (value, args) => [value, ...args].map(toText).join('')),
  remove_first: filter(1, 1, (value, [part]) => toText(value).replace(toText(part), () => '')),
  upcase: filter(0, 0, (value) => toText(value).toUpperCase()),
  downcase: filter(0, 0, (value) => toText(value).toLowerCase()),
  /** At most so many characters. */
  truncate: filter(1, 1, (value, [length]) => [...toText(value)].slice(0, Number(length) || 0).join('')),
  at_least: filter(1, 1, (value, [least]) => onNumber(value, (number) => Math.max(number, Number(least)))),
  at_most: filter(1, 1, (value, [most]) => onNumber(value, (number) => Math.min(number, Number(most)))),
  times: filter(1, 1, (value, [by]) => onNumber(value, (number) => number * Number(by))),
  number: filter(0, 0, (value) => onNumber(value, (number) => number)),
  json: filter(0, 0, (value) => JSON.stringify(value ?? null)),
  base64_encode: filter(0, 0, (value) => Buffer.from(toText(value)).toString('base64')),
  /** Pairs of a value and what stands for it; a last one alone stands for all others. */
  choose: filter(2, 21, (value, args) => {
    for (let i = 0; i + 1 < args.length; i += 2) if (toText(value) === toText(args[i])) return args[i + 1];
    return args.length % 2 === 1 ? args.at(-1) : undefined;
  }),
  /** Algorithm, and `hex` (default) or `base64`. */
  hash: filter(1, 2, (value, [name, encoding]) =>
    createHash(algorithmOf(name)).update(toText(value)).digest(encodingOf(encoding)),
  ),
  /** Algorithm, key, and `hex` (default) or `base64`. */
  hmac: filter(2, 3, (value, [name, key, encoding]) =>
    createHmac(algorithmOf(name), toText(key)).update(toText(value)).digest(encodingOf(encoding)),
  ),
} as const satisfies Record<string, Filter>;
export type FilterName = keyof typeof FILTERS;

export function applyFilter(name: FilterName, value: unknown, args: unknown[]): unknown {
  const given = (FILTERS[name] as Filter).apply(value, args);
  return typeof given === 'string' && given.length > LONGEST_TEXT ? given.slice(0, LONGEST_TEXT) : given;
}

/** A value inside of a text: nothing for what is not there, JSON for lists and objects. */
export function toText(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

/** What is no number becomes nothing, so that its field is left out. */
function onNumber(value: unknown, change: (number: number) => number): number | undefined {
  const number = isEmpty(value) ? Number.NaN : Number(value);
  const changed = change(number);
  return Number.isFinite(number) && Number.isFinite(changed) ? changed : undefined;
}

function algorithmOf(name: unknown): string {
  return HASHES.includes(toText(name)) ? toText(name) : 'sha256';
}

function encodingOf(name: unknown): 'hex' | 'base64' {
  return name === 'base64' ? 'base64' : 'hex';
}
