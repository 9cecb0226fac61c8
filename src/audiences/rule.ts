import { invalidField } from '../http/index.ts';
import { PLATFORMS, type Platform } from '../providers/contract.ts';
import { CHOICES, type Choice } from '../rules/index.ts';
import { parseTopic } from './topic.ts';

/** What an attribute is compared with. */
export type Scalar = string | number | boolean;

/** Something that is so of a user, or not. What is missing never fits. */
export type Condition =
  | { attribute: string; is: Scalar }
  | { attribute: string; in: Scalar[] }
  | { attribute: string; has: Scalar }
  | { attribute: string; exists: boolean }
  | {
      attribute: string;
      atLeast?: number | string;
      atMost?: number | string;
      above?: number | string;
      below?: number | string;
    }
  | { locale: string }
  | { timezone: string }
  | { contact: string }
  | { device: { platform?: Platform; app?: string; seenWithinDays?: number } }
  | { preference: { category: string; channel: string; choice: Choice } }
  | { topic: string }
  | { segment: string }
  | { active: { withinDays: number } }
  | { opened: { withinDays: number } }
  | { clicked: { withinDays: number } }
  | { createdWithinDays: number };

/** Who belongs to a segment. */
export type Rule = { all: Rule[] } | { any: Rule[] } | { not: Rule } | Condition;

const MAX_DEPTH = 8;
const MAX_CONDITIONS = 100;
const MAX_VALUES = 100;
/** The rules of all segments of a tenant are read together whenever one of his users changes. */
const MAX_BYTES = 16 * 1_024;
const MAX_TEXT = 256;
const MAX_DAYS = 3_660;
const SLUG = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const KIND = /^[a-z][a-z0-9_-]{0,31}$/;
const BOUNDS = ['atLeast', 'atMost', 'above', 'below'] as const;
const KEYS = [
  'all',
  'any',
  'not',
  'attribute',
  'locale',
  'timezone',
  'contact',
  'device',
  'preference',
  'topic',
  'segment',
  'active',
  'opened',
  'clicked',
  'createdWithinDays',
] as const;

type Fields = Record<string, unknown>;

/**
 * Reads a rule that a caller wrote. Throws a Problem that names the place and what must be there; nothing unknown gets
 * through, so what is compiled later is only ever of the shapes above.
 */
export function parseRule(value: unknown, field = '/rule'): Rule {
  let conditions = 0;
  const parse = (value: unknown, at: string, depth: number): Rule => {
    if (depth > MAX_DEPTH) throw invalidField(at, `is nested deeper than ${MAX_DEPTH} levels`);
    if (++conditions > MAX_CONDITIONS) throw invalidField(field, `must have at most ${MAX_CONDITIONS} parts`);
    const fields = requireObject(value, at);
    const key = KEYS.find((key) => Object.hasOwn(fields, key));
    if (!key) throw invalidField(at, `must have one of ${KEYS.join(', ')}`);
    if (key !== 'attribute') refuseOthers(fields, [key], at);
    const inner = `${at}/${key}`;
    if (key === 'all' || key === 'any') {
      const list = fields[key];
      if (!Array.isArray(list) || list.length === 0)
        throw invalidField(inner, 'must be a list of at least one rule');
      const rules = list.map((each, i) => parse(each, `${inner}/${i}`, depth + 1));
      return key === 'all' ? { all: rules } : { any: rules };
    }
    if (key === 'not') return { not: parse(fields.not, inner, depth + 1) };
    return parseCondition(key, fields, at);
  };
  const rule = parse(value, field, 1);
  if (Buffer.byteLength(JSON.stringify(rule)) > MAX_BYTES)
    throw invalidField(field, `must have at most ${MAX_BYTES} bytes as JSON`);
  return rule;
}

function parseCondition(
  key: Exclude<(typeof KEYS)[number], 'all' | 'any' | 'not'>,
  fields: Fields,
  at: string,
): Condition {
  const inner = `${at}/${key}`;
  const value = fields[key];
  switch (key) {
    case 'attribute':
      return parseAttribute(fields, at);
    case 'locale':
      return { locale: requireLocale(value, inner) };
    case 'timezone':
      return { timezone: requireText(value, inner) };
    case 'contact':
      return { contact: requireMatch(value, KIND, inner) };
    case 'topic':
      return { topic: parseTopic(value, inner) };
    case 'segment':
      return { segment: requireMatch(value, SLUG, inner) };
    case 'createdWithinDays':
      return { createdWithinDays: requireDays(value, inner) };
    case 'active':
      return { active: parseWithin(value, inner) };
    case 'opened':
      return { opened: parseWithin(value, inner) };
    case 'clicked':
      return { clicked: parseWithin(value, inner) };
    case 'device':
      return { device: parseDevice(value, inner) };
    case 'preference':
      return { preference: parsePreference(value, inner) };
  }
}

function parseWithin(value: unknown, at: string): { withinDays: number } {
  const { withinDays } = refuseOthers(requireObject(value, at), ['withinDays'], at);
  return { withinDays: requireDays(withinDays, `${at}/withinDays`) };
}

function parseAttribute(fields: Fields, at: string): Condition {
  const attribute = requireText(fields.attribute, `${at}/attribute`);
  const { attribute: _name, ...tests } = fields;
  const names = Object.keys(tests);
  if (names.some((name) => (BOUNDS as readonly string[]).includes(name))) {
    refuseOthers(tests, [...BOUNDS], at);
    const kinds = new Set(names.map((name) => typeof tests[name]));
    for (const name of names) if (typeof tests[name] !== 'number') requireText(tests[name], `${at}/${name}`);
    if (kinds.size > 1) throw invalidField(at, 'must have bounds of one kind: numbers, or texts');
    return { attribute, ...tests };
  }
  if (names.length !== 1)
    throw invalidField(at, 'must have one of is, in, has, exists, or bounds (atLeast, atMost, above, below)');
  const inner = `${at}/${names[0]}`;
  const value = tests[names[0]!];
  switch (names[0]) {
    case 'is':
      return { attribute, is: requireScalar(value, inner) };
    case 'has':
      return { attribute, has: requireScalar(value, inner) };
    case 'in': {
      if (!Array.isArray(value) || value.length === 0 || value.length > MAX_VALUES) {
        throw invalidField(inner, `must be a list of 1 to ${MAX_VALUES} values`);
      }
      return { attribute, in: value.map((each, i) => requireScalar(each, `${inner}/${i}`)) };
    }
    case 'exists':
      if (typeof value !== 'boolean') throw invalidField(inner, 'must be true or false');
      return { attribute, exists: value };
    default:
      throw invalidField(inner, 'is not a known field');
  }
}

function parseDevice(value: unknown, at: string) {
  const fields = refuseOthers(requireObject(value, at), ['platform', 'app', 'seenWithinDays'], at);
  const { platform, app, seenWithinDays } = fields;
  if (platform !== undefined && !(PLATFORMS as readonly unknown[]).includes(platform)) {
    throw invalidField(`${at}/platform`, `must be one of ${PLATFORMS.join(', ')}`);
  }
  return {
    ...(platform === undefined ? {} : { platform: platform as Platform }),
    ...(app === undefined ? {} : { app: requireMatch(app, SLUG, `${at}/app`) }),
    ...(seenWithinDays === undefined
      ? {}
      : { seenWithinDays: requireDays(seenWithinDays, `${at}/seenWithinDays`) }),
  };
}

function parsePreference(value: unknown, at: string) {
  const fields = refuseOthers(requireObject(value, at), ['category', 'channel', 'choice'], at);
  if (!(CHOICES as readonly unknown[]).includes(fields.choice)) {
    throw invalidField(`${at}/choice`, `must be one of ${CHOICES.join(', ')}`);
  }
  return {
    category: requireText(fields.category, `${at}/category`),
    channel: requireText(fields.channel, `${at}/channel`),
    choice: fields.choice as Choice,
  };
}

function requireObject(value: unknown, at: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidField(at, 'must be an object');
  return value as Fields;
}

function refuseOthers(fields: Fields, known: readonly string[], at: string): Fields {
  const unknown = Object.keys(fields).find((name) => !known.includes(name));
  if (unknown !== undefined) throw invalidField(`${at}/${unknown}`, 'is not a known field');
  return fields;
}

function requireText(value: unknown, at: string): string {
  if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT) {
    throw invalidField(at, `must be a text of 1 to ${MAX_TEXT} characters`);
  }
  return value;
}

/** In canonical case, as users have it. */
function requireLocale(value: unknown, at: string): string {
  try {
    return Intl.getCanonicalLocales(requireText(value, at))[0]!;
  } catch {
    throw invalidField(at, 'must be a BCP 47 language tag like en or pt-BR');
  }
}

function requireMatch(value: unknown, pattern: RegExp, at: string): string {
  if (typeof value !== 'string' || !pattern.test(value))
    throw invalidField(at, `must match ${pattern.source}`);
  return value;
}

function requireScalar(value: unknown, at: string): Scalar {
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value === 'string' && value.length <= MAX_TEXT) return value;
  throw invalidField(at, `must be a text of at most ${MAX_TEXT} characters, a number, true or false`);
}

function requireDays(value: unknown, at: string): number {
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > MAX_DAYS) {
    throw invalidField(at, `must be a whole number from 1 to ${MAX_DAYS}`);
  }
  return value as number;
}
