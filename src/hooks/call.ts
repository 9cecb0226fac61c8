import type { Clock } from '../lib/clock.ts';
import { signWebhook } from '../lib/standard-webhooks.ts';
import type { HttpRequest, HttpResponse } from '../providers/index.ts';
import { TIMED_OUT, withinBudget } from './budget.ts';
import type { HookEvent } from './event.ts';
import { type Hook, signersOf } from './hook.ts';

const MAX_CONNECTIONS = 64;

/** Puts requests on the wire: behind the egress guard, without redirects, and reads no more than 64 KiB of an answer. */
export interface HookTransport {
  send(
    request: HttpRequest,
    options: {
      connectionKey: string;
      connectTimeoutMs: number;
      deadlineMs: number;
      maxInFlight: number;
      signal: AbortSignal;
    },
  ): Promise<{ kind: 'reply'; reply: HttpResponse } | { kind: 'fault'; detail: string }>;
}

export interface CallTools {
  clock: Clock;
  transport: HookTransport;
}

/** What came back: the value in the body (null without one, a text if it is no JSON), or why nothing did. */
export type Reply = { status: number; value: unknown } | { status?: number; failed: string };

/**
 * One signed call (https://www.standardwebhooks.com) within the hook's time. `callId` is the same when the same thing
 * is asked again, so that a receiver can tell repetitions. Never throws.
 */
export async function callHook(
  { clock, transport }: CallTools,
  hook: Hook,
  { event, callId }: { event: HookEvent; callId: string },
): Promise<Reply> {
  const now = clock.now();
  const signers = signersOf(hook, now);
  if (signers.length === 0) return { failed: 'its secret can not be decrypted' };
  const body = JSON.stringify(event);
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    'user-agent': 'Bellhop',
    ...signWebhook({ id: callId, body, now }, signers),
  };
  const { timeoutMs } = hook;
  const sent = await withinBudget(clock, timeoutMs, (signal) =>
    transport.send(
      { method: 'POST', url: hook.url, headers, body },
      {
        connectionKey: hook.key,
        connectTimeoutMs: timeoutMs,
        // The budget ends it before; this is for a clock that tests hold.
        deadlineMs: 2 * timeoutMs + 1_000,
        maxInFlight: MAX_CONNECTIONS,
        signal,
      },
    ),
  );
  if (sent === TIMED_OUT) return { failed: `no answer within ${timeoutMs} ms` };
  return sent.kind === 'fault' ? { failed: sent.detail } : readReply(sent.reply);
}

function readReply({ status, body }: HttpResponse): Reply {
  if (status < 200 || status > 299) return { status, failed: `status ${status}` };
  if (body.trim() === '') return { status, value: null };
  try {
    return { status, value: JSON.parse(body) };
  } catch {
    return { status, value: body };
  }
}
