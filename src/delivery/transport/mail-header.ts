import type MimeNode from 'nodemailer/lib/mime-node';
import { onDemand } from '../../lib/on-demand.ts';

const mimeNode = onDemand<typeof MimeNode>('nodemailer/lib/mime-node');

const LINE_CHARS = 76;
/** RFC 2047, 2: 75 characters for an encoded word; shorter, so that the first fits beside the name of its header. */
const ENCODED_CHARS = 52;
/** RFC 5322, 2.1.1: 998 in a line; a longer word of a subject is encoded, since an encoded one can be folded. */
const MAX_WORD = 900;

const PRINTABLE = /^[\x20-\x7e]*$/;
const ENCODED_WORD = /^=\?[^\s()<>@,;:"/[\]?.=]+\?[BbQq]\?[^?\s]+\?=$/;
const LONG_WORD = new RegExp(`[^ ]{${MAX_WORD}}`);
const ATOMS = String.raw`[\w!#$%&'*+\-/=?^\`{|}~]+(?:\.[\w!#$%&'*+\-/=?^\`{|}~]+)*`;
const DOMAIN = String.raw`[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*`;
/** An address, or a name that needs no quotes and an address. */
const PLAIN_MAILBOX = new RegExp(String.raw`^(?:${ATOMS}@${DOMAIN}|\w+(?: \w+)* <${ATOMS}@${DOMAIN}>)$`);

/** Headers that hold message ids or a structured value: an encoded word in them would be read as it stands. */
const STRUCTURED = new Set(['in-reply-to', 'references', 'content-id', 'otp-token']);

/** Any header but an address's, folded, without the last line break; encoded (RFC 2047) where it must be. */
export function textHeader(name: string, value: string): string {
  if (STRUCTURED.has(name.toLowerCase()))
    return fold(`${name}: ${mimeNode().encodeHeaderValue(name, value)}`);
  return fold(`${name}: ${isWritable(value) ? value : encodeWords(value)}`);
}

/** The subject is shown as it was written, even what looks encoded, and never is a line too long for a server. */
export function subjectHeader(subject: string): string {
  // Some readers make one blank of several, in plain text.
  const isPlain = PRINTABLE.test(subject) && !/=\?| {2}/.test(subject) && !LONG_WORD.test(subject);
  return fold(`Subject: ${isPlain ? subject : encodeWords(subject)}`);
}

/**
 * `From`, `To` or `Reply-To`: one or more mailboxes, as nodemailer reads them, which knows quoting, encoded names and
 * international domains. Empty when there is no address in it.
 */
export function addressHeader(name: 'From' | 'To' | 'Reply-To', value: string): string {
  const mailboxes = PLAIN_MAILBOX.test(value) ? value : mimeNode().encodeHeaderValue(name, value);
  return mailboxes.trim() === '' ? '' : fold(`${name}: ${mailboxes}`);
}

/** Who gives a header may have encoded it; what only looks so would be read as something else (RFC 2047, 7). */
function isWritable(value: string): boolean {
  if (!PRINTABLE.test(value)) return false;
  if (!value.includes('=?')) return true;
  const suspects = value.split(' ').filter((word) => word.includes('=?'));
  return suspects.every((word) => word.length <= 75 && ENCODED_WORD.test(word));
}

/**
 * The whole value as encoded words, none of which splits a character: some clients lose the blanks between encoded
 * and plain ones. Q where most of it stays legible, B otherwise.
 */
function encodeWords(value: string): string {
  const text = value.toWellFormed();
  const letters = text.match(/[A-Za-z]/g)?.length ?? 0;
  const foreign = text.match(/[^\x20-\x7e]/g)?.length ?? 0;
  const [kind, encode] = foreign < letters ? (['Q', encodeQ] as const) : (['B', encodeB] as const);
  const words: string[] = [];
  let taken = '';
  let bytes = 0;
  for (const character of text) {
    const size = kind === 'Q' ? encodeQ(character).length : Buffer.byteLength(character);
    if (bytes + size > (kind === 'Q' ? ENCODED_CHARS : (ENCODED_CHARS / 4) * 3)) {
      words.push(taken);
      [taken, bytes] = ['', 0];
    }
    taken += character;
    bytes += size;
  }
  words.push(taken);
  return words.map((word) => `=?UTF-8?${kind}?${encode(word)}?=`).join(' ');
}

const encodeB = (text: string) => Buffer.from(text).toString('base64');

/** RFC 2047, 5 (3): only these stand for themselves everywhere. */
function encodeQ(text: string): string {
  return text.replace(/[^A-Za-z0-9!*+\-/]/gu, (character) => {
    if (character === ' ') return '_';
    return Buffer.from(character).toString('hex').toUpperCase().replace(/../g, '=$&');
  });
}

/**
 * Breaks a header before single blanks, so that unfolding gives back every character of it, no line is empty, and
 * none has more than 76 characters unless a word does. Never right behind the name, which some servers dislike.
 */
export function fold(header: string): string {
  const lines: string[] = [];
  let start = 0;
  let from = header.indexOf(':') + 2;
  while (header.length - start > LINE_CHARS) {
    const at = findFold(header, from, start + LINE_CHARS);
    if (at < 0) break;
    lines.push(header.slice(start, at));
    start = at;
    from = at;
  }
  if (start === 0) return header;
  lines.push(header.slice(start));
  return lines.join('\r\n');
}

/** The last place behind `from` at which the line is not too long, or else the first at all; -1 where there is none. */
function findFold(header: string, from: number, limit: number): number {
  for (let at = limit; at > from; at--) if (isFoldable(header, at)) return at;
  for (let at = Math.max(limit, from) + 1; at < header.length; at++) if (isFoldable(header, at)) return at;
  return -1;
}

function isFoldable(header: string, at: number): boolean {
  return header[at] === ' ' && header[at - 1] !== ' ' && at + 1 < header.length && header[at + 1] !== ' ';
}
