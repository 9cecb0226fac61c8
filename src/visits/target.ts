import { MAX_URL } from './token.ts';

const WEB = /^https?:\/\//i;
/** The references that an address in HTML needs; what else looks like one is not guessed at. */
const NAMED: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const REFERENCE = /&(?:#(?:(\d{1,7})|[xX]([0-9a-fA-F]{1,6}));|([a-zA-Z][a-zA-Z0-9]*)(;|(?![a-zA-Z0-9=]))|#)/g;
/** What URL parsers strip at both ends. */
const EDGES = /^[\u0000-\u0020]+|[\u0000-\u0020]+$/g;

/**
 * Where the value of an href leads, as it stands in the HTML: an http or https address as a browser would ask for it,
 * or null for everything else, and for what cannot be said for certain. Such a link is left as it is.
 */
export function readHref(value: string): string | null {
  const text = value.includes('&') ? decodeReferences(value) : value;
  return text === null ? null : readTarget(text.replace(EDGES, ''));
}

/** An http or https address in its one spelling, all ASCII; null for what is none, or too long, or names a user. */
export function readTarget(text: string): string | null {
  if (!WEB.test(text)) return null;
  const url = URL.parse(text);
  if (url?.username !== '' || url.password !== '') return null;
  return url.href.length > MAX_URL ? null : url.href;
}

/**
 * Character references of an attribute (HTML, 13.2.5.72): a name without `;` that `=` or a letter follows is text. One
 * of the other 2,000 names makes the value uncertain, and so does a number that HTML maps to something else.
 */
function decodeReferences(value: string): string | null {
  let isCertain = true;
  const text = value.replace(REFERENCE, (match, decimal, hex, name, end) => {
    if (name !== undefined) {
      const character = Object.hasOwn(NAMED, name) ? NAMED[name] : undefined;
      if (character === undefined || end !== ';') isCertain = false;
      return character ?? match;
    }
    const code = Number.parseInt(decimal ?? hex ?? '', decimal === undefined ? 16 : 10);
    const isPlain = (code > 0 && code < 0x80) || (code >= 0xa0 && code < 0xd800);
    if (!isPlain) isCertain = false;
    return isPlain ? String.fromCodePoint(code) : match;
  });
  return isCertain ? text : null;
}
