import {
  type HttpResponse,
  type Outcome,
  rejected,
  retry,
  tokenExpired,
  unavailable,
} from '../../contract.ts';
import { idOf, parseExactObject } from '../../wire/exact-json.ts';
import { outcomeOfStatus, tableOf } from '../../wire/verdict.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const effect = { type: 'suppress-contact' } as const;

/** What a code means when a message is sent. https://bot.q.qq.com/wiki/develop/api-v2/openapi/error/error.html */
const CODES = tableOf([
  ['11241 11243 11244', tokenExpired()],
  // An account, channel, guild or group that is gone.
  ['10001 10003 10004 1100104 304034', rejected('recipient_invalid', { effect })],
  // The bot is blocked, no part of the group, or not allowed to write. Of who takes it in again we hear, which ends it: that
  // it does for those alone who opted out.
  ['304025 304031 304064 40034101 40054003', rejected('recipient_opted_out', { effect })],
  // Nothing may be sent that answers nothing: whether the user, the group or QQ forbids it to the bot is not said.
  ['40034102 40034105 304046 304048', rejected('recipient_opted_out')],
  ['40054002', rejected('recipient_unreachable')],
  ['50006', rejected('content_invalid')],
  ['40054007', rejected('content_too_large')],
  // Addresses whose domain is not registered, and words.
  ['304003 40054010 1100101', rejected('content_refused')],
  ['50035 50037 50055 50056 50057 610013', rejected('request_invalid')],
  // What it answers (`msg_id`, by passthrough) is too old, or was answered too often.
  ['304026 304027 304103 40034005 40034024 40034128', rejected('request_invalid')],
  ['11251 11261 11275', unavailable('credentials_invalid')],
  ['11253 304018 40054016', unavailable('account_misconfigured')],
  ['11254 11265', unavailable('account_suspended')],
  ['11242 11252 11263 11281 304082 304083 50055001', retry('provider_error')],
  ['1100100 40034100', retry('rate_limited', { afterMs: MINUTE_MS, scope: 'connection' })],
  ['22009', retry('rate_limited', { afterMs: MINUTE_MS })],
  ['20028 1100308', retry('recipient_rate_limited', { afterMs: MINUTE_MS })],
  // What may be sent to one place in a day or at night.
  ['304045 304047 304049 304050 304022', retry('recipient_rate_limited', { afterMs: HOUR_MS })],
]);

/** The same message again, known by `msg_id` and the `msg_seq` that is made of the delivery's id: the first was taken. */
export const ALREADY_SENT = '40054005';

/** Of the request for a token. https://bot.q.qq.com/wiki/develop/api-v2/dev-prepare/interface-framework/api-use.html */
const TOKEN_CODES = tableOf([
  ['100001', retry('rate_limited', { afterMs: MINUTE_MS, scope: 'connection' })],
  ['100007', unavailable('account_suspended')],
  ['100016', unavailable('credentials_invalid')],
]);

/** The codes of a refusal, the closer one first. */
export function codesOf(body: Record<string, unknown> | null): string[] {
  return [body?.err_code, body?.code]
    .map(idOf)
    .filter((code) => code !== undefined && /^-?[1-9]\d{0,15}$/.test(code)) as string[];
}

/** What an answer that holds no message means. */
export function judgeRefusal(response: HttpResponse): { outcome: Outcome; code: string } {
  const { status } = response;
  const codes = codesOf(parseExactObject(response.body));
  const known = codes.find((code) => CODES.has(code));
  if (known !== undefined) return { outcome: CODES.get(known)!, code: known };
  const code = codes[0] ?? `${status}`;
  if (status === 401) return { outcome: tokenExpired(), code };
  // A refusal by a code of its own, in an answer that says OK.
  if (status >= 200 && status < 300 && codes.length > 0)
    return { outcome: rejected('request_invalid'), code };
  return { outcome: outcomeOfStatus(status, codes.length > 0), code };
}

/** Nothing was sent yet: what is wrong is wrong with the connection. */
export function judgeNoToken({ status, body }: HttpResponse): { outcome: Outcome; code: string } {
  const codes = codesOf(parseExactObject(body));
  const code = codes[0] ?? `${status}`;
  const known = TOKEN_CODES.get(code) ?? CODES.get(code);
  if (known?.kind === 'retry' || known?.kind === 'unavailable') return { outcome: known, code };
  if (status === 429) return { outcome: TOKEN_CODES.get('100001')!, code };
  const isRefused = known !== undefined || codes.length > 0 || (status >= 400 && status < 500);
  if (isRefused && status < 500) return { outcome: unavailable('credentials_invalid'), code };
  return { outcome: retry('response_unreadable', { scope: 'connection' }), code };
}
