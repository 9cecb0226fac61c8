/** A vendor's error code as it may be counted and logged: one word, so that no text with a secret in it passes for one. */
export function parseCode(value: unknown): string | undefined {
  return typeof value === 'string' && /^\w{1,64}$/.test(value) ? value : undefined;
}
