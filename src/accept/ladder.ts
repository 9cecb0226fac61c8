import { Type } from 'typebox';
import { Exact, invalidField, OneOf, type Static } from '../http/index.ts';
import { GOALS } from '../ledger/index.ts';
import { CHANNELS, type Channel } from '../providers/index.ts';

const MAX_STEPS = 10;
const MAX_WAIT_SECONDS = 7 * 24 * 3_600;

/** Channels in order; the next step has its turn when its goal was not reached in time by those before it. */
export const LadderBody = Exact(
  {
    steps: Type.Array(
      Exact({
        channels: Type.Array(OneOf(CHANNELS), { minItems: 1, uniqueItems: true }),
        waitSeconds: Type.Optional(
          Type.Integer({
            minimum: 1,
            maximum: MAX_WAIT_SECONDS,
            description:
              'Until the next step, which comes at once if this one reaches nobody; the last step has none',
          }),
        ),
      }),
      { minItems: 2, maxItems: MAX_STEPS },
    ),
    until: OneOf(GOALS, {
      description: 'What stops it; each counts for those before it, so that a click also means delivered',
    }),
  },
  { description: 'Instead of `channels`: one step after the other, until something happens' },
);
export type LadderBody = Static<typeof LadderBody>;

/** What the schema cannot say; throws a Problem that names the field and the rule. */
export function checkLadder({ ladder, channels }: { ladder?: LadderBody; channels?: string[] }): void {
  if (!ladder) return;
  if (channels) throw invalidField('/ladder', 'and /channels must not both be given');
  for (const [i, { waitSeconds }] of ladder.steps.entries()) {
    const isLast = i === ladder.steps.length - 1;
    const field = `/ladder/steps/${i}/waitSeconds`;
    if (isLast && waitSeconds !== undefined)
      throw invalidField(field, 'must not be given: nothing comes after the last step');
    if (!isLast && waitSeconds === undefined)
      throw invalidField(field, 'is required: only the last step has none');
  }
}

/** All channels that were asked for by name, on whatever step. */
export function channelsAsked({
  ladder,
  channels,
}: {
  ladder?: { steps: { channels: string[] }[] };
  channels?: string[];
}): Channel[] {
  const asked = ladder ? ladder.steps.flatMap((step) => step.channels) : (channels ?? []);
  return [...new Set(asked)] as Channel[];
}
