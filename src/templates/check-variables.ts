import type { FieldProblem } from '../http/index.ts';
import { pointerStep } from '../lib/text.ts';
import {
  isObjectSchema,
  type ObjectSchema,
  VARIABLE_FORMATS,
  VARIABLE_TYPES,
  type ValueSchema,
  type Variables,
} from './variable-schema.ts';
import { compileSchema } from './variables.ts';

const MAX_DEPTH = 8;
const MAX_SCHEMAS = 300;
const MAX_CHARACTERS = 65_536;
const MAX_WORDS = 100;
const NAME = /^[a-zA-Z_][a-zA-Z0-9_]{0,63}$/;
// What stands in the scope besides the variables, and names that mean something to JavaScript.
const RESERVED = new Set(['user', '__proto__', 'constructor', 'prototype']);

type Rule = (value: unknown) => string | null;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const must =
  (holds: (value: unknown) => boolean, rule: string): Rule =>
  (value) =>
    holds(value) ? null : rule;
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const oneOf = (words: readonly unknown[]): Rule =>
  must((value) => words.includes(value), `must be one of ${words.join(', ')}`);
const number = must(Number.isFinite, 'must be a number');
const count = must(isCount, 'must be a whole number, 0 or more');
const text = must(
  (value) => typeof value === 'string' && value.length <= 500,
  'must be a text of at most 500 characters',
);
const flag = must((value) => typeof value === 'boolean', 'must be true or false');
const list = must(
  (value) => Array.isArray(value) && value.length > 0 && value.length <= MAX_WORDS,
  `must be a list of 1 to ${MAX_WORDS} values`,
);
const anything: Rule = () => null;

/** What may stand in a schema, besides the schemas in it. */
const RULES: Record<Exclude<keyof ValueSchema, 'items' | 'properties'>, Rule> = {
  type: (value) => [value].flat().map(oneOf(VARIABLE_TYPES)).find(Boolean) ?? null,
  title: text,
  description: text,
  default: anything,
  examples: list,
  enum: list,
  const: anything,
  minimum: number,
  maximum: number,
  exclusiveMinimum: number,
  exclusiveMaximum: number,
  multipleOf: must((value) => Number.isFinite(value) && (value as number) > 0, 'must be a number above 0'),
  minLength: count,
  maxLength: count,
  format: oneOf(VARIABLE_FORMATS),
  minItems: count,
  maxItems: count,
  required: must(
    (value) => Array.isArray(value) && value.every((name) => typeof name === 'string') && value.length <= 200,
    'must be a list of names',
  ),
  additionalProperties: flag,
  personal: flag,
};

/** What is wrong with the declarations of a template, each as a JSON Pointer into the definition and a rule. */
export function checkVariables(variables: Variables): FieldProblem[] {
  const walk: Walk = { problems: [], schemas: 0 };
  if (isObjectSchema(variables)) checkRoot(variables, walk);
  else {
    for (const [name, declaration] of Object.entries(variables)) {
      checkDeclaration(name, declaration, `/variables/${pointerStep(name)}`, walk);
    }
  }
  if (walk.problems.length === 0 && JSON.stringify(variables).length > MAX_CHARACTERS) {
    return [{ field: '/variables', rule: `must have at most ${MAX_CHARACTERS} characters` }];
  }
  return walk.problems;
}

interface Walk {
  problems: FieldProblem[];
  schemas: number;
}

function checkRoot(schema: ObjectSchema, walk: Walk): void {
  const { properties = {}, ...rest } = schema;
  if (schema.type !== 'object') walk.problems.push({ field: '/variables/type', rule: 'must be "object"' });
  checkSchema(rest, { at: '/variables', depth: 0, isVariable: false }, walk);
  if (!isObject(properties)) {
    walk.problems.push({ field: '/variables/properties', rule: 'must be an object' });
    return;
  }
  for (const [name, inner] of Object.entries(properties)) {
    const at = `/variables/properties/${pointerStep(name)}`;
    checkName(name, at, walk);
    checkSchema(inner, { at, depth: 1, isVariable: true }, walk);
  }
}

function checkDeclaration(name: string, declaration: unknown, at: string, walk: Walk): void {
  checkName(name, at, walk);
  if (!isObject(declaration)) {
    walk.problems.push({ field: at, rule: 'must be an object' });
    return;
  }
  const { required = false, ...schema } = declaration;
  const complaint = flag(required);
  if (complaint) walk.problems.push({ field: `${at}/required`, rule: complaint });
  checkSchema(schema, { at, depth: 1, isVariable: true }, walk);
}

function checkName(name: string, field: string, { problems }: Walk): void {
  if (RESERVED.has(name)) problems.push({ field, rule: 'is a reserved name' });
  else if (!NAME.test(name)) problems.push({ field, rule: `must match ${NAME.source}` });
}

/** A schema and those in it. */
function checkSchema(
  schema: unknown,
  place: { at: string; depth: number; isVariable: boolean },
  walk: Walk,
): void {
  const { at, depth, isVariable } = place;
  const found = walk.problems.length;
  const refuse = (rule: string, field = at) => walk.problems.push({ field, rule });
  if (!isObject(schema)) return void refuse('must be an object');
  if (++walk.schemas === MAX_SCHEMAS + 1) refuse(`must not be one of more than ${MAX_SCHEMAS} schemas`);
  if (walk.schemas > MAX_SCHEMAS) return;
  if (depth > MAX_DEPTH) return void refuse(`must not be nested deeper than ${MAX_DEPTH}`);
  const { properties = {}, items, ...rest } = schema;
  for (const [key, value] of Object.entries(rest)) {
    const rule = Object.hasOwn(RULES, key)
      ? RULES[key as keyof typeof RULES](value)
      : 'is not supported here';
    if (rule) refuse(rule, `${at}/${pointerStep(key)}`);
  }
  if (rest.personal !== undefined && !isVariable)
    refuse('belongs to a variable, not to a part of one', `${at}/personal`);
  if (!isObject(properties)) return void refuse('must be an object', `${at}/properties`);
  const inside = { depth: depth + 1, isVariable: false };
  for (const [name, inner] of Object.entries(properties)) {
    const place = `${at}/properties/${pointerStep(name)}`;
    if (RESERVED.has(name) && name !== 'user') refuse('is a reserved name', place);
    checkSchema(inner, { ...inside, at: place }, walk);
  }
  if (items !== undefined) checkSchema(items, { ...inside, at: `${at}/items` }, walk);
  if (walk.problems.length > found || rest.default === undefined) return;
  const validate = compileSchema(schema);
  if (validate(structuredClone(rest.default))) return;
  const { instancePath, message = 'is not valid' } = validate.errors![0]!;
  refuse(message, `${at}/default${instancePath}`);
}
