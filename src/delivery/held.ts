import type { HookNote, Ruling } from '../hooks/index.ts';
import { assertTransition } from '../ledger/index.ts';
import type { Claimed } from '../queue/index.ts';
import type { Settlement } from './settle.ts';
import type { Result } from './store.ts';

/** How long hooks may hold up a delivery that has no expiry of its own. */
const LONGEST_HOLD_MS = 3 * 24 * 60 * 60 * 1_000;

/** A hook did not let the message go; nothing was sent. */
export type Refusal = Exclude<Ruling, { kind: 'send' }>;

/** The end of an attempt that a hook stopped. It says nothing about the connection. Pure. */
export function endHeld(
  claimed: Claimed,
  refusal: Refusal,
  { startedAt, now }: { startedAt: number; now: number },
): Result {
  const settlement = settleRefusal(refusal, { ...claimed, now });
  assertTransition('sending', settlement.state);
  return {
    claimed,
    settlement,
    outcome: settlement.state === 'queued' ? 'deferred' : settlement.state,
    ...withNotes(null, refusal.notes),
    startedAt,
    latencyMs: now - startedAt,
    finishedAt: now,
  };
}

/** Waiting uses up no retry; it ends with the expiry, or after days in the list of what needs a look. */
export function settleRefusal(
  refusal: Refusal,
  delivery: Pick<Claimed, 'createdAt' | 'expiresAt' | 'retries'> & { now: number },
): Settlement {
  const { now, createdAt, expiresAt, retries } = delivery;
  const nothing = {
    dueAt: null,
    decideAt: null,
    moveTo: null,
    providerMessageId: null,
    effect: null,
    choice: null,
  };
  const ended = { ...nothing, retries, code: refusal.code };
  if (refusal.kind === 'drop') return { ...ended, state: 'skipped', reason: 'hook_dropped' };
  const { reason } = refusal;
  const dueAt = now + refusal.afterMs;
  if (expiresAt !== null && dueAt >= expiresAt) return { ...ended, state: 'expired', reason };
  if (expiresAt === null && dueAt >= createdAt + LONGEST_HOLD_MS) return { ...ended, state: 'dead', reason };
  return { ...ended, state: 'queued', reason, dueAt };
}

/** Puts what hooks did beside the other facts of an attempt. */
export function withNotes(
  detail: Record<string, unknown> | null,
  notes: HookNote[],
): Pick<Result, 'detail' | 'hookReason'> {
  if (notes.length === 0) return { detail };
  return { detail: { ...detail, hooks: notes }, hookReason: notes.at(-1)!.reason };
}
