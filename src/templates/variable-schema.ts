import { Type } from 'typebox';

export const VARIABLE_TYPES = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'] as const;
export type VariableType = (typeof VARIABLE_TYPES)[number];

export const VARIABLE_FORMATS = ['date', 'time', 'date-time', 'duration', 'email', 'uri', 'uuid'] as const;

/**
 * What of JSON Schema (2020-12) a variable may be typed with. Left out: references, patterns (an expression can take
 * forever) and combinations of schemas, whose errors tell nobody what to change.
 */
export interface ValueSchema {
  type?: VariableType | VariableType[];
  title?: string;
  description?: string;
  default?: unknown;
  examples?: unknown[];
  enum?: unknown[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  format?: (typeof VARIABLE_FORMATS)[number];
  minItems?: number;
  maxItems?: number;
  items?: ValueSchema;
  properties?: Record<string, ValueSchema>;
  required?: string[];
  additionalProperties?: boolean;
  /** About a person: it must not be shown on a locked screen, so not in a push message. */
  personal?: boolean;
}

export type ObjectSchema = Omit<ValueSchema, 'type' | 'required'> & { type: 'object'; required?: string[] };
/** One declaration for each variable: its schema, and whether callers must give it. */
export type Declarations = Record<string, Omit<ValueSchema, 'required'> & { required?: boolean }>;
export type Variables = ObjectSchema | Declarations;

export const VariablesSchema = Type.Unsafe<Variables>(
  Type.Record(Type.String({ maxLength: 200 }), Type.Unknown(), {
    maxProperties: 200,
    description:
      'What callers give: a JSON Schema of the type `object`, or by name of the variable its schema with `required`. ' +
      'Undeclared variables pass unless `additionalProperties` is false. `personal` keeps a variable out of push messages.',
  }),
);

/** Both ways to declare variables as one: a JSON Schema of the object that callers give. */
export function schemaOf(variables: Variables): ObjectSchema {
  if (isObjectSchema(variables)) return variables;
  const required: string[] = [];
  const properties: Record<string, ValueSchema> = {};
  for (const [name, { required: isRequired, ...schema }] of Object.entries(variables)) {
    properties[name] = schema;
    if (isRequired) required.push(name);
  }
  return { type: 'object', properties, required };
}

/** In a list of declarations no variable is declared by a text. */
export function isObjectSchema(variables: Variables): variables is ObjectSchema {
  return typeof variables.type === 'string';
}
