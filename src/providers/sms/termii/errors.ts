import { type HttpResponse, type Outcome, rejected, unavailable } from '../../contract.ts';
import { parseExactObject } from '../../wire/exact-json.ts';
import { outcomeOfStatus } from '../../wire/verdict.ts';

/**
 * Termii has no error codes, and documents no body of a refusal: only the words tell
 * (https://developers.termii.com/messaging-api, https://developers.termii.com/errors). Words are a weak ground, so none
 * of them makes a number one that is never written to again.
 */
const WORDS: [words: RegExp, outcome: Outcome][] = [
  // "Invalid API key", "api_key is not valid", "Unauthorized"
  [/\bapi[ _]?key\b|unauthori[sz]ed/i, unavailable('credentials_invalid')],
  // "Insufficient balance"
  [/insufficient (?:balance|funds|credit)/i, unavailable('quota_exhausted')],
  // "Sender ID not approved", "ApplicationSenderId not found"
  [/sender ?id\b.*\bnot\b|\binvalid sender/i, unavailable('sender_not_allowed')],
  // "Country not enabled": for this recipient, not for the connection, whose breaker stays shut.
  [/country\b.*\b(?:not|inactive|disabled)\b/i, rejected('account_misconfigured')],
  // "DND Active on Phone Number": reached by the dnd channel only.
  [/\bdnd\b.*\bactive\b/i, rejected('recipient_unreachable')],
  // "Invalid phone number", "The to field is invalid"
  [
    /invalid (?:phone|recipient|destination|number)|(?:phone number|\bto\b field)\b.*\binvalid\b/i,
    rejected('recipient_invalid'),
  ],
];

/** A refused request: by the words of its message, then by its HTTP status. A 200 may hold a refusal too. */
export function judge({ status, body }: HttpResponse): { outcome: Outcome; code: string } {
  const parsed = parseExactObject(body);
  const code = codeOf(parsed?.code) ?? `${status}`;
  const said = typeof parsed?.message === 'string' ? parsed.message.slice(0, 500) : '';
  // A success that has no id, not a refusal.
  if (status < 300 && (said === '' || parsed?.code === 'ok' || status < 200))
    return { outcome: outcomeOfStatus(status, false), code };
  const isAboutUs = status < 300 || (status >= 400 && status < 500 && status !== 429 && status !== 408);
  const known = isAboutUs ? WORDS.find(([words]) => words.test(said))?.[1] : undefined;
  return { outcome: known ?? judgeByStatus(status, said !== ''), code };
}

function judgeByStatus(status: number, isVendors: boolean): Outcome {
  if (status < 300) return rejected('request_invalid');
  // A sender or a route that does not exist.
  if (status === 404) return unavailable('sender_not_allowed');
  return outcomeOfStatus(status, isVendors);
}

/** One word, so that no text with a key in it passes for a code. */
function codeOf(value: unknown): string | undefined {
  if (typeof value === 'string' && /^[a-z0-9_-]{1,32}$/.test(value)) return value;
  return typeof value === 'number' && Number.isSafeInteger(value) ? `${value}` : undefined;
}
