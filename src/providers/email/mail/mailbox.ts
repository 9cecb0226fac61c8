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

/** RFC 5322, 3.4: a name with anything but words in it is quoted, else its comma would begin another mailbox. */
export function formatMailbox(text: string): string {
  const { email, name } = parseMailbox(text);
  if (name === undefined) return email;
  const isPlain = /^[\p{L}\p{N}!#$%&'*+/=?^_`{|}~ -]+$/u.test(name);
  return `${isPlain ? name : `"${name.replace(/["\\]/g, String.raw`\$&`)}"`} <${email}>`;
}
