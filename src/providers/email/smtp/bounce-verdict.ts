import type { Receipt } from '../../contract.ts';
import { classifyRefusal, enhancedCode } from './refusal.ts';

/** What a mail that came back says of the one that was sent. */
export type Finding = Pick<Receipt, 'event' | 'reason' | 'code' | 'effect'>;

/** What the server said: enough for its codes and its words. */
const MAX_DIAGNOSTIC = 500;

/**
 * A mail that a server gave up. The address is suppressed where the same answer to the sending itself would do it: a
 * full mailbox and a refused content are no reason, and a server that tried for days (4.x.x) is none either.
 */
export function judgeBounce(status: string | undefined, diagnostic: string): Finding {
  const text = diagnostic.slice(0, MAX_DIAGNOSTIC);
  const told = Number(/^[45]\d\d(?=[ -]|$)/.exec(text)?.[0] ?? 0);
  const kind = status?.[0] ?? String(told || 5)[0]!;
  if (kind !== '5')
    return { event: 'bounced', reason: 'recipient_unreachable', code: status ?? String(told) };
  const replyCode = told >= 500 ? told : 550;
  const words = text.replace(/^[45]\d\d[ -]?/, '');
  // x.0.0 is said where nothing better is known.
  const vague = status === undefined || status === '5.0.0';
  const named = (vague && enhancedCode(replyCode, words)) || status;
  const reply = `${replyCode} ${named ?? ''} ${words.replaceAll('\n', ' ')}`;
  const outcome = classifyRefusal({ replyCode, reply, command: 'RCPT TO' });
  const code = named ?? String(replyCode);
  if (outcome.kind !== 'rejected') return { event: 'bounced', reason: 'recipient_unreachable', code };
  const { reason, effect } = outcome;
  return { event: 'bounced', reason, code, ...(effect && { effect }) };
}
