import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats, { type FormatName } from 'ajv-formats';
import { describeValidation, type FieldProblem } from '../http/index.ts';
import { schemaOf, VARIABLE_FORMATS, type ValueSchema, type Variables } from './variable-schema.ts';

/** The variables of one version of a template, ready to check what callers give. */
export interface DeclaredVariables {
  /** Those that must not reach a push message. */
  personal: ReadonlySet<string>;
  /** The first thing that is wrong, as a JSON Pointer into the given values and a rule. Pure. */
  resolve(given: Record<string, unknown>): { values: Record<string, unknown> } | FieldProblem;
}

/** The validator is made when it is first asked; checking costs less than a microsecond. */
export function compileVariables(variables: Variables): DeclaredVariables {
  const schema = schemaOf(variables);
  const properties = Object.entries(schema.properties ?? {});
  const personal = new Set(properties.flatMap(([name, { personal }]) => (personal ? [name] : [])));
  const mayBeNull = new Set(
    properties.flatMap(([name, { type }]) => ([type].flat().includes('null') ? [name] : [])),
  );
  const hasDeepDefault = properties.some(([, inner]) => hasDefaultInside(inner));
  let validate: ValidateFunction | undefined;
  return {
    personal,
    resolve(given) {
      // Without a prototype, so that `__proto__` is a name like any other.
      const values = Object.assign(Object.create(null), hasDeepDefault ? structuredClone(given) : given);
      if (properties.length === 0 && schema.additionalProperties === undefined) return { values };
      for (const [name] of properties) {
        if (values[name] === null && !mayBeNull.has(name)) delete values[name];
      }
      validate ??= compileSchema(schema);
      return validate(values) ? { values } : describeValidation(validate.errors![0]!, 'body');
    },
  };
}

/** With an instance for each schema: what one compiles it keeps, and templates come and go. */
export function compileSchema(schema: ValueSchema): ValidateFunction {
  const ajv = new Ajv2020({
    strict: false,
    strictNumbers: true,
    // Nobody gave a value because every object inherits one of the name (`toString`).
    ownProperties: true,
    useDefaults: true,
    // The schema was checked against what is allowed here, which is far less.
    meta: false,
    validateSchema: false,
  });
  (addFormats as unknown as (ajv: Ajv2020, options: { mode: 'fast'; formats: FormatName[] }) => void)(ajv, {
    mode: 'fast',
    formats: [...VARIABLE_FORMATS],
  });
  return ajv.compile(schema);
}

function hasDefaultInside({ properties = {}, items }: ValueSchema): boolean {
  return [...Object.values(properties), ...(items ? [items] : [])].some(
    (inner) => inner.default !== undefined || hasDefaultInside(inner),
  );
}
