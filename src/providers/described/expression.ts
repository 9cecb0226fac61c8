import { applyFilter, FILTERS, type FilterName, MOST_FILTERS } from './filters.ts';

export type Literal = string | number | boolean;
type Operand = { literal: Literal } | { path: string[] };

/** `path | filter: argument, … | …`: what stands between double braces. */
export interface Expression {
  operand: Operand;
  calls: { filter: FilterName; operands: Operand[] }[];
}

/** Gives the value at a path, or undefined. */
export type Lookup = (path: string[]) => unknown;

const TOKEN =
  /\s*(?:"([^"]*)"|'([^']*)'|(-?\d{1,15}(?:\.\d{1,10})?)(?![\w.])|([A-Za-z_][\w-]*(?:\.[\w-]+)*)|([|:,]))\s*/y;

type Token = { literal: Literal } | { path: string[] } | { mark: string };

export function parseExpression(source: string): { expression: Expression } | { problem: string } {
  const tokens = tokenize(source);
  if ('problem' in tokens) return tokens;
  const [operand, ...rest] = tokens.tokens;
  if (!operand || 'mark' in operand) return { problem: 'begins with a name or a text' };
  const expression: Expression = { operand, calls: [] };
  for (let at = 0; at < rest.length; ) {
    if (!isMark(rest[at], '|')) return { problem: 'has a | before each filter' };
    const name = rest[at + 1];
    const filter = name && 'path' in name ? name.path.join('.') : '';
    if (!isFilter(filter)) return { problem: `has the filters ${Object.keys(FILTERS).join(', ')} only` };
    const operands: Operand[] = [];
    at += 2;
    for (let mark = ':'; isMark(rest[at], mark); mark = ',') {
      const argument = rest[at + 1];
      if (!argument || 'mark' in argument) return { problem: `lacks an argument of ${filter}` };
      operands.push(argument);
      at += 2;
    }
    const { least, most } = FILTERS[filter];
    if (operands.length < least || operands.length > most)
      return { problem: `gives ${filter} ${operands.length} arguments (${least} to ${most})` };
    expression.calls.push({ filter, operands });
    if (expression.calls.length > MOST_FILTERS) return { problem: `has more than ${MOST_FILTERS} filters` };
  }
  return { expression };
}

/** Every path that the value depends on. */
export function pathsOf({ operand, calls }: Expression): string[][] {
  const operands = [operand, ...calls.flatMap((call) => call.operands)];
  return operands.flatMap((one) => ('path' in one ? [one.path] : []));
}

export function evaluate({ operand, calls }: Expression, lookup: Lookup): unknown {
  const valueAt = (one: Operand) => ('path' in one ? lookup(one.path) : one.literal);
  return calls.reduce<unknown>(
    (value, { filter, operands }) => applyFilter(filter, value, operands.map(valueAt)),
    valueAt(operand),
  );
}

function tokenize(source: string): { tokens: Token[] } | { problem: string } {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  const end = source.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (!match) return { problem: `can not be read from its character ${at + 1} on` };
    tokens.push(toToken(match));
  }
  return { tokens };
}

function toToken([, double, single, number, name, mark]: RegExpExecArray): Token {
  if (number !== undefined) return { literal: Number(number) };
  if (name === 'true' || name === 'false') return { literal: name === 'true' };
  if (name !== undefined) return { path: name.split('.') };
  return mark === undefined ? { literal: double ?? single ?? '' } : { mark };
}

function isMark(token: Token | undefined, mark: string): boolean {
  return token !== undefined && 'mark' in token && token.mark === mark;
}

function isFilter(name: string): name is FilterName {
  return Object.hasOwn(FILTERS, name);
}
