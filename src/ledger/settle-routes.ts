import { Type } from 'typebox';
import { type Credential, Problem, responses, type Server } from '../http/index.ts';
import { explainRefusals, Refused } from './problem-routes.ts';
import {
  checkChoice,
  checkTimes,
  IdPath,
  SettleBody,
  SettleOne,
  type SettleRequest,
} from './problem-schema.ts';
import { loadActor, loadStates, searchProblems, settleDeliveries } from './problem-store.ts';
import { REPLAY_FOR_MS } from './replay-loop.ts';
import type { LedgerOptions } from './routes.ts';

interface Settled {
  settled: string[];
  refused: ReturnType<typeof explainRefusals>;
  more: boolean;
}

/** A person says what became of deliveries whose outcome nobody could tell. */
export function registerSettle(app: Server, options: LedgerOptions): void {
  app.post(
    '/v1/deliveries/:id/settle',
    {
      config: { scope: 'notifications:write' },
      schema: {
        tags: ['Deliveries'],
        summary: 'Say what became of a delivery whose outcome is unknown',
        description: '`queued` sends it again over the same connection.',
        params: IdPath,
        body: SettleOne,
        response: responses({ 200: Type.Object({ id: Type.String(), state: Type.String() }) }),
      },
    },
    async ({ credential, params, body }) => {
      const { refused } = await settle(options, credential, { ...body, ids: [params.id] });
      if (refused[0]?.reason === 'not_found') throw new Problem('delivery.not_found');
      if (refused[0]) {
        throw new Problem(
          'delivery.not_settleable',
          `It is ${refused[0].state}; only deliveries whose outcome is unknown are settled by hand`,
        );
      }
      return { id: params.id, state: body.as };
    },
  );
  app.post(
    '/v1/deliveries/settle',
    {
      config: { scope: 'notifications:write' },
      schema: {
        tags: ['Deliveries'],
        summary: 'Say what became of up to 500 deliveries whose outcome is unknown, by ids or by a filter',
        description: 'With a filter, `more` tells that the same call has more to settle.',
        body: SettleBody,
        response: responses({
          200: Type.Object({ settled: Type.Array(Type.String()), refused: Refused, more: Type.Boolean() }),
        }),
      },
    },
    async ({ credential, body }) => {
      checkChoice(body);
      checkTimes(body.filter ?? {}, '/filter');
      return settle(options, credential, body);
    },
  );
}

async function settle(
  { store, clock, wake }: LedgerOptions,
  { tenantId, live, keyId }: Credential,
  { as, note, ids, filter, limit = 500 }: SettleRequest,
): Promise<Settled> {
  const now = clock.now();
  const { changed, ...answer } = await store.scoped(tenantId, async (db) => {
    const found = filter
      ? await searchProblems(db, {
          tenantId,
          live,
          filter: { ...filter, state: 'unknown' },
          order: 'oldest',
          after: null,
          limit,
        })
      : null;
    const wanted = found ? found.rows.map(({ id }) => id) : ids!;
    const by = await loadActor(db, tenantId, keyId);
    const changed = await settleDeliveries(db, tenantId, live, {
      ids: wanted,
      as,
      now: new Date(now),
      expiresAt: new Date(now + REPLAY_FOR_MS),
      entry: { at: new Date(now).toISOString(), action: 'settle', as, by, note },
    });
    const settled = changed.map(({ id }) => id);
    const refused = explainRefusals(wanted, new Set(settled), await loadStates(db, tenantId, live, wanted));
    return { changed, settled, refused, more: found?.next != null };
  });
  if (as === 'queued') for (const { lane } of changed) wake.signal(lane);
  return answer;
}
