import { type Static, Type } from 'typebox';
import {
  type Credential,
  Exact,
  Page,
  PageQuery,
  Problem,
  parseCursor,
  responses,
  type Server,
  toPage,
} from '../http/index.ts';
import { uuidv7 } from '../lib/ids.ts';
import { explainRefusals, Refused } from './problem-routes.ts';
import { checkChoice, checkTimes, IdPath, ReplayBody, UUID_PATTERN, View } from './problem-schema.ts';
import { loadActor, loadStates, replayDeliveries } from './problem-store.ts';
import { REPLAY_FOR_MS } from './replay-loop.ts';
import { cancelReplay, insertReplay, listReplays, loadReplay, type ReplayRow } from './replay-store.ts';
import type { LedgerOptions } from './routes.ts';

const DEFAULT_RATE = 50;
const Replayed = Type.Object({ replayed: Type.Array(Type.String()) });

/** Sending again what ended dead or failed: one, many by ids, or by a filter in the background. */
export function registerReplay(app: Server, options: LedgerOptions): void {
  app.post(
    '/v1/deliveries/:id/replay',
    {
      config: { scope: 'notifications:write' },
      schema: {
        tags: ['Deliveries'],
        summary: 'Send a dead or failed delivery again',
        params: IdPath,
        response: responses({ 202: Replayed }),
      },
    },
    async ({ credential, params }, reply) => {
      const { replayed, refused } = await replay(options, credential, [params.id]);
      if (refused[0]?.reason === 'not_found') throw new Problem('delivery.not_found');
      if (refused[0]) {
        throw new Problem(
          'delivery.not_replayable',
          `It is ${refused[0].state}; only dead and failed deliveries are sent again`,
        );
      }
      return reply.code(202).send({ replayed });
    },
  );
  app.post(
    '/v1/deliveries/replay',
    {
      config: { scope: 'notifications:write' },
      schema: {
        tags: ['Deliveries'],
        summary:
          'Send dead or failed deliveries again: up to 500 ids at once, or all of a filter in the background',
        description:
          'With `ids` the answer tells which were queued and why others were not; with `filter` it is the replay.',
        body: ReplayBody,
        response: responses({
          202: Type.Union([Type.Object({ ...Replayed.properties, refused: Refused }), View]),
        }),
      },
    },
    async ({ credential, body }, reply) => {
      checkChoice(body);
      if (body.ids) {
        if (body.limit !== undefined) throw new Problem('request.invalid', '/limit belongs to a /filter');
        return reply.code(202).send(await replay(options, credential, body.ids));
      }
      checkTimes(body.filter!, '/filter');
      return reply.code(202).send(renderReplay(await startReplay(options, credential, body)));
    },
  );
  registerReplayViews(app, options);
}

function registerReplayViews(app: Server, { store, clock }: LedgerOptions): void {
  app.get(
    '/v1/replays',
    {
      config: { scope: 'notifications:read' },
      schema: {
        tags: ['Deliveries'],
        summary: 'Replays by filter, newest first',
        querystring: Exact(PageQuery),
        response: responses({ 200: Page(View) }),
      },
    },
    async ({ credential: { tenantId, live }, query }) => {
      const limit = query.limit ?? 20;
      const before = parseCursor(query.cursor, UUID_PATTERN);
      const rows = await store.scoped(tenantId, (db) =>
        listReplays(db, tenantId, live, { before, limit: limit + 1 }),
      );
      return toPage(rows, limit, (row) => row.id, renderReplay);
    },
  );
  app.get(
    '/v1/replays/:id',
    {
      config: { scope: 'notifications:read' },
      schema: {
        tags: ['Deliveries'],
        summary: 'How far a replay has come',
        params: IdPath,
        response: responses({ 200: View }),
      },
    },
    async ({ credential: { tenantId, live }, params }) => {
      const row = await store.scoped(tenantId, (db) => loadReplay(db, tenantId, live, params.id));
      if (!row) throw new Problem('replay.not_found');
      return renderReplay(row);
    },
  );
  app.post(
    '/v1/replays/:id/cancel',
    {
      config: { scope: 'notifications:write' },
      schema: {
        tags: ['Deliveries'],
        summary: 'End a replay; what it queued already is sent all the same',
        params: IdPath,
        response: responses({ 200: View }),
      },
    },
    async ({ credential: { tenantId, live }, params: { id } }) =>
      store.scoped(tenantId, async (db) => {
        const ended = await cancelReplay(db, tenantId, live, { id, now: new Date(clock.now()) });
        if (ended) return renderReplay(ended);
        const row = await loadReplay(db, tenantId, live, id);
        if (!row) throw new Problem('replay.not_found');
        throw new Problem('replay.over', `It is ${row.state} already`);
      }),
  );
}

async function replay(
  { store, clock, wake }: LedgerOptions,
  { tenantId, live, keyId }: Credential,
  ids: string[],
): Promise<{ replayed: string[]; refused: ReturnType<typeof explainRefusals> }> {
  const now = clock.now();
  const { queued, states } = await store.scoped(tenantId, async (db) => {
    const by = await loadActor(db, tenantId, keyId);
    const queued = await replayDeliveries(db, tenantId, live, {
      ids,
      dueAt: ids.map(() => new Date(now)),
      expiresAt: new Date(now + REPLAY_FOR_MS),
      entry: { at: new Date(now).toISOString(), action: 'replay', as: 'queued', by },
    });
    return { queued, states: await loadStates(db, tenantId, live, ids) };
  });
  for (const { lane } of queued) wake.signal(lane);
  const replayed = queued.map(({ id }) => id);
  return { replayed, refused: explainRefusals(ids, new Set(replayed), states) };
}

/** Only what is there now: deliveries made later are another matter. */
function startReplay(
  { store, clock }: LedgerOptions,
  { tenantId, live, keyId }: Credential,
  body: Static<typeof ReplayBody>,
): Promise<ReplayRow> {
  const now = clock.now();
  const filter = body.filter!;
  const to = new Date(Math.min(filter.to ? Date.parse(filter.to) : now, now)).toISOString();
  return store.scoped(tenantId, async (db) =>
    insertReplay(db, {
      id: uuidv7(now),
      tenant_id: tenantId,
      live,
      filter: { ...filter, to },
      rate_per_second: body.ratePerSecond ?? DEFAULT_RATE,
      max_deliveries: body.limit ?? null,
      requested_by: await loadActor(db, tenantId, keyId),
      created_at: new Date(now),
    }),
  );
}

function renderReplay(row: ReplayRow): object {
  return {
    id: row.id,
    state: row.state,
    filter: row.filter,
    ratePerSecond: row.rate_per_second,
    limit: row.max_deliveries ?? undefined,
    replayed: row.replayed,
    requestedBy: row.requested_by,
    createdAt: row.created_at.toISOString(),
    finishedAt: row.finished_at?.toISOString(),
  };
}
