/** An element: its text, or what is in it by name, with a list where a name is repeated. */
export type XmlValue = string | XmlObject | (string | XmlObject)[];
export interface XmlObject {
  [name: string]: XmlValue;
}

const MAX_CHARS = 256 * 1024;
const MAX_ELEMENTS = 2_000;
const MAX_DEPTH = 8;
const NAME = /[A-Za-z_][\w.-]{0,63}/y;
const ENTITIES: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/**
 * What is in the root element of the XML that Chinese vendors post (elements, text, CDATA), as `JSON.parse` would give it
 * were it JSON; null for everything else. There is no document type, hence no entity but the five of XML itself, and
 * there are no attributes. One pass, with an end to size, number and depth: the text comes from the net.
 */
export function parseSmallXml(text: string): XmlObject | null {
  if (text.length > MAX_CHARS) return null;
  const reader = new Reader(text.trim().replace(/^<\?xml [^?<>]{0,100}\?>\s*/, ''));
  const root = reader.element(1);
  return root && reader.isAtEnd && typeof root.value === 'object' ? root.value : null;
}

interface Element {
  name: string;
  value: string | XmlObject;
}

class Reader {
  readonly #text: string;
  #at = 0;
  #elements = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  /** The element that begins here, or null when none does, or one that is no part of small XML. */
  element(depth: number): Element | null {
    this.#elements++;
    if (depth > MAX_DEPTH || this.#elements > MAX_ELEMENTS || !this.#take('<')) return null;
    const name = this.#name();
    if (name === null) return null;
    if (this.#take('/>')) return { name, value: '' };
    if (!this.#take('>')) return null;
    const value = this.#content(depth);
    return value !== null && this.#take(`</${name}>`) ? { name, value } : null;
  }

  /** Up to the end tag. Text between elements is white space for the eye. */
  #content(depth: number): string | XmlObject | null {
    let text = '';
    // Without a prototype: a name comes from the net.
    const object: XmlObject = Object.create(null);
    let isObject = false;
    while (!this.#text.startsWith('</', this.#at)) {
      if (this.#text.startsWith('<![CDATA[', this.#at)) {
        const end = this.#text.indexOf(']]>', this.#at);
        if (end < 0) return null;
        text += this.#text.slice(this.#at + 9, end);
        this.#at = end + 3;
      } else if (this.#text[this.#at] === '<') {
        const element = this.element(depth + 1);
        if (!element) return null;
        isObject = true;
        object[element.name] = joined(object[element.name], element.value);
      } else {
        const end = this.#text.indexOf('<', this.#at);
        if (end < 0) return null;
        text += decode(this.#text.slice(this.#at, end));
        this.#at = end;
      }
    }
    return isObject ? object : text;
  }

  #name(): string | null {
    NAME.lastIndex = this.#at;
    const name = NAME.exec(this.#text)?.[0];
    if (name === undefined) return null;
    this.#at += name.length;
    return name;
  }

  #take(literal: string): boolean {
    if (!this.#text.startsWith(literal, this.#at)) return false;
    this.#at += literal.length;
    return true;
  }
}

function joined(before: XmlValue | undefined, value: string | XmlObject): XmlValue {
  if (before === undefined) return value;
  if (!Array.isArray(before)) return [before, value];
  // Not a copy: many elements of one name would take quadratic time.
  before.push(value);
  return before;
}

function decode(text: string): string {
  return text.replace(/&([a-z]{2,4});/g, (whole, name: string) => ENTITIES[name] ?? whole);
}
