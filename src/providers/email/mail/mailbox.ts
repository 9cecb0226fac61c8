import { oneLine } from './compose.ts';

const ADDRESS = String.raw`[^\s<>,;@]+@[^\s<>,;@]+`;

/** The pattern of fields that name a sender. */
export const MAILBOX_PATTERN = {
  regex: String.raw`${ADDRESS}|[^<>\r\n]*<${ADDRESS}>`,
  hint: 'an address, or a name and an address: Acme <news@acme.org>',
};

/** Whom a mail is from or to: `Acme <news@acme.org>` in its two parts. */
export interface Mailbox {
  email: string;
  name?: string;
}

export function parseMailbox(text: string): Mailbox {
  const line = oneLine(text);
  const [, named = '', email] = /^([^<>]*)<([^<>]*)>$/.exec(line) ?? [];
  if (email === undefined) return { email: line };
  const name = named.trim().replace(/^"(.*)"$/, '$1');
  return { email: email.trim(), ...(name && { name }) };
}

/**
 * RFC 5322, 3.4: a name with anything but words in it is quoted, else its comma would begin another mailbox. `encode` is
 * for vendors that take nothing but ASCII.
 */
export function formatMailbox(text: string, encode: (text: string) => string = (name) => name): string {
  const { email, name } = parseMailbox(text);
  if (name === undefined) return email;
  const encoded = encode(name);
  const isPlain = encoded !== name || /^[\p{L}\p{N}!#$%&'*+/=?^_`{|}~ -]+$/u.test(name);
  return `${isPlain ? encoded : `"${name.replace(/["\\]/g, String.raw`\$&`)}"`} <${email}>`;
}

/** Of UTF-8 in one encoded word, whose limit is 75 characters. */
const WORD_BYTES = 45;

/** RFC 2047, 2: text that is not ASCII as encoded words, none of which splits a character. ASCII stays as it is. */
export function encodeWords(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  const words = [''];
  for (const character of text) {
    const word = words.at(-1)! + character;
    if (Buffer.byteLength(word) <= WORD_BYTES) words[words.length - 1] = word;
    else words.push(character);
  }
  return words.map((word) => `=?UTF-8?B?${Buffer.from(word).toString('base64')}?=`).join(' ');
}
