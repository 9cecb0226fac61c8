import {
  accepted,
  type Effect,
  type HttpResponse,
  type Outcome,
  parseRetryAfter,
  REASONS,
  type Reason,
  rejected,
  retry,
  unavailable,
  unknown,
} from '../contract.ts';
import { idOf, parseExact } from '../wire/exact-json.ts';
import { outcomeOfStatus } from '../wire/verdict.ts';
import { withDetails } from '../wire/with-details.ts';
import { type Answer, type Condition, compileConditions, holds } from './condition.ts';
import { toText } from './filters.ts';
import { compilePointer, compilePointers, type Pointer, valueAt } from './pointer.ts';
import type { Reader } from './reader.ts';

const OUTCOMES = ['accepted', 'rejected', 'retry', 'unavailable', 'unknown'] as const;
const EFFECTS = ['prune-device', 'suppress-contact'] as const;
const UNITS = { seconds: 1_000, milliseconds: 1 } as const;
const MOST_RULES = 200;
const LONGEST_ID = 256;
const LONGEST_WAIT_SECONDS = 86_400;
const ANY_SUCCESS: Condition[] = [{ statuses: [(status) => status >= 200 && status < 300] }];

/** What the vendor's answers mean, as a connection describes them. */
export interface ResponseDescription {
  accepted: Condition[];
  /** The first place that holds one counts. */
  messageId: Pointer[];
  code: Pointer[];
  wait?: { pointer: Pointer; unitMs: number };
  rules: { when: Condition[]; outcome: Outcome }[];
}

export function compileResponse(given: unknown, reader: Reader): ResponseDescription {
  const raw = reader.object(given, ['accepted', 'messageId', 'code', 'wait', 'rules']) ?? {};
  return {
    accepted:
      raw.accepted === undefined ? ANY_SUCCESS : compileConditions(raw.accepted, reader.at('accepted')),
    messageId: compilePointers(raw.messageId, reader.at('messageId')),
    code: compilePointers(raw.code, reader.at('code')),
    wait: raw.wait === undefined ? undefined : compileWait(raw.wait, reader.at('wait')),
    rules: reader
      .at('rules')
      .list(raw.rules ?? [], MOST_RULES)
      .map((rule, i) => compileRule(rule, reader.at('rules').at(i))),
  };
}

function compileWait(given: unknown, reader: Reader): ResponseDescription['wait'] {
  const raw = reader.object(given, ['at', 'unit']) ?? {};
  const pointer = compilePointer(raw.at, reader.at('at'));
  const unit = reader.at('unit').oneOf(raw.unit ?? 'seconds', ['seconds', 'milliseconds']);
  return pointer && { pointer, unitMs: UNITS[unit ?? 'seconds'] };
}

function compileRule(given: unknown, reader: Reader): ResponseDescription['rules'][number] {
  const names = ['when', 'outcome', 'reason', 'effect', 'afterSeconds', 'scope'];
  const raw = reader.object(given, names) ?? {};
  const kind = reader.at('outcome').oneOf(raw.outcome, OUTCOMES) ?? 'unknown';
  const allowed = ALLOWED[kind];
  for (const name of names.slice(2))
    if (raw[name] !== undefined && !allowed.includes(name)) reader.at(name).refuse(`has no place in ${kind}`);
  const reason = kind === 'accepted' ? undefined : reader.at('reason').oneOf<Reason>(raw.reason, REASONS);
  return {
    when: compileConditions(raw.when, reader.at('when')),
    outcome: outcomeOf(kind, reason ?? 'provider_error', raw, reader),
  };
}

const ALLOWED: Record<(typeof OUTCOMES)[number], string[]> = {
  accepted: [],
  rejected: ['reason', 'effect'],
  retry: ['reason', 'afterSeconds', 'scope'],
  unavailable: ['reason', 'afterSeconds'],
  unknown: ['reason'],
};

function outcomeOf(
  kind: (typeof OUTCOMES)[number],
  reason: Reason,
  raw: Record<string, unknown>,
  reader: Reader,
): Outcome {
  const seconds =
    raw.afterSeconds === undefined
      ? undefined
      : reader.at('afterSeconds').number(raw.afterSeconds, { least: 0, most: LONGEST_WAIT_SECONDS });
  const wait = seconds === undefined ? {} : { afterMs: Math.round(seconds * 1_000) };
  switch (kind) {
    case 'accepted':
      return accepted(null);
    case 'rejected': {
      const effect = raw.effect === undefined ? undefined : reader.at('effect').oneOf(raw.effect, EFFECTS);
      return rejected(reason, effect ? { effect: { type: effect } satisfies Effect } : {});
    }
    case 'retry': {
      const scope = reader.at('scope').oneOf(raw.scope ?? 'message', ['message', 'connection']);
      return retry(reason, { ...wait, scope: scope ?? 'message' });
    }
    case 'unavailable':
      return unavailable(reason, wait);
    case 'unknown':
      return unknown(reason);
  }
}

/** Pure, never throws: accepted if that is what it describes, else by the first rule that holds, else by the status. */
export function judge(description: ResponseDescription, response: HttpResponse, now: number): Outcome {
  const { status, headers } = response;
  const answer: Answer = { ...response, json: parseExact(response.body) };
  const id = firstOf(description.messageId, answer, idOf)?.slice(0, LONGEST_ID);
  const isComplete = description.messageId.length === 0 || id !== undefined;
  if (isComplete && holds(description.accepted, answer)) return accepted(id ?? null);
  const rule = description.rules.find(({ when }) => holds(when, answer));
  const outcome = rule?.outcome ?? outcomeOfStatus(status, false);
  if (outcome.kind === 'accepted') return accepted(id ?? null);
  const code = firstOf(description.code, answer, codeOf) ?? `${status}`;
  const detailed = withDetails(outcome, { code, headers, now });
  const afterMs = waitOf(description, answer, now);
  return detailed.kind === 'retry' && afterMs !== undefined ? { ...detailed, afterMs } : detailed;
}

function firstOf<T>(
  places: Pointer[],
  { json }: Answer,
  read: (value: unknown) => T | undefined,
): T | undefined {
  return places.map((place) => read(valueAt(json, place))).find((value) => value !== undefined);
}

/** One word, so that no text with a secret in it passes for a code. */
function codeOf(value: unknown): string | undefined {
  const text = typeof value === 'number' ? `${value}` : value;
  return typeof text === 'string' && /^[\w.-]{1,64}$/.test(text) ? text : undefined;
}

function waitOf({ wait }: ResponseDescription, { json }: Answer, now: number): number | undefined {
  const amount = Number(wait && (toText(valueAt(json, wait.pointer)) || Number.NaN));
  // Through the one door that caps waits.
  return amount >= 0 ? parseRetryAfter(`${Math.ceil((amount * wait!.unitMs) / 1_000)}`, now) : undefined;
}
