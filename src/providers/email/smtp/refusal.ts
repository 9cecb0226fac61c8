import { type Outcome, rejected, retry, unavailable } from '../../contract.ts';

/**
 * What a server's refusal means. `codes` are reply codes (RFC 5321, 4.2.3) and enhanced status codes (RFC 3463 and
 * https://www.iana.org/assignments/smtp-enhanced-status-codes), where `*` stands for any ending; `text` is for
 * servers that only say it in words. The first row that matches decides, so the telling codes come first.
 */
type Row = { codes?: string; text?: RegExp; outcome: Outcome };

const MINUTE_MS = 60_000;
const dead = rejected('recipient_invalid', { effect: { type: 'suppress-contact' } });
// Greylisting lets the second try through after minutes; how many is ours to choose, so the schedule decides.
const busy = retry('provider_unavailable');
const slower = retry('rate_limited', { afterMs: 5 * MINUTE_MS });
const accountBusy = retry('provider_unavailable', { scope: 'connection' });

/** 4yz: the server asks to come back. */
const TRANSIENT: Row[] = [
  // 454 4.7.0 Temporary authentication failure
  { codes: '454', outcome: accountBusy },
  // We write to one recipient at a time: the server counts over the session or the hour.
  { codes: '4.5.3', outcome: slower },
  // Gmail: 421 4.7.28 (our network) and 450 4.2.1 (their mailbox); Outlook: 451 4.7.500 to 4.7.699 Server busy
  { codes: '4.7.28 4.2.1 4.7.5* 4.7.6*', outcome: slower },
  // "452 Too many recipients received this hour", "451 Rate limit exceeded"
  { text: /too many|rate limit/i, outcome: slower },
  { codes: '421', outcome: accountBusy },
  // Mailbox full: it takes its owner hours to notice.
  { codes: '4.2.2', outcome: retry('recipient_unreachable', { afterMs: 30 * MINUTE_MS }) },
  { codes: '4.3.1 452', outcome: retry('provider_unavailable', { afterMs: 30 * MINUTE_MS }) },
  { codes: '4.3.2 4.4.* 4.7.0', outcome: retry('provider_unavailable') },
  // Busy, or greylisted: the same server accepts after some minutes.
  { codes: '4.7.1 450 451', outcome: busy },
  { codes: '*', outcome: retry('provider_unavailable') },
];

/** 5yz: the same message would be refused again. */
const PERMANENT: Row[] = [
  // 530 5.7.0 Authentication required
  { codes: '530 534 535 538 5.7.8 5.7.9 5.7.11 5.7.14', outcome: unavailable('credentials_invalid') },
  // No such mailbox or domain; 521 and 556: the domain accepts no mail (null MX); 551: user not local
  { codes: '5.1.1 5.1.2 5.1.3 5.1.6 5.1.10 5.2.1 5.4.4 521 551 556', outcome: dead },
  { codes: '5.2.2', outcome: rejected('recipient_unreachable') },
  { codes: '5.2.3 5.3.4', outcome: rejected('content_too_large') },
  { codes: '5.1.7 5.1.8', outcome: rejected('request_invalid') },
  // Routing, permanent by its number, yet often repaired within the hour.
  { codes: '5.4.1 5.4.14', outcome: retry('recipient_unreachable', { afterMs: 15 * MINUTE_MS }) },
  // SPF, DKIM, DMARC or PTR of our domain or host
  {
    codes: '5.7.23 5.7.25 5.7.26 5.7.27 5.7.30 5.7.509 5.7.515',
    outcome: unavailable('account_misconfigured'),
  },
  { codes: '5.7.54 5.7.60', outcome: unavailable('sender_not_allowed') },
  // Policy, not the recipient's fault.
  { codes: '5.7.*', outcome: rejected('content_refused') },
  { codes: '5.6.*', outcome: rejected('content_invalid') },
  // "550 User unknown", "550 No such user here", "550 <a@b>: Recipient address does not exist", "554 This account has
  // been disabled"
  {
    text: /user unknown|unknown user|no such (user|recipient|mailbox)|does ?n[o']t exist|(account|mailbox|user).{0,40}disabled/i,
    outcome: dead,
  },
  // "552 Mailbox is full", "552 Quota exceeded", "552 User is over quota"
  { text: /mailbox (is )?full|quota/i, outcome: rejected('recipient_unreachable') },
  // "554 Message looks like spam", "550 Blocked", "554 Service unavailable; Client host is listed by a blocklist"
  { text: /\bspam|\bblock|\b(black|deny)?listed\b/i, outcome: rejected('content_refused') },
  { codes: '5.5.* 500 501 502 503 504', outcome: rejected('request_invalid') },
  { codes: '552', outcome: rejected('content_too_large') },
  { codes: '553', outcome: unavailable('sender_not_allowed') },
  // 550 and 554 without anything that tells why: a soft bounce.
  { codes: '*', outcome: rejected('recipient_unreachable') },
];

/** A server's refusal: its reply code, its whole text and the command it answered (`RCPT TO`, `DATA`, `CONN` …). */
export interface Refusal {
  replyCode: number;
  reply: string;
  command: string;
}

export function classifyRefusal({ replyCode, reply, command }: Refusal): Outcome {
  const enhanced = enhancedCode(replyCode, reply);
  const code = enhanced ?? String(replyCode);
  const rows = replyClass(replyCode) === 4 ? TRANSIENT : replyClass(replyCode) === 5 ? PERMANENT : [];
  const row = rows.find((candidate) => matches(candidate, [String(replyCode), enhanced], reply));
  if (row === undefined) return retry('response_unreadable', { code });
  const outcome = aboutUs(row.outcome, command);
  return outcome.kind === 'accepted' ? outcome : { ...outcome, code };
}

/** Before RCPT TO the server has not heard of the recipient: what it refuses is our host, login or sender. */
function aboutUs(outcome: Outcome, command: string): Outcome {
  if (outcome.kind !== 'rejected') return outcome;
  if (command.startsWith('AUTH')) return unavailable('credentials_invalid');
  if (/^(CONN|EHLO|HELO|LHLO|STARTTLS)/.test(command)) return unavailable('account_misconfigured');
  const blamesRecipient =
    outcome.reason === 'recipient_invalid' || outcome.reason === 'recipient_unreachable';
  return command === 'MAIL FROM' && blamesRecipient ? unavailable('sender_not_allowed') : outcome;
}

/** The enhanced code at the head of the reply, unless its class contradicts the reply code: then that is trusted. */
export function enhancedCode(replyCode: number, reply: string): string | undefined {
  const found = /^(?:\d{3}[ -])?\s*([245]\.\d{1,3}\.\d{1,3})\b/m.exec(reply)?.[1];
  return found?.startsWith(String(replyClass(replyCode))) ? found : undefined;
}

function replyClass(replyCode: number): number {
  return Math.floor(replyCode / 100);
}

function matches({ codes = '', text }: Row, given: (string | undefined)[], reply: string): boolean {
  if (text?.test(reply)) return true;
  return codes.split(' ').some((code) => {
    if (code.endsWith('*')) return given.some((one) => one?.startsWith(code.slice(0, -1)));
    return given.includes(code);
  });
}
