/** What a vendor posted, or null when it is no JSON. */
export function parseJson(body: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof body === 'string' ? body : Buffer.from(body).toString());
  } catch {
    return null;
  }
}

/** An object to read from, whatever the value is. */
export function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

export function asText(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Milliseconds since the epoch of a vendor's date text, or null. */
export function dateOf(value: unknown): number | null {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}

/** Milliseconds since the epoch of a vendor's seconds, or null when they make no date. */
export function dateOfSeconds(value: unknown): number | null {
  const at = typeof value === 'number' ? Math.round(value * 1000) : Number.NaN;
  return Math.abs(at) <= 8.64e15 ? at : null;
}
