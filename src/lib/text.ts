/**
 * Why PostgreSQL could not store a text or JSON value, or null when it can: `\u0000` is refused in `text`
 * and `jsonb`, a lone surrogate is no valid UTF-8. One such value would fail a whole group commit.
 */
export function unstorable(value: unknown, path = ''): { path: string; why: string } | null {
  if (typeof value === 'string') {
    if (value.includes('\u0000')) return { path, why: 'must not contain the NUL character (\\u0000)' };
    if (!value.isWellFormed()) return { path, why: 'must be well-formed Unicode (it has a lone surrogate)' };
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, inner] of Object.entries(value)) {
    const at = `${path}/${pointerStep(key)}`;
    const found = unstorable(key, at) ?? unstorable(inner, at);
    if (found) return found;
  }
  return null;
}

/** A key as a step of a JSON Pointer (RFC 6901, 3). */
export function pointerStep(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

const HTML_ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => HTML_ENTITIES[character]!);
}

/** At most `max` UTF-16 units, never ending in half a surrogate pair. */
export function truncate(text: string, max: number): string {
  if (text.length <= max) return text;
  const cut = text.slice(0, max);
  return cut.isWellFormed() ? cut : cut.slice(0, -1);
}

/** JSON with object keys in a fixed order, so that equal values give equal text (fingerprints, hashes). */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`);
  return `{${entries.join(',')}}`;
}
