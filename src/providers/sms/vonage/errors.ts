import {
  type HttpResponse,
  type Outcome,
  parseObject,
  rejected,
  retry,
  unavailable,
} from '../../contract.ts';
import { outcomeOfStatus, tableOf } from '../../wire/verdict.ts';

const suppress = { effect: { type: 'suppress-contact' } } as const;

/**
 * https://developer.vonage.com/en/api-errors/messages: the codes of the Messages API, in the problem of a refused request
 * and in the `error` of a status webhook. 1320 (sent already) is left out: it says nothing of this message.
 */
const TABLE = tableOf([
  ['1170 1190 1300', rejected('recipient_invalid', suppress)],
  // Barred for this number; the recipient opted out.
  ['1050 1240', rejected('recipient_opted_out', suppress)],
  // Unknown prefix, portability, no route, not reachable, age restriction, blocked, no funds, device; TTL used up.
  ['1040 1200 1250 1260 1270 1280 1290 1310 1360', rejected('recipient_unreachable')],
  // Absent, busy, network trouble.
  ['1180 1220 1230', retry('recipient_unreachable')],
  ['1241', retry('recipient_rate_limited')],

  // Outside of the window in which WhatsApp allows an answer; media.
  ['1340 1380 1381 1382', rejected('content_invalid')],
  ['1090', rejected('content_too_large')],
  ['1210', rejected('content_refused')],
  ['1010 1020 1021 1022 1130 1150', rejected('request_invalid')],

  // The number is not on a demo account's list: this recipient, not the connection, whose breaker stays shut.
  ['1160', rejected('account_misconfigured')],
  ['1120', unavailable('sender_not_allowed')],
  ['1070', unavailable('quota_exhausted')],
  ['1060', unavailable('account_suspended')],
  ['1080 1140 1370', unavailable('account_misconfigured')],

  ['1000', retry('rate_limited', { afterMs: 1_000, scope: 'connection' })],
  ['1030 1100 1330 1331', retry('provider_error')],
]);

/** What a code of the Messages API means, or undefined when the table does not have it. */
export function outcomeOf(code: string): Outcome | undefined {
  return TABLE.get(code);
}

/** The code in a problem (RFC 9457): its title (as a number or a text), or the end of the type's URL. */
export function codeOf(problem: Record<string, unknown> | null): string | undefined {
  const title = String(typeof problem?.title === 'number' ? problem.title : '') || textOf(problem?.title);
  return /^\d{4}$/.exec(title)?.[0] ?? /#(\d{4})$/.exec(textOf(problem?.type))?.[1];
}

/** A refused request: by its code, by the parameter that is wrong, by its HTTP status. */
export function judge({ status, body }: HttpResponse): { outcome: Outcome; code: string } {
  const problem = parseObject(body);
  const code = codeOf(problem);
  const known = status >= 400 && code !== undefined ? outcomeOf(code) : undefined;
  if (known && code !== undefined) return { outcome: known, code };
  return { outcome: judgeByStatus(status, problem), code: `${status}` };
}

function judgeByStatus(status: number, problem: Record<string, unknown> | null): Outcome {
  if (status === 404) return rejected('request_invalid');
  if (status === 422) {
    const names = namesOfInvalid(problem?.invalid_parameters);
    if (names.includes('to')) return rejected('recipient_invalid', suppress);
    if (names.includes('from')) return unavailable('sender_not_allowed');
  }
  return outcomeOfStatus(status, problem !== null && 'title' in problem);
}

function namesOfInvalid(parameters: unknown): unknown[] {
  if (!Array.isArray(parameters)) return [];
  return parameters.map((one: unknown) =>
    typeof one === 'object' && one !== null && 'name' in one ? one.name : null,
  );
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
