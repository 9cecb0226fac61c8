import { type Outcome, rejected, retry, unavailable, unknown } from '../../contract.ts';

const SECOND_MS = 1_000;

const effect = { type: 'suppress-contact' } as const;

/** The recipient's address is dead, malformed, or on the vendor's list of those: it is not written to again. */
export const IS_DEAD = { reason: 'recipient_invalid', effect } as const;
/** The recipient complained or unsubscribed at the vendor. */
export const HAS_OPTED_OUT = { reason: 'recipient_opted_out', effect } as const;

export const DEAD = rejected(IS_DEAD.reason, { effect });
export const OPTED_OUT = rejected(HAS_OPTED_OUT.reason, { effect });
/** The account may not call as often: none of these vendors says more than that by its status. */
export const THROTTLED = retry('rate_limited', { afterMs: SECOND_MS, scope: 'connection' });

/** What the HTTP status alone says, where the vendor's own code is missing or new. */
export function outcomeOfStatus(status: number, { isDeduped = false } = {}): Outcome {
  if (status === 401 || status === 403) return unavailable('credentials_invalid');
  if (status === 402) return unavailable('account_suspended');
  if (status === 408) return retry('timeout');
  if (status === 413) return rejected('content_too_large');
  if (status === 429) return THROTTLED;
  if (status >= 400 && status < 500) return rejected('request_invalid');
  if (status === 500) return retry('provider_error');
  if (status === 503) return retry('provider_unavailable');
  // A gateway in front of the API: whether the mail went through is not known. Only a dedupe key makes a repeat safe.
  if (status >= 500) return isDeduped ? retry('provider_error') : unknown('provider_error');
  if (status < 200) return unknown('response_unreadable');
  // A redirect (never followed with credentials): the base URL is not the vendor's API.
  return unavailable('account_misconfigured');
}
