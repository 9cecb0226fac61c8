import { type HttpResponse, parseRetryAfter } from '../providers/index.ts';

/** What an answer, or the lack of one, means for the delivery and for the endpoint. */
export interface Verdict {
  /**
   * `delivered`: it has it. `refused`: tried again by the schedule. `gone`: it wants nothing more, ever (410).
   * `interrupted`: we broke off ourselves, which is nobody's failure.
   */
  outcome: 'delivered' | 'refused' | 'gone' | 'interrupted';
  reason: string | null;
  status: number | null;
  /** The endpoint is slow or overloaded: the others of its line wait too. */
  isStrained: boolean;
  retryAfterMs: number | undefined;
  /** The beginning of the answer, for the log. */
  answer: string | null;
}

const ANSWER_BYTES = 1_024;
/** Too much for it, or nobody behind the door. */
const STRAINED = new Set([429, 502, 503, 504]);

export function judgeReply({ status, headers, body }: HttpResponse, now: number): Verdict {
  const verdict: Verdict = {
    outcome: 'refused',
    reason: null,
    status,
    isStrained: false,
    retryAfterMs: undefined,
    answer: body === '' ? null : beginningOf(body),
  };
  if (status >= 200 && status <= 299) return { ...verdict, outcome: 'delivered' };
  if (status === 410) return { ...verdict, outcome: 'gone', reason: 'gone' };
  // Followed, it could lead anywhere: https://github.com/standard-webhooks/standard-webhooks (SSRF).
  if (status >= 300 && status <= 399) return { ...verdict, reason: 'redirected' };
  const retryAfterMs = parseRetryAfter(headers['retry-after'], now);
  return { ...verdict, reason: 'refused', isStrained: STRAINED.has(status), retryAfterMs };
}

/** No answer: a time-out, a broken connection, an address that may not be called. */
export function judgeFault(reason: string): Verdict {
  const isStrained = reason === 'timeout' || reason === 'network_error' || reason === 'connection_lost';
  return { outcome: 'refused', reason, status: null, isStrained, retryAfterMs: undefined, answer: null };
}

/** At most 1 KiB, and nothing that PostgreSQL could not store. */
function beginningOf(body: string): string {
  const bytes = Buffer.from(body.slice(0, ANSWER_BYTES).toWellFormed());
  const cut = bytes.subarray(0, ANSWER_BYTES).toString('utf8');
  // A character that was cut in two ends in a replacement character, which may be longer than what it replaces.
  return cut.replace(/\uFFFD$/, '').replaceAll('\u0000', '');
}
