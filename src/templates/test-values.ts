import { invalidField } from '../http/index.ts';
import type { Store } from '../store/index.ts';
import { loadVersion } from './load.ts';
import { sampleOf } from './sample.ts';
import type { TemplateRef } from './store.ts';
import { compileVariables } from './variables.ts';

/**
 * What a template is tried out with: the wanted version (else the published or the latest one), and sample values for
 * the variables that the caller leaves out. Throws a Problem for a version that does not exist and for values that
 * the declarations refuse.
 */
export async function prepareTest(
  store: Store,
  ref: TemplateRef,
  { version: wanted, variables: given = {} }: { version?: number; variables?: Record<string, unknown> },
): Promise<{ version: number; variables: Record<string, unknown> }> {
  const { version, definition } = await loadVersion(store, ref, wanted);
  const variables = { ...sampleOf(definition.variables), ...given };
  const resolved = compileVariables(definition.variables).resolve(variables);
  if ('rule' in resolved) throw invalidField(`/variables${resolved.field}`, resolved.rule);
  return { version, variables };
}
