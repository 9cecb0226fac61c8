import { Problem, parseJsonBody } from '../http/index.ts';
import { unstorable } from '../lib/text.ts';
import { parseProfile } from '../users/index.ts';
import { unguard } from './csv.ts';
import { isTopic } from './topic.ts';

const TYPES = ['string', 'number', 'boolean', 'json'] as const;
type Type = (typeof TYPES)[number];

/** What a column of the file says about users. `name` is its heading. */
export type Column = { name: string } & (
  | { to: 'id' | 'locale' | 'timezone' | 'topics' | 'attributes' }
  | { to: 'contact'; kind: string }
  | { to: 'attribute'; attribute: string; type: Type }
);

/** A row that was understood. What the file does not say, or leaves empty, is absent. */
export interface ImportedUser {
  line: number;
  externalId: string;
  locale?: string;
  timezone?: string;
  attributes: Record<string, unknown>;
  contacts: { kind: string; address: string }[];
  topics: string[];
}

/** Why a row is not stored. */
export interface RowProblem {
  line: number;
  field: string;
  rule: string;
}

const MAX_COLUMNS = 200;
const MAX_ID = 256;
const MAX_NAME = 256;
const MAX_TOPICS = 50;
/** Of one user, as the API has it. */
export const MAX_ATTRIBUTES_BYTES = 16 * 1_024;
const KIND = /^[a-z][a-z0-9_-]{0,31}$/;
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** Reads the heading of a file. Throws a Problem that says which column is wrong. */
export function parseColumns(header: readonly string[]): Column[] {
  if (header.length > MAX_COLUMNS) throw invalid(`has more than ${MAX_COLUMNS} columns`);
  const columns = header.map((cell) => parseColumn(unguard(cell).trim()));
  const names = columns.map((column) =>
    'attribute' in column ? `attributes.${column.attribute}` : column.name,
  );
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw invalid(`has the column "${twice}" twice`);
  if (!columns.some(({ to }) => to === 'id')) throw invalid('has no column "id"');
  return columns;
}

function parseColumn(name: string): Column {
  switch (name) {
    case 'id':
    case 'locale':
    case 'timezone':
    case 'topics':
    case 'attributes':
      return { name, to: name };
    case 'email':
    case 'phone':
      return { name, to: 'contact', kind: name };
  }
  if (name.startsWith('contacts.') && KIND.test(name.slice(9))) {
    return { name, to: 'contact', kind: name.slice(9) };
  }
  if (name.startsWith('attributes.')) return parseAttributeColumn(name);
  throw invalid(
    `has an unknown column "${name.slice(0, 64)}": known are id, email, phone, contacts.<kind>, locale, timezone, attributes, ` +
      'attributes.<name> and topics',
  );
}

function parseAttributeColumn(name: string): Column {
  const [attribute, type = 'string', ...rest] = name.slice(11).split(':');
  const isKnown = (TYPES as readonly string[]).includes(type) && rest.length === 0;
  if (
    !attribute ||
    attribute.length > MAX_NAME ||
    attribute === '__proto__' ||
    unstorable(attribute) ||
    !isKnown
  ) {
    throw invalid(
      `has a wrong column "${name.slice(0, 64)}": it is attributes.<name>, with :${TYPES.join(', :')} or nothing behind`,
    );
  }
  return { name, to: 'attribute', attribute, type: type as Type };
}

function invalid(what: string): Problem {
  return new Problem('import.invalid', `The first line ${what}`);
}

/** Rows repeat their locales and time zones, and checking one costs more than the rest of a row. */
export class RowReader {
  readonly #columns: readonly Column[];
  readonly #known = new Map<string, string | RuleFailure>();

  constructor(columns: readonly Column[]) {
    this.#columns = columns;
  }

  read(fields: readonly string[], line: number): ImportedUser | RowProblem {
    if (fields.length !== this.#columns.length) {
      return { line, field: '', rule: `must have ${this.#columns.length} fields, not ${fields.length}` };
    }
    const user: ImportedUser = { line, externalId: '', attributes: {}, contacts: [], topics: [] };
    let bytes = 0;
    for (const [i, column] of this.#columns.entries()) {
      const cell = unguard(fields[i]!);
      if (cell === '') continue;
      const failure = this.#take(user, column, cell);
      if (failure) return { line, field: column.name, rule: failure.rule };
      if (column.to === 'attribute') bytes += Buffer.byteLength(cell) + column.attribute.length + 6;
      if (column.to === 'attributes') bytes += Buffer.byteLength(cell);
    }
    if (user.externalId === '') return { line, field: 'id', rule: 'is required' };
    if (bytes > MAX_ATTRIBUTES_BYTES) {
      return { line, field: 'attributes', rule: `must have at most ${MAX_ATTRIBUTES_BYTES} bytes as JSON` };
    }
    return user;
  }

  /** Writes what a cell says into the user, or tells which rule it breaks. */
  #take(user: ImportedUser, column: Column, cell: string): RuleFailure | null {
    const bad = unstorable(cell);
    if (bad) return new RuleFailure(bad.why);
    switch (column.to) {
      case 'id':
        if (cell.length > MAX_ID) return new RuleFailure(`must have at most ${MAX_ID} characters`);
        user.externalId = cell;
        return null;
      case 'locale':
      case 'timezone': {
        const value = this.#remember(column.to, cell);
        if (value instanceof RuleFailure) return value;
        user[column.to] = value;
        return null;
      }
      case 'contact': {
        const { kind } = column;
        const profile = attempt(() => parseProfile({ contacts: { [kind]: cell } }));
        if (profile instanceof RuleFailure) return profile;
        user.contacts.push(...profile.contacts);
        return null;
      }
      case 'topics': {
        const topics = cell
          .split(';')
          .map((topic) => topic.trim())
          .filter(Boolean);
        if (topics.length > MAX_TOPICS) return new RuleFailure(`must have at most ${MAX_TOPICS} topics`);
        const wrong = topics.find((topic) => !isTopic(topic));
        if (wrong !== undefined)
          return new RuleFailure('must be topics like sport/football, with ; between them');
        user.topics = [...new Set(topics)];
        return null;
      }
      case 'attributes': {
        const value = attempt(() => parseJsonBody(cell));
        if (value instanceof RuleFailure) return value;
        if (typeof value !== 'object' || value === null || Array.isArray(value)) {
          return new RuleFailure('must be a JSON object');
        }
        user.attributes = { ...value, ...user.attributes };
        return null;
      }
      case 'attribute': {
        const value = parseAttribute(column.type, cell);
        if (value instanceof RuleFailure) return value;
        user.attributes[column.attribute] = value;
        return null;
      }
    }
  }

  #remember(field: 'locale' | 'timezone', cell: string): string | RuleFailure {
    const name = `${field} ${cell}`;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const profile = attempt(() => parseProfile({ [field]: cell }));
    const value = profile instanceof RuleFailure ? profile : profile[field]!;
    if (this.#known.size < 1_000) this.#known.set(name, value);
    return value;
  }
}

/** A rule that a cell breaks: a value, since a file may break it in every row. */
class RuleFailure {
  readonly rule: string;

  constructor(rule: string) {
    this.rule = rule;
  }
}

function attempt<T>(parse: () => T): T | RuleFailure {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return new RuleFailure(error.errors?.[0]?.rule ?? error.message);
  }
}

function parseAttribute(type: Type, cell: string): unknown {
  switch (type) {
    case 'string':
      return cell;
    case 'number':
      return NUMBER.test(cell) && Number.isFinite(Number(cell))
        ? Number(cell)
        : new RuleFailure('must be a number like 12.5');
    case 'boolean': {
      const word = cell.toLowerCase();
      return word === 'true' || word === 'false' ? word === 'true' : new RuleFailure('must be true or false');
    }
    case 'json':
      return attempt(() => parseJsonBody(cell));
  }
}
