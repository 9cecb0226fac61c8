import type { Clock } from '../lib/clock.ts';
import type { Channel, Content } from '../providers/index.ts';
import { parseAnswer, type Verdict } from './answer.ts';
import type { HookEvent } from './event.ts';
import type { OnFailure } from './hook.ts';

const FIRST_WAIT_MS = 5_000;
const WHY_CHARS = 300;
const LONGEST_WAIT_MS = 300_000;

/** One hook to be asked before sending, wherever it runs. */
export interface Asked {
  id: string;
  onFailure: OnFailure;
  /** Never throws. `retryAfterMs`: how long it is of no use to ask again. */
  ask(event: HookEvent): Promise<{ value: unknown } | { failed: string; retryAfterMs?: number }>;
}

/** What stands about a hook in the log of attempts, when it did more than to agree. */
export interface HookNote {
  hook: string;
  reason: 'hook_failed' | 'hook_dropped' | 'hook_deferred' | 'hook_replaced';
  /** Why it failed, or the reason that it gave. */
  why?: string;
  /** Which fields of the content it wrote. */
  replaced?: string[];
  latencyMs: number;
}

/** What the hooks together decided about an attempt. */
export type Ruling =
  | { kind: 'send'; content: Content; notes: HookNote[] }
  | { kind: 'drop'; code: string | null; notes: HookNote[] }
  | {
      kind: 'defer';
      reason: 'hook_deferred' | 'hook_failed';
      code: string | null;
      afterMs: number;
      notes: HookNote[];
    };

export interface Question {
  channel: Channel;
  content: Content;
  /** Number of the attempt: a fail-closed hook is asked again after longer and longer waits. */
  attempt: number;
  event(content: Content): HookEvent;
}

/**
 * Asks hooks one after the other; each sees the content as the ones before left it, and the first that does not let it
 * go ends the row.
 */
export async function askAll(
  hooks: Asked[],
  question: Question,
  { clock, random }: { clock: Clock; random: () => number },
): Promise<Ruling> {
  const notes: HookNote[] = [];
  let { content } = question;
  for (const hook of hooks) {
    const startedAt = clock.now();
    const reply = await hook.ask(question.event(content));
    const note = { hook: hook.id, latencyMs: clock.now() - startedAt };
    const read =
      'failed' in reply
        ? { problem: reply.failed }
        : readAnswer(reply.value ?? { verdict: 'send' }, { channel: question.channel, content });
    if ('problem' in read) {
      notes.push({ ...note, reason: 'hook_failed', why: printable(read.problem) });
      if (hook.onFailure === 'open') continue;
      const retryAfterMs = 'failed' in reply ? (reply.retryAfterMs ?? 0) : 0;
      const afterMs = Math.max(retryAfterMs, waitMs(question.attempt, random()));
      return { kind: 'defer', reason: 'hook_failed', code: hook.id, afterMs, notes };
    }
    const { verdict } = read;
    if (verdict.kind !== 'send') return refuse(verdict, note, notes);
    if (verdict.replaced.length > 0)
      notes.push({ ...note, reason: 'hook_replaced', replaced: verdict.replaced });
    content = verdict.content;
  }
  return { kind: 'send', content, notes };
}

function refuse(
  verdict: Exclude<Verdict, { kind: 'send' }>,
  note: { hook: string; latencyMs: number },
  notes: HookNote[],
): Ruling {
  const reason = verdict.kind === 'drop' ? 'hook_dropped' : 'hook_deferred';
  notes.push({ ...note, reason, ...(verdict.reason === null ? {} : { why: verdict.reason }) });
  if (verdict.kind === 'drop') return { kind: 'drop', code: verdict.reason, notes };
  return { kind: 'defer', reason: 'hook_deferred', code: verdict.reason, afterMs: verdict.afterMs, notes };
}

/** An answer may be nested deeper than the stack is. */
function readAnswer(...answer: Parameters<typeof parseAnswer>): ReturnType<typeof parseAnswer> {
  try {
    return parseAnswer(...answer);
  } catch {
    return { problem: 'the answer can not be read' };
  }
}

/** Words from outside for the log of attempts: cut, and without what PostgreSQL could not store. */
function printable(text: string): string {
  return text.slice(0, WHY_CHARS).toWellFormed().replaceAll('\u0000', '');
}

/** Doubles from attempt to attempt; up to a fifth is added so that a crowd does not come back at once. */
function waitMs(attempt: number, random: number): number {
  const base = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(10, attempt - 1));
  return Math.round(base * (1 + random / 5));
}
