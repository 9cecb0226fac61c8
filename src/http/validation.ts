import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { unstorable } from '../lib/text.ts';
import { type FieldProblem, invalidField } from './errors.ts';
import type { Server } from './server.ts';

// The package's own takes `urn:uuid:…` as well, which PostgreSQL does not.
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Bodies are taken as they are: an unknown field is an error and "5" is no number. Query and path come as text
 * by nature, so there numbers and booleans are read from it.
 */
export function createValidatorCompiler(): FastifySchemaCompiler<TSchema> {
  const shared = { removeAdditional: false, useDefaults: true, allErrors: false, strict: false } as const;
  const exact = new Ajv({ ...shared, coerceTypes: false });
  const textual = new Ajv({ ...shared, coerceTypes: true });
  for (const ajv of [exact, textual]) {
    (addFormats as unknown as (ajv: Ajv) => void)(ajv);
    ajv.addFormat('uuid', UUID);
    // A leap second (23:59:60) is a valid time to the package, and no time at all to Date.
    const { validate } = ajv.formats['date-time'] as { validate(text: string): boolean };
    ajv.addFormat('date-time', (text) => validate(text) && !Number.isNaN(Date.parse(text)));
  }
  return ({ schema, httpPart }) => onFirstUse(() => (httpPart === 'body' ? exact : textual).compile(schema));
}

/** A process pays for the routes that are called, not for all of them at its start. */
function onFirstUse(compile: () => ValidateFunction) {
  let compiled: ValidateFunction | undefined;
  const validate = (data: unknown): boolean => {
    compiled ??= compile();
    const isValid = compiled(data);
    validate.errors = compiled.errors;
    return isValid;
  };
  validate.errors = undefined as ValidateFunction['errors'];
  return validate;
}

/** Refuses text in path and query that PostgreSQL could not compare with anything (`%00`). */
export function installTextCheck(app: Server): void {
  // Takes no promise: this runs for every request.
  app.addHook('preValidation', ({ params, query }, _reply, done) => {
    const bad = unstorable(params, 'path') ?? unstorable(query, 'query');
    done(bad ? invalidField(bad.path, bad.why) : undefined);
  });
}

/** The first thing a schema validation found, as a field and the rule it broke. */
export function describeValidation(error: ErrorObject, part: string): FieldProblem {
  const prefix =
    part === 'body' ? '' : `${part === 'querystring' ? 'query' : part === 'params' ? 'path' : part}`;
  const at = (suffix = '') => `${prefix}${error.instancePath}${suffix}` || '/';
  const { params } = error as { params: Record<string, unknown> };
  switch (error.keyword) {
    case 'required':
      return { field: at(`/${params.missingProperty}`), rule: 'is required' };
    case 'additionalProperties':
      return { field: at(`/${params.additionalProperty}`), rule: 'is not a known field' };
    case 'enum':
      return { field: at(), rule: `must be one of ${(params.allowedValues as unknown[]).join(', ')}` };
    case 'const':
      return { field: at(), rule: `must be ${JSON.stringify(params.allowedValue)}` };
    case 'pattern':
      return { field: at(), rule: `must match ${params.pattern}` };
    case 'format':
      return { field: at(), rule: `must be a valid ${params.format}` };
    default:
      return { field: at(), rule: error.message ?? 'is not valid' };
  }
}
