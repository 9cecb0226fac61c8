import { type KillAt, killAt } from '../kill-loop.ts';
import { MOMENTS } from '../moments.ts';
import type { Scenario } from '../scenario.ts';
import { loadUnknownAttempts, type World } from '../world.ts';

/** The window nobody can close: the provider has the message, and the ledger does not know. It must show as unknown. */
export default {
  id: 'd',
  title: 'after the provider accepted, before and after the result is written',
  share: 0.4,
  async run(plan) {
    const { beforeAnswer, afterAnswer, beforeResult, afterResult } = MOMENTS;
    const check = (world: World, made: KillAt[]) => hidden(world, made);
    return killAt([beforeAnswer, beforeResult, afterAnswer, afterResult], plan, check);
  },
} satisfies Scenario;

/** Attempts that were cut off before the provider answered, and are not on record as unknown. */
async function hidden(world: World, made: KillAt[]): Promise<string[]> {
  const ids = made.flatMap(({ accepted, when }) =>
    accepted && when === 'before-answer' ? [accepted.deliveryId] : [],
  );
  const unknown = await loadUnknownAttempts(world.db, ids);
  return ids
    .filter((id) => !unknown.has(id))
    .map((id) => `${id} was cut off before the answer and is not on record as unknown`);
}
