import type { Reason } from '../providers/index.ts';
import type { Lesson } from './gate.ts';
import type { SettledOutcome } from './settle.ts';

const DEFAULT_PAUSE_MS = 1_000;
/** Reasons that lie with the vendor or the way to it, not with the recipient, the content or our speed. */
const TROUBLES = new Set<Reason>([
  'provider_error',
  'provider_unavailable',
  'network_error',
  'timeout',
  'connection_lost',
  'response_unreadable',
]);
// RFC 3463: a mail server's 4.1, 4.2, 4.6 and 4.7 are about the address, the mailbox, the content and policy
// (greylisting): it is in good health. 4.3, 4.4 and 4.5 are about itself.
const ABOUT_THE_MESSAGE = /^4\.[1267]\./;

/** What the outcome says about the connection, not about this message. */
export function lessonOf(outcome: SettledOutcome): Lesson {
  switch (outcome.kind) {
    case 'accepted':
    case 'rejected':
      return 'healthy';
    case 'retry':
      if (outcome.scope === 'connection') return { pauseMs: outcome.afterMs ?? DEFAULT_PAUSE_MS };
      if (isTrouble(outcome)) return 'troubled';
      return outcome.afterMs === undefined ? 'healthy' : 'slowed';
    case 'unavailable':
      return 'broken';
    case 'unknown':
      return 'troubled';
  }
}

/** Whether it counts against the connection; a vendor that asks for a pause because it is down does, too. */
export function isTrouble(outcome: SettledOutcome): boolean {
  if (outcome.kind === 'unavailable' || outcome.kind === 'unknown') return true;
  if (outcome.kind !== 'retry' || !TROUBLES.has(outcome.reason)) return false;
  return outcome.scope === 'connection' || !ABOUT_THE_MESSAGE.test(outcome.code ?? '');
}
