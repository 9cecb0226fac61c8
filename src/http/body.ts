import { unstorable } from '../lib/text.ts';
import { invalidField, Problem } from './errors.ts';
import type { Server } from './server.ts';

const MAX_DEPTH = 32;
const MAX_MEMBERS = 20_000;
// Any letter of a key may be written as an escape (RFC 8259, 7), so each is looked for in both spellings.
const FORBIDDEN_KEY = new RegExp(
  `"${[...'__proto__'].map((letter) => `(?:${letter}|\\\\u${hexOf(letter)})`).join('')}"\\s*:`,
);

/** JSON is the only body there is, by its exact media type; it is checked for size, depth and keys before parsing. */
export function installJsonBody(app: Server): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    async (_request: unknown, body: string | Buffer) => {
      const text = body.toString();
      if (text === '') return undefined;
      return parseJsonBody(text);
    },
  );
}

/**
 * Parses JSON text and refuses what could harm: nesting above 32, above 20,000 members, `__proto__` keys, and text that
 * PostgreSQL could not store.
 */
export function parseJsonBody(text: string): unknown {
  const complaint = inspectJson(text);
  if (complaint) throw new Problem('request.malformed', complaint);
  const value = parse(text);
  // Only an escape can bring such text: a raw NUL is no JSON, and decoding UTF-8 leaves no lone surrogate.
  const bad = text.includes('\\u') ? unstorable(value) : null;
  if (bad) throw invalidField(bad.path, bad.why);
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem('request.malformed', `The body is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** One linear pass over the text, before any object is made of it. */
function inspectJson(text: string): string | null {
  if (FORBIDDEN_KEY.test(text)) return 'The body has a key "__proto__"';
  let depth = 0;
  let members = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i++;
      else if (code === 0x22) inString = false;
      continue;
    }
    if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > MAX_DEPTH) return `The body is nested deeper than ${MAX_DEPTH} levels`;
    } else if (code === 0x7d || code === 0x5d) depth--;
    else if (code === 0x2c && ++members > MAX_MEMBERS) return `The body has more than ${MAX_MEMBERS} members`;
  }
  return null;
}

/** The four hexadecimal digits of a character, as a pattern for either case. */
function hexOf(character: string): string {
  const digits = character.charCodeAt(0).toString(16).padStart(4, '0');
  return digits.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
}
