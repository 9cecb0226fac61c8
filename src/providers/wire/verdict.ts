import { type Outcome, type Receipt, rejected, retry, unavailable, unknown } from '../contract.ts';

const SECOND_MS = 1_000;

/** A vendor's error codes (one or more to a row, separated by spaces) and what each means. */
export function tableOf(rows: [codes: string, outcome: Outcome][]): ReadonlyMap<string, Outcome> {
  return new Map(
    rows.flatMap(([codes, outcome]) => codes.split(' ').map((code) => [code, outcome] as const)),
  );
}

/**
 * What an HTTP status (RFC 9110, 15) means of a vendor that documents it no closer. With `isVendors` the answer was
 * written by the vendor's API itself, which then took nothing; a gateway before it cannot tell, and none of these
 * vendors recognises a repeated request.
 */
export function outcomeOfStatus(status: number, isVendors: boolean): Outcome {
  if (status < 300) return unknown('response_unreadable');
  if (status < 400) return unavailable('account_misconfigured');
  if (status === 401) return unavailable('credentials_invalid');
  if (status === 402) return unavailable('quota_exhausted');
  if (status === 403 || status === 404) return unavailable('account_misconfigured');
  if (status === 408) return retry('timeout');
  if (status === 413) return rejected('content_too_large');
  if (status === 429) return retry('rate_limited', { afterMs: SECOND_MS, scope: 'connection' });
  if (status < 500) return rejected('request_invalid');
  if (status === 503) return retry('provider_unavailable');
  return isVendors ? retry('provider_error') : unknown('provider_error');
}

type Cause = Pick<Receipt, 'reason' | 'code' | 'effect'>;

/** Why a message failed after the vendor had taken it, by what its code would mean in an answer. */
export function causeOf(outcome: Outcome | undefined, code: string | undefined): Cause {
  const named = code === undefined ? {} : { code };
  if (outcome === undefined || !('reason' in outcome)) return { reason: 'provider_error', ...named };
  const effect = outcome.kind === 'rejected' ? outcome.effect : undefined;
  return { reason: outcome.reason, ...named, ...(effect && { effect }) };
}
