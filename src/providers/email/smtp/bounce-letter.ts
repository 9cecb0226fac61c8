import { type Finding, judgeBounce } from './bounce-verdict.ts';
import { type Entity, typeOf } from './report.ts';

const DAEMON = /mailer-daemon|postmaster|mail delivery (sub)?system/i;
/** Where the copy of the mail begins, whose words are not the server's. */
const COPY =
  /\n-{2,} ?(?:below this line is a copy|this is a copy of|original message|returned message)|\nreturn-path:/i;
const MAX_LETTER = 8 * 1024;
/** `550 5.1.1 …`, `#5.1.1 …`, `550-…`: the codes of RFC 5321 and RFC 3463 in running text. */
const CODE =
  /(?:^|[\s#(:<])([45]\d\d)[ -](?:#?([45]\.\d{1,3}\.\d{1,3}))?|(?:^|[\s#(:<])([45]\.\d{1,3}\.\d{1,3})(?!\d)/;

/**
 * Bounces that are written for people: qmail (https://cr.yp.to/proto/qsbmf.txt), older Exim (`X-Failed-Recipients`),
 * Exchange of old. Only what a mail server says of itself counts, and only with a code or a plain word for failure.
 */
export function readLetter({ fields, body }: Entity, parts: Entity[]): Finding[] {
  const isDaemon = DAEMON.test(fields.get('from') ?? '') || fields.has('x-failed-recipients');
  if (!isDaemon) return [];
  const text = parts.find((part) => typeOf(part) === 'text/plain')?.body ?? body;
  const letter = beforeCopy(text.slice(0, MAX_LETTER));
  const found = CODE.exec(letter);
  const code = found?.[2] ?? found?.[3];
  const replyCode = found?.[1];
  const isWarning = /\b(delayed|warning)\b/i.test(fields.get('subject') ?? '');
  if (isWarning) return [{ event: 'delayed', ...(code !== undefined && { code }) }];
  const isFinal = fields.has('x-failed-recipients') || /permanent|giv(?:en|ing) up|fatal error/i.test(letter);
  if (!found) return isFinal ? [{ event: 'bounced', reason: 'recipient_unreachable' }] : [];
  const isTransient = (code ?? replyCode)!.startsWith('4');
  if (isTransient && !isFinal) return [{ event: 'delayed', ...(code !== undefined && { code }) }];
  return [judgeBounce(code, letter.slice(found.index).replace(/^[\s#(:<]+/, ''))];
}

function beforeCopy(text: string): string {
  const copy = COPY.exec(text);
  return copy ? text.slice(0, copy.index) : text;
}
