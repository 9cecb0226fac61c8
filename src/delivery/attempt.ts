import type { Logger } from '../lib/logger.ts';
import { type Message, type Outcome, rejected } from '../providers/index.ts';
import type { Claimed } from '../queue/index.ts';
import { categoryOf } from '../rules/index.ts';
import type { CompiledTemplate } from '../templates/index.ts';
import { recheck, type Verdict } from './compose.ts';
import { type ExchangeTools, exchange, type Sending } from './exchange.ts';
import type { Gate, Lesson } from './gate.ts';
import { scheduleFor } from './retry.ts';
import type { Route } from './route.ts';
import { type SettledOutcome, type Settlement, settle } from './settle.ts';
import type { Result } from './store.ts';

export interface AttemptTools extends ExchangeTools {
  logger: Logger;
  /** False when this process may have been given up for dead since `moment` (ms since epoch). */
  isAliveSince(moment: number): boolean;
}

/** All that one attempt works with, looked up for its whole batch before. */
export interface Work {
  claimed: Claimed;
  /** When it was claimed, in milliseconds since the epoch. */
  claimedAt: number;
  route: Route | null;
  gate: Gate;
  template: CompiledTemplate | null;
  /** Another connection that could take over now. */
  findAlternative(): { connection: string; provider: string } | null;
}

const GIVEN_UP = { state: 'queued', reason: 'worker_lost' } as const;
/** By then this process has proved that it is alive, or another one claims. */
const GIVEN_UP_WAIT_MS = 1_000;

/**
 * The life of one attempt: check again, render, send, classify, settle. Its start is on record already (the claim),
 * its end is written by the recorder behind the attempt's number. Never throws: what goes wrong is an outcome.
 */
export async function attempt(work: Work, tools: AttemptTools): Promise<Result> {
  const { claimed, gate } = work;
  const startedAt = tools.clock.now();
  if (!tools.isAliveSince(work.claimedAt)) {
    // Stopped for so long (SIGSTOP, a frozen machine, a clock that jumped) that others may have taken this attempt
    // over: then it is theirs, and this result is refused. If nobody has, it must not stay behind as being sent.
    gate.abandon();
    return endWithVerdict(claimed, GIVEN_UP, startedAt, startedAt + GIVEN_UP_WAIT_MS);
  }
  const verdict = recheck(claimed, startedAt);
  if (verdict) {
    gate.abandon();
    return endWithVerdict(claimed, verdict, startedAt);
  }
  const sent: Sending = await exchange(work, tools).catch((error: unknown) => {
    // A bug of ours must not look like the provider's fault, and must not repeat for ever.
    tools.logger.error(
      { error, delivery: claimed.id, provider: claimed.provider },
      'an attempt failed in our own code',
    );
    return { outcome: rejected('request_invalid', { code: 'internal_error' }) };
  });
  const now = tools.clock.now();
  const outcome = settledOutcome(sent.outcome);
  gate.finish(sent.recipientsFault ? 'healthy' : lessonOf(outcome), now);
  const settlement = settle(outcome, {
    now,
    random: Math.random(),
    retries: claimed.retries,
    expiresAt: claimed.expiresAt,
    schedule: scheduleFor(claimed.channel as Message['channel'], claimed.priority),
    category: categoryOf(claimed.category),
    alternative: outcome.kind === 'unavailable' ? work.findAlternative() : null,
    breakMs: gate.breakMs,
  });
  const result = {
    claimed,
    settlement,
    outcome: outcome.kind,
    detail: sent.detail ?? null,
    startedAt,
    latencyMs: now - startedAt,
    finishedAt: now,
    inboxItem: sent.inboxItem,
  };
  logResult(result, tools.logger);
  return result;
}

function logResult({ claimed, settlement, outcome, latencyMs }: Result, logger: Logger): void {
  const { id: delivery, notificationId: notification, connection, attempt } = claimed;
  const { reason, code } = settlement;
  logger.info(
    { delivery, notification, connection, attempt, outcome, reason, code, latencyMs },
    'attempt finished',
  );
}

/** A token that is refused a second time, fresh as it is, means that the credentials behind it are not valid. */
function settledOutcome(outcome: Outcome): SettledOutcome {
  if (outcome.kind !== 'token-expired') return outcome;
  return { kind: 'unavailable', reason: 'credentials_invalid', code: outcome.code };
}

/** What the outcome says about the connection, not about this message. */
function lessonOf(outcome: SettledOutcome): Lesson {
  switch (outcome.kind) {
    case 'accepted':
    case 'rejected':
      return 'healthy';
    case 'retry':
      return outcome.scope === 'connection' ? { pauseMs: outcome.afterMs ?? 1_000 } : 'troubled';
    case 'unavailable':
      return 'broken';
    case 'unknown':
      return 'troubled';
  }
}

/** An attempt that ended before anything was sent; with `dueAt` when it is queued again. */
function endWithVerdict(
  claimed: Claimed,
  verdict: Verdict | typeof GIVEN_UP,
  now: number,
  dueAt: number | null = null,
): Result {
  const settlement: Settlement = {
    state: verdict.state,
    reason: verdict.reason,
    code: null,
    dueAt,
    decideAt: null,
    retries: claimed.retries,
    moveTo: null,
    providerMessageId: null,
    effect: null,
  };
  return {
    claimed,
    settlement,
    outcome: verdict.state === 'queued' ? 'retry' : verdict.state,
    detail: null,
    startedAt: now,
    latencyMs: 0,
    finishedAt: now,
  };
}
