import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/**
 * A value that must never be printed: credentials, tokens, keys. Every accidental way out (string
 * interpolation, JSON, `console.log`, error messages) yields `[redacted]`; only `reveal()` gives the value.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}

/** Personal data (addresses, names, message bodies): printed as `[redacted]` like a `Secret`. */
export class Pii extends Secret {}

/** Tagged template that stays secret when any part is: ``secret`Bearer ${token}` ``. */
export function secret(strings: TemplateStringsArray, ...parts: (string | number | Secret)[]): Secret {
  let text = strings.raw[0]!;
  for (const [index, part] of parts.entries()) text += reveal(part) + strings.raw[index + 1]!;
  return new Secret(text);
}

/** The plain text of a value that may be secret. Call it only where the text leaves for its destination. */
export function reveal(value: string | number | Secret | MaskedUrl): string {
  return value instanceof Secret || value instanceof MaskedUrl ? value.reveal() : String(value);
}

/**
 * A URL whose path or query may hold a secret (some vendors put the key there). `reveal()` is what is
 * requested; everything that prints it sees the masked form.
 */
export class MaskedUrl {
  readonly #url: string;
  readonly #masked: string;

  constructor(url: string, masked: string) {
    this.#url = url;
    this.#masked = masked;
  }

  reveal(): string {
    return this.#url;
  }

  toString(): string {
    return this.#masked;
  }

  toJSON(): string {
    return this.#masked;
  }

  [inspect.custom](): string {
    return this.#masked;
  }
}

/** Appends percent-encoded path segments to a base URL; secret segments are masked in print. */
export function buildUrl(base: string, ...segments: (string | Secret)[]): MaskedUrl {
  let url = base.endsWith('/') ? base.replace(/\/+$/, '') : base;
  let masked = url;
  for (const segment of segments) {
    const encoded = encodePathSegment(reveal(segment));
    url += `/${encoded}`;
    masked += segment instanceof Secret ? '/***' : `/${encoded}`;
  }
  return new MaskedUrl(url, masked);
}

/** What the encoding leaves as it is: most tokens, for which looking is cheaper than encoding. */
const PLAIN_SEGMENT = /^[\w.~:@!*'()-]*$/;

// RFC 3986, 3.3: `:` and `@` are allowed in a path segment, and vendors (`messages:send`) write them plainly.
function encodePathSegment(segment: string): string {
  if (PLAIN_SEGMENT.test(segment)) return segment;
  return encodeURIComponent(segment).replace(/%3A/g, ':').replace(/%40/g, '@');
}
