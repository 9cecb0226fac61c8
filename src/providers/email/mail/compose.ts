import { htmlToText, textToHtml } from '../../../lib/html-text.ts';
import type { Content, Message } from '../../contract.ts';

/** The parts of a mail, safe to hand to any vendor: no line break begins a header, one address stays one recipient. */
export interface Mail {
  to: string;
  subject: string;
  text: string;
  html: string;
  replyTo?: string;
  headers: Record<string, string>;
}

/** A mail of a message; `own` stands where the message says nothing itself. */
export function composeMail({ recipient, content }: Message, own: { replyTo?: string } = {}): Mail {
  const replyTo = content.replyTo ?? own.replyTo;
  return {
    to: singleAddress(recipient.address),
    subject: oneLine(content.subject ?? content.title ?? ''),
    ...composeBody(content),
    ...(replyTo !== undefined && { replyTo: oneLine(replyTo) }),
    headers: composeHeaders(content.headers ?? {}),
  };
}

/** Text and HTML stand side by side; the one that is missing is made from the other. */
function composeBody({ text, html, body, url }: Content): { text: string; html: string } {
  if (html) return { text: text ?? htmlToText(html), html };
  const plain = text ?? [body, url].filter(Boolean).join('\n\n');
  return { text: plain, html: textToHtml(plain) };
}

/** RFC 5322, 2.2: printable ASCII without the colon. */
const HEADER_NAME = /^[!-9;-~]+$/;

/** Written by the message builder from the other fields; a second one would forge a sender or add a recipient. */
const OWNED_HEADERS = new Set(
  (
    'from sender reply-to to cc bcc subject date message-id mime-version content-type content-transfer-encoding ' +
    'content-disposition return-path received dkim-signature resent-to resent-cc resent-bcc'
  ).split(' '),
);

/** `List-Unsubscribe` and its like pass as they are, once each (RFC 8058 asks for exactly one). */
function composeHeaders(own: Record<string, string>): Record<string, string> {
  const headers = new Map([['auto-submitted', ['Auto-Submitted', 'auto-generated']]]);
  for (const [name, value] of Object.entries(own)) {
    const key = name.toLowerCase();
    if (HEADER_NAME.test(name) && !OWNED_HEADERS.has(key)) headers.set(key, [name, oneLine(value)]);
  }
  return Object.fromEntries(headers.values());
}

/** A line break in a header's value would begin a header of the attacker's choice (CWE-93). */
export function oneLine(value: string): string {
  return value.replace(/[\r\n\0]+/g, ' ').trim();
}

/** What would make a list, a group or a comment of an address (RFC 5322, 3.4) is replaced: it stays one recipient. */
function singleAddress(address: string): string {
  return oneLine(address).replace(/[\s,;<>()]+/g, '?');
}
