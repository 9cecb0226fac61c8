import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import {
  Exact,
  Page,
  PageQuery,
  Problem,
  parseCursor,
  responses,
  type Server,
  Slug,
  type Static,
  Timestamp,
  toPage,
} from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import { unstorable } from '../lib/text.ts';
import type { Queryable, Store } from '../store/index.ts';
import {
  archiveFragment,
  type FragmentRow,
  listFragments,
  saveFragment,
  selectFragments,
} from './fragment-store.ts';
import { pinFragments, textsOf } from './fragments.ts';
import { parseText } from './liquid.ts';

const tags = ['Templates'];
const reading = { scope: 'templates:read' } as const;
const writing = { scope: 'templates:write' } as const;
const ID_CURSOR = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const MAX_CHARACTERS = 100_000;

const Params = Exact({ id: Slug('Id of the fragment') });
const Answer = Type.Object({
  id: Type.String(),
  version: Type.Integer(),
  text: Type.String(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});

/** Texts that templates share: layouts, headers, buttons. */
export function registerFragmentRoutes(app: Server, deps: { store: Store; clock: Clock }): void {
  registerSave(app, deps);
  registerReading(app, deps.store);
  registerArchive(app, deps);
}

function registerSave(app: Server, { store, clock }: { store: Store; clock: Clock }): void {
  app.put(
    '/v1/fragments/:id',
    {
      config: writing,
      schema: {
        tags,
        summary: 'Create or change a text that templates share',
        description:
          'Templates put it in with `{% render "id", name: value %}`, or name it as the `layout` of an e-mail. They hold ' +
          'a copy: a change reaches them when they are saved again.',
        params: Params,
        body: Exact({
          text: Type.String({ minLength: 1, maxLength: MAX_CHARACTERS, description: 'Liquid' }),
        }),
        response: responses({ 200: Answer }),
      },
    },
    async ({ credential: { tenantId }, params: { id }, body: { text } }) => {
      const hash = createHash('sha256').update(text).digest('hex');
      const row = await store.scoped(tenantId, async (db) => {
        const rule = await complaintAbout(db, { tenantId, id, text });
        if (rule)
          throw new Problem('fragment.invalid', `/text ${rule}`, { errors: [{ field: '/text', rule }] });
        return saveFragment(db, { tenantId, id, text, hash, now: new Date(clock.now()) });
      });
      return show(row);
    },
  );
}

/** Why no template could use a fragment with this text, or null. */
async function complaintAbout(
  db: Queryable,
  { tenantId, id, text }: { tenantId: string; id: string; text: string },
): Promise<string | null> {
  const refused = unstorable(text);
  if (refused) return refused.why;
  const alone = { defaultLocale: 'en', variables: {}, channels: { email: { en: { layout: id } } } };
  const pinned = await pinFragments(alone, async (ids) => {
    const others = await selectFragments(db, { tenantId, ids: ids.filter((each) => each !== id) });
    return ids.includes(id) ? [...others, { id, version: 0, text }] : others;
  });
  if ('problem' in pinned) return pinned.problem;
  const parsed = parseText(text, 'plain', textsOf(pinned.fragments));
  return 'problem' in parsed ? parsed.problem : null;
}

function registerReading(app: Server, store: Store): void {
  app.get(
    '/v1/fragments',
    {
      config: reading,
      schema: {
        tags,
        summary: 'List the fragments by id',
        querystring: Exact(PageQuery),
        response: responses({ 200: Page(Answer) }),
      },
    },
    async ({ credential: { tenantId }, query: { limit = 20, cursor } }) => {
      const after = parseCursor(cursor, ID_CURSOR);
      const rows = await store.scoped(tenantId, (db) =>
        listFragments(db, { tenantId, after, limit: limit + 1 }),
      );
      return toPage(rows, limit, (row) => row.id, show);
    },
  );
  app.get(
    '/v1/fragments/:id',
    {
      config: reading,
      schema: { tags, summary: 'Read a fragment', params: Params, response: responses({ 200: Answer }) },
    },
    async ({ credential: { tenantId }, params: { id } }) => {
      const [row] = await store.scoped(tenantId, (db) => selectFragments(db, { tenantId, ids: [id] }));
      if (!row) throw new Problem('fragment.not_found');
      return show(row);
    },
  );
}

function registerArchive(app: Server, { store, clock }: { store: Store; clock: Clock }): void {
  app.delete(
    '/v1/fragments/:id',
    {
      config: writing,
      schema: {
        tags,
        summary: 'Archive a fragment',
        description: 'Templates keep their copies; a template that is saved with it again is refused.',
        params: Params,
        response: responses({ 204: Type.Null() }),
      },
    },
    async ({ credential: { tenantId }, params: { id } }, reply) => {
      const archived = await store.scoped(tenantId, (db) =>
        archiveFragment(db, { tenantId, id, now: new Date(clock.now()) }),
      );
      if (!archived) throw new Problem('fragment.not_found');
      return reply.code(204).send(null);
    },
  );
}

function show(row: FragmentRow): Static<typeof Answer> {
  return { ...row, createdAt: row.createdAt.toISOString(), updatedAt: row.updatedAt.toISOString() };
}
