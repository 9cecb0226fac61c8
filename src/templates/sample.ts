import { schemaOf, type ValueSchema, type Variables } from './variable-schema.ts';

const OF_FORMAT: Record<NonNullable<ValueSchema['format']>, string> = {
  date: '2030-01-31',
  time: '09:30:00Z',
  'date-time': '2030-01-31T09:30:00Z',
  duration: 'PT1H',
  email: 'ada@example.com',
  uri: 'https://example.com/page',
  uuid: '0190a6e0-1111-7000-8000-000000000000',
};

/** Values to try a template with, where the caller gives none: an example, the default, or anything of the type. Pure. */
export function sampleOf(variables: Variables): Record<string, unknown> {
  return objectOf(schemaOf(variables).properties);
}

function objectOf(properties: Record<string, ValueSchema> = {}): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, sampleValue(name, schema)]),
  );
}

function sampleValue(name: string, schema: ValueSchema): unknown {
  const given = schema.examples?.[0] ?? schema.default ?? schema.const ?? schema.enum?.[0];
  if (given !== undefined) return given;
  switch ([schema.type].flat().find((type) => type !== 'null')) {
    case 'number':
    case 'integer':
      return Math.min(Math.max(schema.minimum ?? 1, 1), schema.maximum ?? Number.POSITIVE_INFINITY);
    case 'boolean':
      return true;
    case 'array':
      return schema.items ? [sampleValue(name, schema.items)] : [];
    case 'object':
      return objectOf(schema.properties);
    default:
      return schema.format ? OF_FORMAT[schema.format] : fit(name, schema);
  }
}

function fit(name: string, { minLength = 0, maxLength = name.length }: ValueSchema): string {
  return name.slice(0, Math.max(maxLength, minLength)).padEnd(Math.min(minLength, 1_000), 'x');
}
