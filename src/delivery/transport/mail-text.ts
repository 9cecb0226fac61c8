import type { MailRequest } from '../../providers/index.ts';
import { addressHeader, subjectHeader, textHeader } from './mail-header.ts';
import { encodePart } from './mail-part.ts';

/** A message as it goes over the wire (RFC 5322): ASCII, CRLF after every line. */
export interface MailText {
  /** Folded, without the line break behind each. */
  headers: string[];
  body: string;
}

/** What a message has from outside: with these fixed, composing is a pure function. */
export interface Postmark {
  /** Milliseconds since the epoch. */
  now: number;
  /** Stands between the parts; must occur in none of them. */
  boundary: string;
}

/**
 * Writes a message down at once. nodemailer would build a tree of streams for it, which costs more than all the
 * rest of sending it. The fields must be free of line breaks and NUL, and the names of headers well-formed: `smtp.ts`
 * refuses all else.
 */
export function composeMail(mail: MailRequest['mail'], { now, boundary }: Postmark): MailText {
  const content = buildContent(mail, boundary);
  const headers = [
    ...Object.entries(mail.headers).map(([name, value]) =>
      value.trim() === '' ? '' : textHeader(name, value),
    ),
    addressHeader('From', mail.from),
    addressHeader('To', mail.to),
    mail.replyTo === undefined ? '' : addressHeader('Reply-To', mail.replyTo),
    mail.subject.trim() === '' ? '' : subjectHeader(mail.subject),
    `Message-ID: ${mail.messageId}`,
    `Date: ${new Date(now).toUTCString().replace('GMT', '+0000')}`,
    'MIME-Version: 1.0',
    ...content.headers,
  ];
  return { headers: headers.filter((header) => header !== ''), body: content.body };
}

export function renderMail({ headers, body }: MailText): string {
  return `${headers.join('\r\n')}\r\n\r\n${body}`;
}

/** RFC 2046, 5.1.4: the richest alternative comes last. */
function buildContent({ text, html }: MailRequest['mail'], boundary: string): MailText {
  const parts = [text ? buildPart('plain', text) : null, html ? buildPart('html', html) : null].filter(
    (part) => part !== null,
  );
  if (parts.length < 2) return parts[0] ?? buildPart('plain', '');
  const body = parts.map((part) => `--${boundary}\r\n${renderMail(part)}`).join('\r\n');
  return {
    headers: [`Content-Type: multipart/alternative;\r\n boundary="${boundary}"`],
    body: `${body}\r\n--${boundary}--\r\n`,
  };
}

function buildPart(kind: 'plain' | 'html', text: string): MailText {
  const { encoding, body } = encodePart(text);
  return {
    headers: [`Content-Type: text/${kind}; charset=utf-8`, `Content-Transfer-Encoding: ${encoding}`],
    body,
  };
}
