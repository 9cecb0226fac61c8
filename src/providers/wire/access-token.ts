import { Secret } from '../../lib/secret.ts';
import { type Outcome, retry, type Token, unavailable } from '../contract.ts';

/** What fits into a header or a query; vendors ask for room for 512 characters. */
const VALUE = /^[\x21-\x7e]{8,2048}$/;
const LONGEST_LIFE_SECONDS = 7_200;

/**
 * The token of an answer with `access_token` and `expires_in` (seconds, as a number or as text; two hours at most, and
 * when it says nothing), or undefined. It is used until `marginMs` before its end, or until half its life is over when that is later.
 */
export function readAccessToken(
  answer: Record<string, unknown> | null,
  { now, marginMs }: { now: number; marginMs: number },
): Token | undefined {
  const value = answer?.access_token;
  if (typeof value !== 'string' || !VALUE.test(value)) return undefined;
  const given = answer?.expires_in;
  const seconds = typeof given === 'string' ? Number(given) : given;
  const isLife = typeof seconds === 'number' && seconds >= 1 && seconds <= LONGEST_LIFE_SECONDS;
  const lifeMs = (isLife ? seconds : LONGEST_LIFE_SECONDS) * 1000;
  return { value: new Secret(value), expiresAt: now + lifeMs - Math.min(marginMs, lifeMs / 2) };
}

/**
 * What it means that no token came, by what the answer would mean beside a message; null for an answer that tells nothing.
 * A failed fetch sent nothing, so whatever was wrong was so with the connection, and none of it is *unknown*.
 */
export function outcomeOfFetch(outcome: Outcome | null, status: number): Outcome {
  switch (outcome?.kind) {
    case 'unavailable':
      return outcome;
    case 'retry':
      return { ...outcome, scope: 'connection' };
    // Of a token when sending, of the credentials here.
    case 'token-expired':
    case 'rejected':
      return unavailable('credentials_invalid', { code: outcome.code });
    default:
      return retry('response_unreadable', { code: `${status}`, scope: 'connection' });
  }
}
