import type { TenantHooks } from '../hooks/index.ts';
import type { Logger } from '../lib/logger.ts';
import { type Message, type Outcome, rejected } from '../providers/index.ts';
import type { Claimed } from '../queue/index.ts';
import type { Category } from '../rules/index.ts';
import type { Tracer } from '../telemetry/index.ts';
import type { CompiledTemplate } from '../templates/index.ts';
import type { MessageTracking } from '../visits/index.ts';
import { recheck } from './compose.ts';
import { type ExchangeTools, exchange, type Held, type Sending } from './exchange.ts';
import { canShareRecipients } from './failover.ts';
import type { Gate } from './gate.ts';
import type { Health } from './health.ts';
import { endHeld, withNotes } from './held.ts';
import { isTrouble, lessonOf } from './lesson.ts';
import type { MessageLinks } from './message-links.ts';
import { scheduleFor } from './retry.ts';
import type { Route } from './route.ts';
import type { SealedValues } from './sealed-content.ts';
import { type Alternative, type SettledOutcome, type Settlement, settle } from './settle.ts';
import type { Result } from './store.ts';
import { attemptFact, attemptFields, attemptLevel } from './trace.ts';

/** Whatever keeps this process from making an attempt should not make it claim the same again at once. */
const HAND_BACK_MS = 1_000;
/** Retries over one connection before another one takes over; a single one for high priority. */
const PATIENCE = 2;

export interface AttemptTools extends ExchangeTools {
  logger: Logger;
  tracer?: Tracer;
}

/** All that one attempt works with, looked up for its whole batch before. */
export interface Work {
  claimed: Claimed;
  route: Route | null;
  gate: Gate;
  health: Health;
  category: Category;
  template: CompiledTemplate | null;
  /** Null without any. */
  hooks: TenantHooks | null;
  links: MessageLinks | null;
  tracking: MessageTracking | null;
  /** Null without any, or when they do not open. */
  sealed: SealedValues | null;
  /** Another connection that could take over now. */
  findAlternative(): Alternative | null;
}

/**
 * The life of one attempt: check again, render, send, classify, settle. Its start is on record already (the claim),
 * its end is written by the recorder behind the attempt's number. Never throws: what goes wrong is an outcome.
 */
export async function attempt(work: Work, tools: AttemptTools): Promise<Result> {
  const { claimed, gate } = work;
  const startedAt = tools.clock.now();
  if (!tools.isAlive(claimed.startedAt)) {
    // Stopped for so long (SIGSTOP, a frozen machine) that others may have taken this attempt over. If they did, the
    // fence keeps what is handed back from being written; if nobody did, nobody else would ever look after it.
    gate.abandon();
    return handBack(claimed, startedAt);
  }
  const verdict = recheck(claimed, startedAt);
  if (verdict) {
    gate.abandon();
    return told(notSent(claimed, { ...verdict, outcome: verdict.state, dueAt: null }, startedAt), tools);
  }
  const sent: Sending | Held = await exchange(work, tools).catch((error: unknown) => {
    // A bug of ours must not look like the provider's fault, and must not repeat for ever.
    tools.logger.error({ error, ...attemptFields(claimed) }, 'an attempt failed in our own code');
    return { outcome: rejected('request_invalid', { code: 'internal_error' }) };
  });
  const now = tools.clock.now();
  if ('held' in sent) {
    gate.abandon();
    work.health.forget(claimed.id);
    return sent.held ? told(endHeld(claimed, sent.held, { startedAt, now }), tools) : handBack(claimed, now);
  }
  const outcome = settledOutcome(sent.outcome);
  if (sent.untried) gate.abandon();
  else learn(work, { outcome, isRecipients: sent.recipientsFault ?? false, startedAt, now });
  const settlement = settle(outcome, {
    now,
    random: fractionOf(tools.random(4)),
    retries: claimed.retries,
    expiresAt: claimed.expiresAt,
    schedule: scheduleFor(claimed.channel as Message['channel'], claimed.priority),
    category: work.category,
    connection: claimed.connection,
    choice: claimed.choice,
    alternative: mayMove(outcome, sent, claimed) ? work.findAlternative() : null,
    patience: gate.isBroken ? 0 : claimed.priority === 'high' ? 1 : PATIENCE,
    breakMs: gate.breakMs,
  });
  const result = {
    claimed,
    settlement,
    outcome: outcome.kind,
    ...withNotes(sent.detail ?? null, sent.notes ?? []),
    startedAt,
    latencyMs: now - startedAt,
    finishedAt: now,
    inboxItem: sent.inboxItem,
  };
  return told(result, tools);
}

/** The log and the trace hear of every end. */
function told(result: Result, { logger, tracer }: AttemptTools): Result {
  const { claimed, settlement, outcome, latencyMs } = result;
  const level = attemptLevel(result);
  if (logger.isEnabled(level)) {
    const { state, reason, code } = settlement;
    logger[level]({ ...attemptFields(claimed), outcome, state, reason, code, latencyMs }, 'attempt finished');
  }
  tracer?.attempted(attemptFact(result));
  return result;
}

/** Random bytes as a number in [0, 1). */
function fractionOf(bytes: Uint8Array): number {
  return bytes.reduce((fraction, byte) => (fraction + byte) / 256, 0);
}

/** What the attempt tells about its connection goes to the gate (may more start?) and to the record of its health. */
function learn(
  { claimed, gate, health }: Work,
  attempted: { outcome: SettledOutcome; isRecipients: boolean; startedAt: number; now: number },
): void {
  const { outcome, isRecipients, startedAt, now } = attempted;
  const troubled = !isRecipients && isTrouble(outcome);
  health.answer(claimed.id, { troubled, now });
  const lesson = isRecipients ? 'healthy' : lessonOf(outcome);
  // It began before the breaker opened: no proof for or against what the probe finds out now.
  if (startedAt < health.breaker.openedAt && typeof lesson !== 'object') {
    gate.abandon();
    return;
  }
  gate.finish(lesson, now);
  // A vendor that is down and asks for a pause gets it, but is no less down for that.
  if (typeof lesson === 'object' && troubled) health.breaker.count(true, now);
}

/** Never after `unknown`: somebody else would send a second time what may have been sent. */
function mayMove(outcome: SettledOutcome, sent: Sending, claimed: Claimed): boolean {
  if (outcome.kind === 'unavailable') return true;
  return outcome.kind === 'retry' && !sent.recipientsFault && canShareRecipients(claimed.provider);
}

/** A token that is refused a second time, fresh as it is, means that the credentials behind it are not valid. */
function settledOutcome(outcome: Outcome): SettledOutcome {
  if (outcome.kind !== 'token-expired') return outcome;
  return { kind: 'unavailable', reason: 'credentials_invalid', code: outcome.code };
}

/** An attempt that this process could not make: queued again, with nothing used up. */
export function handBack(claimed: Claimed, now: number): Result {
  const end = { state: 'queued', reason: null, outcome: 'not_started', dueAt: now + HAND_BACK_MS } as const;
  return notSent(claimed, end, now);
}

/** An attempt that our own code could not bring to an end: whatever breaks it would break the next one too. */
export function breakOff(claimed: Claimed, now: number): Result {
  return notSent(
    claimed,
    { state: 'failed', reason: 'internal_error', outcome: 'rejected', dueAt: null },
    now,
  );
}

function notSent(
  claimed: Claimed,
  { outcome, ...end }: Pick<Settlement, 'state' | 'reason' | 'dueAt'> & { outcome: string },
  now: number,
): Result {
  const settlement: Settlement = {
    ...end,
    code: null,
    decideAt: null,
    retries: claimed.retries,
    moveTo: null,
    choice: null,
    providerMessageId: null,
    effect: null,
  };
  return {
    claimed,
    settlement,
    outcome,
    detail: null,
    startedAt: now,
    latencyMs: 0,
    finishedAt: now,
  };
}
