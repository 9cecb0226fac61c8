import type { HttpRequest, HttpResponse, MailRequest, Outcome, SmtpReply } from '../../providers/index.ts';
import { retry, unavailable, unknown } from '../../providers/index.ts';

/** A reply to classify, or a fault of the way there, judged by the evidence of what was written (never by hope). */
export type Sent<Reply> =
  | { kind: 'reply'; reply: Reply }
  | Fault;

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
  /** Test attempts: go to this origin (it may have a path) instead of the request's, with these headers added. */
  redirect?: { origin: string; headers: Record<string, string> };
}

export interface Transport<Request, Reply> {
  send(request: Request, options: SendOptions): Promise<Sent<Reply>>;
  close(): Promise<void>;
}

export type HttpTransport = Transport<HttpRequest, HttpResponse>;
export type SmtpTransport = Transport<MailRequest, SmtpReply>;

/** Bytes of an answer that are read; the rest is cut. */
export const MAX_ANSWER_BYTES = 65_536;

/** The request's URL, or the simulator's in its place. */
export function targetOf(requested: string, options: SendOptions): URL {
  const url = new URL(requested);
  if (!options.redirect) return url;
  const origin = new URL(options.redirect.origin);
  return new URL(`${origin.pathname.replace(/\/$/, '')}${url.pathname}${url.search}`, origin);
}

// TLS errors as OpenSSL and Node name them: the peer is not who it should be, so nothing was sent to it.
const TLS_ERROR = /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|EPROTO)/;

/**
 * What a failed exchange means. `bytesOut` is the evidence: false proves that the peer saw nothing, so trying again
 * is safe; true means that nobody can tell.
 */
export function judgeFault(error: Error & { code?: string }, bytesOut: boolean): Fault {
  const code = error.code ?? error.name;
  const detail = `${code}: ${error.message}`.slice(0, 300);
  const isTimeout = /TIMEOUT|TIMEDOUT|ABORT/i.test(code);
  if (bytesOut) return { kind: 'fault', outcome: unknown(isTimeout ? 'timeout' : 'connection_lost', { code }), detail };
  if (code === 'EGRESS_REFUSED') return { kind: 'fault', outcome: unavailable('egress_refused', { code }), detail };
  if (TLS_ERROR.test(code)) return { kind: 'fault', outcome: unavailable('account_misconfigured', { code }), detail };
  return { kind: 'fault', outcome: retry(isTimeout ? 'timeout' : 'network_error', { code }), detail };
}
