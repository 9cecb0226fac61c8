/** The proposal `JSON.parse source text access`, which the runtime has and the types do not yet know. */
type ParseWithSource = (
  text: string,
  reviver: (name: string, value: unknown, context: { source?: string }) => unknown,
) => unknown;

/**
 * The JSON value in a vendor's body, or undefined, with integers above 2^53 as the text that they were written in:
 * rounded, an id would name another message.
 */
export function parseExact(body: string): unknown {
  try {
    return (JSON.parse as ParseWithSource)(body, (_name, each, { source }) =>
      typeof each === 'number' && !Number.isSafeInteger(each) && /^-?\d+$/.test(source ?? '') ? source : each,
    );
  } catch {
    return undefined;
  }
}

/** The JSON object in a vendor's body, or null, as `parseObject` gives it, but with exact integers. */
export function parseExactObject(body: string): Record<string, unknown> | null {
  const value = parseExact(body);
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

/** A vendor's id as text, whether it was written as one or as a number; undefined for anything else. */
export function idOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value || undefined;
  return Number.isSafeInteger(value) ? String(value) : undefined;
}
