import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { Secret } from '../lib/secret.ts';
import {
  type HttpProvider,
  type InboxItem,
  type Message,
  type Outcome,
  type RequestContext,
  rejected,
  type SmtpProvider,
  unavailable,
} from '../providers/index.ts';
import type { Claimed } from '../queue/index.ts';
import { categoryOf } from '../rules/index.ts';
import type { CompiledTemplate } from '../templates/index.ts';
import { compose, recheck, type Verdict } from './compose.ts';
import type { Gate, Lesson } from './gate.ts';
import { scheduleFor } from './retry.ts';
import type { Route } from './route.ts';
import { buildPreview, type Sender } from './sender.ts';
import { type SettledOutcome, type Settlement, settle } from './settle.ts';
import type { Result } from './store.ts';
import type { TokenCache } from './tokens.ts';
import type { Sent } from './transport/index.ts';

const ANSWER_CHARS = 1_000;
const MIN_SECRET_CHARS = 6;

export interface AttemptTools {
  clock: Clock;
  logger: Logger;
  sender: Sender;
  tokens: TokenCache;
  random(bytes: number): Uint8Array;
  /** False once this process's proof of life is too old to be believed. */
  isAlive(): boolean;
  /** Where vendors post receipts of a connection; undefined when this installation has no public address. */
  callbackUrl(claimed: Claimed): string | undefined;
}

/** All that one attempt works with, looked up for its whole batch before. */
export interface Work {
  claimed: Claimed;
  route: Route | null;
  gate: Gate;
  template: CompiledTemplate | null;
  /** Another connection that could take over now. */
  findAlternative(): { connection: string; provider: string } | null;
}

/**
 * The life of one attempt: check again, render, send, classify, settle. Its start is on record already (the claim),
 * its end is written by the recorder behind the attempt's number. Never throws: what goes wrong is an outcome.
 * Null when this process was given up for dead before anything was sent.
 */
export async function attempt(work: Work, tools: AttemptTools): Promise<Result | null> {
  const { claimed, gate } = work;
  const startedAt = tools.clock.now();
  if (!tools.isAlive()) {
    // Stopped for so long (SIGSTOP, a frozen machine) that others have taken this attempt over: it is theirs now.
    gate.abandon();
    return null;
  }
  const verdict = recheck(claimed, startedAt);
  if (verdict) {
    gate.abandon();
    return endWithVerdict(claimed, verdict, startedAt);
  }
  const sent = await sendOnce(work, tools).catch((error: unknown) => {
    // A bug of ours must not look like the provider's fault, and must not repeat for ever.
    tools.logger.error(
      { error, delivery: claimed.id, provider: claimed.provider },
      'an attempt failed in our own code',
    );
    return { outcome: rejected('request_invalid', { code: 'internal_error' }) } as Sending;
  });
  const now = tools.clock.now();
  const outcome = settledOutcome(sent.outcome);
  gate.finish(lessonOf(outcome), now);
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

interface Sending {
  outcome: Outcome;
  detail?: Record<string, unknown>;
  inboxItem?: InboxItem;
}

async function sendOnce(work: Work, tools: AttemptTools): Promise<Sending> {
  const { claimed, route } = work;
  if (!route) return { outcome: unavailable('account_misconfigured', { code: 'connection_missing' }) };
  const composed = compose(claimed, work.template);
  if ('problem' in composed) return { outcome: rejected('content_invalid', { code: composed.problem }) };
  const { message } = composed;
  const context: RequestContext = {
    now: tools.clock.now(),
    random: tools.random,
    deliveryId: claimed.id,
    baseUrl: route.baseUrl,
    callbackUrl: tools.callbackUrl(claimed),
  };
  const { provider } = route;
  switch (provider.transport) {
    case 'inbox':
      if (!claimed.live) tools.sender.show(buildPreview(claimed, message, provider.id));
      return {
        outcome: { kind: 'accepted', providerMessageId: claimed.id },
        inboxItem: provider.request(message, route.config, context),
      };
    case 'smtp':
      return sendMail(provider, work, message, context, tools);
    case 'http':
    case 'http2':
      return sendHttp(provider, work, message, context, tools);
  }
}

async function sendMail(
  provider: SmtpProvider,
  { claimed, route }: Work,
  message: Message,
  context: RequestContext,
  tools: AttemptTools,
): Promise<Sending> {
  const request = provider.request(message, route!.config, context);
  const sent = await tools.sender.sendMail(
    provider,
    request,
    route!,
    buildPreview(claimed, message, provider.id),
  );
  if (sent.kind === 'fault') return { outcome: sent.outcome, detail: { fault: sent.detail } };
  const { reply } = sent;
  return {
    outcome: provider.classify(reply, { now: tools.clock.now() }),
    detail: { reply: printable(reply.reply ?? '', route!), kind: reply.kind },
  };
}

/** Twice at most: a token the vendor calls expired is replaced once, since then nothing was sent. */
async function sendHttp(
  provider: HttpProvider,
  work: Work,
  message: Message,
  context: RequestContext,
  tools: AttemptTools,
): Promise<Sending> {
  const first = await sendHttpOnce(provider, work, message, context, tools);
  return first.outcome.kind === 'token-expired'
    ? sendHttpOnce(provider, work, message, context, tools)
    : first;
}

async function sendHttpOnce(
  provider: HttpProvider,
  { claimed, route }: Work,
  message: Message,
  context: RequestContext,
  tools: AttemptTools,
): Promise<Sending> {
  const token = provider.token ? await tools.tokens.get(provider, route!, message, context.now) : undefined;
  if (token && 'outcome' in token) return { outcome: token.outcome, detail: { step: 'token' } };
  const request = provider.request(message, route!.config, { ...context, token: token?.value });
  const { payloadBytes } = provider.limits;
  if (payloadBytes !== undefined && Buffer.byteLength(request.body) > payloadBytes) {
    return { outcome: rejected('content_too_large', { code: `more than ${payloadBytes} bytes` }) };
  }
  const preview = route!.simulated ? buildPreview(claimed, message, provider.id) : '';
  const sent: Sent<Parameters<HttpProvider['classify']>[0]> = await tools.sender.sendHttp(
    provider,
    request,
    route!,
    preview,
  );
  if (sent.kind === 'fault') return { outcome: sent.outcome, detail: { fault: sent.detail } };
  const outcome = provider.classify(sent.reply, { now: tools.clock.now() });
  if (outcome.kind === 'token-expired' && token) tools.tokens.drop(route!, token.value as Secret);
  return { outcome, detail: { status: sent.reply.status, answer: printable(sent.reply.body, route!) } };
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

function endWithVerdict(claimed: Claimed, verdict: Verdict, now: number): Result {
  const settlement: Settlement = {
    state: verdict.state,
    reason: verdict.reason,
    code: null,
    dueAt: null,
    decideAt: null,
    retries: claimed.retries,
    moveTo: null,
    providerMessageId: null,
    effect: null,
  };
  return {
    claimed,
    settlement,
    outcome: verdict.state,
    detail: null,
    startedAt: now,
    latencyMs: 0,
    finishedAt: now,
  };
}

/** A vendor's words for the provider log: cut, storable, and without the connection's own secrets (some are echoed). */
function printable(text: string, route: Route): string {
  let shown = text.slice(0, ANSWER_CHARS).toWellFormed().replaceAll('\u0000', '');
  for (const value of Object.values(route.config as object)) {
    if (value instanceof Secret && value.reveal().length >= MIN_SECRET_CHARS)
      shown = shown.replaceAll(value.reveal(), '***');
  }
  return shown;
}
