import {
  type HttpResponse,
  type Outcome,
  parseObject,
  rejected,
  retry,
  unavailable,
} from '../../contract.ts';
import { outcomeOfStatus, tableOf } from '../../wire/verdict.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const throttled = retry('rate_limited', { afterMs: SECOND_MS, scope: 'connection' });

/**
 * https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes: the same codes answer requests and stand in
 * status webhooks. Nothing here suppresses a contact: 131026 says too many things (no account, an old app, a block), and
 * 131050 is about marketing alone.
 */
const BY_CODE = tableOf([
  ['131026', rejected('recipient_unreachable')],
  // The sender itself.
  ['131021', rejected('recipient_invalid')],
  ['131050', rejected('recipient_opted_out')],
  // WhatsApp holds back marketing that people would not like; not before a day.
  ['131049', rejected('recipient_rate_limited')],
  // Taking part in an experiment; a country without such messages.
  ['130472 130497', rejected('recipient_unreachable')],
  // Outside of the 24 hours after the person wrote, only templates are delivered.
  ['131047', rejected('content_refused')],

  ['100 131008 131009 131051', rejected('request_invalid')],
  // Media; number and format of parameters; a template that is not there in this language; flows.
  ['131052 131053 132000 132001 132012 132018 132068 132069', rejected('content_invalid')],
  ['132005', rejected('content_too_large')],
  // The template breaks a rule, is paused, was disabled: others still work.
  ['132007 132015 132016', rejected('content_refused')],

  ['0 190', unavailable('credentials_invalid')],
  ['3 10 33 131005 131042', unavailable('account_misconfigured')],
  // Display name, registration of the number.
  ['131037 131045 133010', unavailable('sender_not_allowed')],
  ['368 131031', unavailable('account_suspended')],

  ['1 131000 131016 135000', retry('provider_error')],
  ['2 131057 133004', retry('provider_unavailable')],
  ['4 80007 130429', throttled],
  // One message in 6 seconds to the same person.
  ['131056', retry('recipient_rate_limited', { afterMs: 6 * SECOND_MS })],
  // Too many messages of this number were reported, which lasts for hours.
  ['131048', unavailable('rate_limited', { afterMs: HOUR_MS })],
  ['133016', unavailable('rate_limited', { afterMs: HOUR_MS })],
]);

/** What a code means, or undefined when it is not known. */
export function outcomeOf(code: string): Outcome | undefined {
  return BY_CODE.get(code) ?? (/^2\d\d$/.test(code) ? unavailable('account_misconfigured') : undefined);
}

/** What an answer that is no success means, and the code that stands for it. */
export function judge({ status, headers, body }: HttpResponse): { outcome: Outcome; code: string } {
  const error = parseObject(body)?.error as { code?: unknown } | null | undefined;
  const isVendors = Number.isSafeInteger(error?.code);
  const code = isVendors ? `${error!.code}` : `${status}`;
  const listed = isVendors ? outcomeOf(code) : undefined;
  if (!listed) return { outcome: outcomeOfStatus(isVendors && status < 300 ? 400 : status, isVendors), code };
  const waitMs = listed === throttled ? parseRegainMs(headers['x-business-use-case-usage']) : undefined;
  return {
    outcome: waitMs === undefined ? listed : retry('rate_limited', { afterMs: waitMs, scope: 'connection' }),
    code,
  };
}

/** The longest `estimated_time_to_regain_access` (minutes) in the usage of any account; an hour at most is believed. */
function parseRegainMs(usage: string | undefined): number | undefined {
  const accounts = Object.values(parseObject(usage ?? '') ?? {}).flat() as ({
    estimated_time_to_regain_access?: unknown;
  } | null)[];
  const minutes = accounts
    .map((each) => each?.estimated_time_to_regain_access)
    .filter((each): each is number => typeof each === 'number' && each > 0);
  return minutes.length > 0 ? Math.min(Math.max(...minutes) * MINUTE_MS, HOUR_MS) : undefined;
}
