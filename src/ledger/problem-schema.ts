import { type Static, Type } from 'typebox';
import { Exact, ExternalId, invalidField, OneOf, Timestamp } from '../http/index.ts';
import type { ProblemFilter } from './problem-store.ts';
import { PROBLEMS } from './states.ts';

const Word = (description: string) => Type.Optional(Type.String({ maxLength: 200, description }));
export const Id = Type.String({ format: 'uuid' });
export const IdPath = Type.Object({ id: Id });
export const View = Type.Object({}, { additionalProperties: true });
const MAX_BULK = 500;
export const Ids = Type.Array(Id, { minItems: 1, maxItems: MAX_BULK });
export const UUID_PATTERN = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const NARROWING = {
  reason: Word('Our word for what went wrong, such as `recipient_unreachable`'),
  code: Word("The vendor's own code"),
  provider: Word('Such as `twilio`'),
  connection: Word('The id of a connection'),
  channel: Word('Such as `email`'),
  notificationId: Type.Optional(Id),
  userId: Type.Optional(ExternalId),
  from: Type.Optional(Timestamp),
  to: Type.Optional(Timestamp),
};

/** What narrows the list of problems, in the query of a list. */
export const ProblemQuery = { state: OneOf(PROBLEMS), ...NARROWING };
const ReplayFilter = Exact({ state: OneOf(['dead', 'failed']), ...NARROWING });
const SettleFilter = Exact(NARROWING);

const Note = Type.Optional(
  Type.String({ minLength: 1, maxLength: 500, description: 'Why; kept with the delivery' }),
);

export const ReplayBody = Exact({
  ids: Type.Optional(Ids),
  filter: Type.Optional(ReplayFilter),
  ratePerSecond: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1_000, description: 'With `filter`: how many become due a second' }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, description: 'With `filter`: how many at most' })),
});
export const SETTLED_AS = ['sent', 'failed', 'queued'] as const;
export const SettleOne = Exact({ as: OneOf(SETTLED_AS), note: Note });
export const SettleBody = Exact({
  as: OneOf(SETTLED_AS),
  note: Note,
  ids: Type.Optional(Ids),
  filter: Type.Optional(SettleFilter),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_BULK, default: MAX_BULK, description: 'With `filter`' }),
  ),
});
export type SettleRequest = Static<typeof SettleBody>;

/** Either ids or a filter; ids mean exactly these, so nothing that belongs to a filter may stand beside them. */
export function checkChoice(body: {
  ids?: string[];
  filter?: object;
  ratePerSecond?: number;
  limit?: number;
}): void {
  if (body.ids && body.filter) throw invalidField('/filter', 'can not stand beside /ids');
  if (!body.ids && !body.filter) throw invalidField('/ids', 'is required, unless there is a /filter');
  if (body.ids && body.ratePerSecond !== undefined)
    throw invalidField('/ratePerSecond', 'belongs to a /filter');
}

/** Times are compared, so they must be in order. */
export function checkTimes({ from, to }: Pick<ProblemFilter, 'from' | 'to'>, prefix: string): void {
  if (from && to && Date.parse(from) >= Date.parse(to))
    throw invalidField(`${prefix}/to`, `must be later than ${prefix}/from`);
}
