import { signWebhook } from '../lib/standard-webhooks.ts';
import type { HttpRequest, HttpResponse } from '../providers/index.ts';
import { type Endpoint, signersOf } from './endpoint.ts';
import { judgeFault, judgeReply, type Verdict } from './verdict.ts';

/** From the call to the complete answer. */
export const DEADLINE_MS = 15_000;
const CONNECT_MS = 5_000;
/** Calls of one endpoint that a process has under way at once. */
export const PER_ENDPOINT = 16;

/** Puts requests on the wire: behind the egress guard, without redirects, and reads no more than 64 KiB of an answer. */
export interface WebhookTransport {
  send(
    request: HttpRequest,
    options: {
      connectionKey: string;
      connectTimeoutMs: number;
      deadlineMs: number;
      maxInFlight: number;
      signal?: AbortSignal;
    },
  ): Promise<
    { kind: 'reply'; reply: HttpResponse } | { kind: 'fault'; outcome: { kind: string }; detail: string }
  >;
}

/** What an endpoint is told. `version` grows when a field changes its meaning; new fields come without notice. */
export interface Payload {
  type: string;
  version: 1;
  /** RFC 3339: when it happened. */
  timestamp: string;
  data: Record<string, unknown>;
}

export function renderPayload(event: {
  type: string;
  live: boolean;
  occurredAt: Date;
  sequence: string;
  data: Record<string, unknown>;
}): Payload {
  return {
    type: event.type,
    version: 1,
    timestamp: event.occurredAt.toISOString(),
    data: { ...event.data, live: event.live, sequence: Number(event.sequence) },
  };
}

/**
 * One signed call (https://www.standardwebhooks.com). `id` is the same however often the same thing is told, so that the
 * receiver can tell repetitions. Never throws.
 */
export async function callEndpoint(
  transport: WebhookTransport,
  endpoint: Endpoint,
  call: { id: string; payload: Payload; now: number; signal?: AbortSignal },
): Promise<Verdict> {
  const { id, payload, now, signal } = call;
  const signers = signersOf(endpoint, now);
  if (signers.length === 0) return judgeFault('secret_unreadable');
  const body = JSON.stringify(payload);
  const headers = {
    ...endpoint.headers,
    'content-type': 'application/json',
    'user-agent': 'Bellhop',
    ...signWebhook({ id, body, now }, signers),
  };
  const sent = await transport.send(
    { method: 'POST', url: endpoint.url, headers, body },
    {
      connectionKey: endpoint.connectionKey,
      connectTimeoutMs: CONNECT_MS,
      deadlineMs: DEADLINE_MS,
      maxInFlight: PER_ENDPOINT,
      signal,
    },
  );
  if (sent.kind === 'reply') return judgeReply(sent.reply, now);
  if (signal?.aborted) return { ...judgeFault('interrupted'), outcome: 'interrupted', isStrained: false };
  return judgeFault('reason' in sent.outcome ? String(sent.outcome.reason) : sent.outcome.kind);
}
