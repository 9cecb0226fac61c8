import type { HttpResponse } from '../contract.ts';
import { toText } from './filters.ts';
import { compilePointer, type Pointer, valueAt } from './pointer.ts';
import type { Reader } from './reader.ts';

/** An answer, with what its body says if that is JSON. */
export interface Answer extends HttpResponse {
  json: unknown;
}

/** Of an answer: its status, and one test of a value in its JSON, of a header, or of the whole body. */
export interface Condition {
  statuses?: ((status: number) => boolean)[];
  source?: { pointer: Pointer } | { header: string } | 'body';
  test?: (value: unknown) => boolean;
}

const STATUS = { regex: /^[1-5](?:\d\d|xx)$/, hint: 'a status such as 404, or a class such as 4xx' };
const TESTS = ['equals', 'startsWith', 'contains', 'exists'] as const;
const MOST_CONDITIONS = 10;
const MOST_VALUES = 200;
/** Of a value that is searched: what a vendor has to say stands at its beginning. */
const LONGEST_TEXT = 4_096;

/** One condition, or a list of which all must hold. */
export function compileConditions(given: unknown, reader: Reader): Condition[] {
  if (!Array.isArray(given)) return [compileCondition(given, reader)];
  return reader.list(given, MOST_CONDITIONS).map((one, i) => compileCondition(one, reader.at(i)));
}

function compileCondition(given: unknown, reader: Reader): Condition {
  const raw = reader.object(given, ['status', 'at', 'header', ...TESTS]) ?? {};
  const tests = TESTS.filter((name) => raw[name] !== undefined);
  const hasPlace = raw.at !== undefined || raw.header !== undefined;
  if (raw.at !== undefined && raw.header !== undefined) reader.refuse('has at or header, not both');
  if (tests.length > 1) reader.refuse(`has one test, not ${tests.join(' and ')}`);
  if (hasPlace && tests.length === 0) reader.refuse(`lacks a test: ${TESTS.join(', ')}`);
  if (raw.status === undefined && tests.length === 0) reader.refuse('lacks a status or a test');
  const [test] = tests;
  return {
    ...(raw.status !== undefined && { statuses: compileStatuses(raw.status, reader.at('status')) }),
    ...(test && { source: compileSource(raw, reader), test: compileTest(test, raw[test], reader.at(test)) }),
  };
}

function compileStatuses(given: unknown, reader: Reader): ((status: number) => boolean)[] {
  const values = Array.isArray(given) ? reader.list(given, MOST_VALUES) : [given];
  return values.map((value) => {
    const text = reader.text(typeof value === 'number' ? `${value}` : value, STATUS) ?? '';
    return text.endsWith('xx')
      ? (status) => Math.floor(status / 100) === Number(text[0])
      : (status) => status === Number(text);
  });
}

function compileSource(raw: Record<string, unknown>, reader: Reader): Condition['source'] {
  if (raw.header !== undefined) {
    const header = reader
      .at('header')
      .text(raw.header, { regex: /^[a-z0-9-]{1,100}$/, hint: 'a name in lower case' });
    return { header: header ?? '' };
  }
  return raw.at === undefined ? 'body' : { pointer: compilePointer(raw.at, reader.at('at')) ?? [] };
}

/** Texts are compared without regard to case, except by `equals`, which takes 5 and "5" for the same. */
function compileTest(
  name: (typeof TESTS)[number],
  given: unknown,
  reader: Reader,
): (value: unknown) => boolean {
  if (name === 'exists') {
    if (typeof given !== 'boolean') reader.refuse('must be true or false');
    return (value) => (value !== undefined && value !== null && value !== '') === given;
  }
  const values = Array.isArray(given) ? reader.list(given, MOST_VALUES) : [given];
  for (const value of values)
    if (!['string', 'number', 'boolean'].includes(typeof value))
      reader.refuse('must be a text, a number, true or false, or a list of them');
  if (name !== 'equals' && values.includes('')) reader.refuse('has no empty texts');
  if (name === 'equals') {
    const known = new Set(values.map(String));
    return (value) => isScalar(value) && known.has(String(value));
  }
  const words = values.map((value) => String(value).toLowerCase());
  const matches = name === 'startsWith' ? 'startsWith' : 'includes';
  return (value) => {
    const text = toText(value).slice(0, LONGEST_TEXT).toLowerCase();
    return words.some((word) => text[matches](word));
  };
}

/** Linear in the length of the answer: there are no regular expressions to be caught in. */
export function holds(conditions: Condition[], answer: Answer): boolean {
  return conditions.every(({ statuses, source, test }) => {
    if (statuses && !statuses.some((matches) => matches(answer.status))) return false;
    return test === undefined || test(readSource(source ?? 'body', answer));
  });
}

function readSource(source: NonNullable<Condition['source']>, { body, headers, json }: Answer): unknown {
  if (source === 'body') return body;
  if ('header' in source) return Object.hasOwn(headers, source.header) ? headers[source.header] : undefined;
  return valueAt(json, source.pointer);
}

function isScalar(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}
