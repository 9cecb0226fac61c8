import { Type } from 'typebox';
import { Exact, Page, PageQuery, Problem, parseCursor, responses, type Server } from '../http/index.ts';
import { checkTimes, IdPath, ProblemQuery, UUID_PATTERN, View } from './problem-schema.ts';
import { searchProblems } from './problem-store.ts';
import type { LedgerOptions } from './routes.ts';
import { loadAttempts, loadDelivery } from './store.ts';
import { renderDelivery } from './view.ts';

/** The list of what needs a look, and one delivery. */
export function registerProblemViews(app: Server, { store, loadPolicy }: LedgerOptions): void {
  app.get(
    '/v1/deliveries',
    {
      config: { scope: 'notifications:read' },
      schema: {
        tags: ['Deliveries'],
        summary: 'Deliveries that ended dead or failed, or whose outcome is unknown; newest first',
        description:
          'A page looks at a bounded number of deliveries: it may hold fewer than `limit`, or none, and still have a `nextCursor`.',
        querystring: Exact({ ...PageQuery, ...ProblemQuery }),
        response: responses({ 200: Page(View) }),
      },
    },
    async ({ credential: { tenantId, live }, query }) => {
      const { limit = 20, cursor, ...filter } = query;
      checkTimes(filter, 'query');
      return store.scoped(tenantId, async (db) => {
        const { rows, next } = await searchProblems(db, {
          tenantId,
          live,
          filter,
          order: 'newest',
          after: parseCursor(cursor, UUID_PATTERN),
          limit,
        });
        const attempts = await loadAttempts(
          db,
          tenantId,
          rows.map((row) => row.id),
        );
        const byDelivery = Map.groupBy(attempts, (attempt) => attempt.delivery_id);
        const decideUnknown = await loadPolicy?.(db, tenantId);
        return {
          items: rows.map((row) => renderDelivery(row, byDelivery.get(row.id) ?? [], decideUnknown)),
          nextCursor: next && Buffer.from(next).toString('base64url'),
        };
      });
    },
  );
  app.get(
    '/v1/deliveries/:id',
    {
      config: { scope: 'notifications:read' },
      schema: {
        tags: ['Deliveries'],
        summary: 'A delivery with its attempts',
        params: IdPath,
        response: responses({ 200: View }),
      },
    },
    async ({ credential: { tenantId, live }, params }) =>
      store.scoped(tenantId, async (db) => {
        const delivery = await loadDelivery(db, tenantId, live, params.id);
        if (!delivery) throw new Problem('delivery.not_found');
        const attempts = await loadAttempts(db, tenantId, [delivery.id]);
        return renderDelivery(delivery, attempts, await loadPolicy?.(db, tenantId));
      }),
  );
}

export const Refused = Type.Array(
  Type.Object({
    id: Type.String(),
    reason: Type.String({ description: '`not_found` or `wrong_state`' }),
    state: Type.Optional(Type.String()),
  }),
);

/** Why each of the ids that did not change was refused, in the order in which they were asked for. */
export function explainRefusals(
  asked: string[],
  done: ReadonlySet<string>,
  states: ReadonlyMap<string, string>,
): { id: string; reason: 'not_found' | 'wrong_state'; state?: string }[] {
  return [...new Set(asked)]
    .filter((id) => !done.has(id))
    .map((id) => {
      const state = states.get(id);
      return state === undefined ? { id, reason: 'not_found' } : { id, reason: 'wrong_state', state };
    });
}
