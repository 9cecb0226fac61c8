import type { EgressGuard } from '../../lib/egress.ts';
import type { Logger } from '../../lib/logger.ts';
import type { HttpRequest, HttpResponse, MailRequest, Outcome, SmtpReply } from '../../providers/index.ts';

/** A reply to classify, or a fault of the way there, judged by the evidence of what was written (never by hope). */
export type Sent<Reply> = { kind: 'reply'; reply: Reply } | Fault;

export interface Fault {
  kind: 'fault';
  outcome: Outcome;
  /** For the provider log; names no secret. */
  detail: string;
}

export interface SendOptions {
  /** Tenant, connection and version: pools and sessions are never shared across it. */
  connectionKey: string;
  connectTimeoutMs: number;
  /** From the call to the complete answer. */
  deadlineMs: number;
  maxInFlight: number;
  /**
   * Test attempts: go to this origin (it may have a path, which is put before the request's) instead, with these
   * headers added. It is ours, so the egress guard is not asked.
   */
  redirect?: { origin: string; headers: Record<string, string> };
  /** Gives up; what was written by then decides what that means, as with the deadline. */
  signal?: AbortSignal;
}

export interface Transport<Request, Reply> {
  /** Never rejects: what goes wrong is a fault. */
  send(request: Request, options: SendOptions): Promise<Sent<Reply>>;
  /** Takes nothing new, waits a few seconds for what is under way, then closes all connections. */
  close(): Promise<void>;
}

export type HttpTransport = Transport<HttpRequest, HttpResponse>;
export type SmtpTransport = Transport<MailRequest, SmtpReply>;

export interface TransportTools {
  guard: EgressGuard;
  logger?: Logger;
}

/** How long `close` waits for exchanges under way. */
export const CLOSE_GRACE_MS = 3_000;
