import { canonicalJson, pointerStep } from '../lib/text.ts';

/** One field that two definitions do not share. */
export interface Change {
  /** JSON Pointer (RFC 6901) into the definition. */
  field: string;
  kind: 'added' | 'removed' | 'changed';
  before?: unknown;
  after?: unknown;
}

/**
 * What became of a definition, field by field, in the order of the fields. A whole branch that is new or gone (a
 * locale, a channel) is one change for each of its fields. Pure.
 */
export function diffDefinitions(before: object, after: object): Change[] {
  const [old, fresh] = [leavesOf(before), leavesOf(after)];
  const fields = [...new Set([...old.keys(), ...fresh.keys()])].sort();
  return fields.flatMap((field): Change[] => {
    if (!fresh.has(field)) return [{ field, kind: 'removed', before: old.get(field) }];
    if (!old.has(field)) return [{ field, kind: 'added', after: fresh.get(field) }];
    const [was, is] = [old.get(field), fresh.get(field)];
    return canonicalJson(was) === canonicalJson(is)
      ? []
      : [{ field, kind: 'changed', before: was, after: is }];
  });
}

/** What has no parts of its own: texts, numbers, and empty lists and objects. */
function leavesOf(value: unknown, at = '', leaves = new Map<string, unknown>()): Map<string, unknown> {
  const members = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  if (members.length === 0) return leaves.set(at, value);
  for (const [key, inner] of members) {
    leavesOf(inner, `${at}/${pointerStep(key)}`, leaves);
  }
  return leaves;
}
