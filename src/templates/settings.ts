import { Type } from 'typebox';
import { Exact, invalidField, responses, type Server } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Queryable, Store } from '../store/index.ts';
import { checkLocale } from './locale.ts';

const Settings = Exact({
  defaultLocale: Type.Union([Type.String({ minLength: 1, maxLength: 35 }), Type.Null()], {
    description:
      'Of templates that name none, and of channels that have neither what is asked for nor their own default',
  }),
});
const schema = { tags: ['Templates'], response: responses({ 200: Settings }) };

/** What holds for all templates of a tenant. */
export function registerSettings(app: Server, { store, clock }: { store: Store; clock: Clock }): void {
  app.get(
    '/v1/template-settings',
    {
      config: { scope: 'templates:read' },
      schema: { ...schema, summary: 'Read what holds for all templates' },
    },
    async ({ credential: { tenantId } }) => ({
      defaultLocale: await store.scoped(tenantId, (db) => selectTenantLocale(db, tenantId)),
    }),
  );
  app.put(
    '/v1/template-settings',
    {
      config: { scope: 'templates:write' },
      schema: {
        ...schema,
        summary: 'Set what holds for all templates',
        description: 'For versions that are saved from then on: a version never changes by itself.',
        body: Settings,
      },
    },
    async ({ credential: { tenantId }, body }) => {
      const complaint = body.defaultLocale === null ? null : checkLocale(body.defaultLocale);
      if (complaint) throw invalidField('/defaultLocale', complaint);
      const now = new Date(clock.now());
      await store.scoped(tenantId, (db) => saveTenantLocale(db, { tenantId, ...body, now }));
      return body;
    },
  );
}

export async function selectTenantLocale(db: Queryable, tenantId: string): Promise<string | null> {
  const { rows } = await db.query<{ locale: string | null }>(
    'select default_locale as locale from template_settings where tenant_id = $1',
    [tenantId],
  );
  return rows[0]?.locale ?? null;
}

async function saveTenantLocale(
  db: Queryable,
  { tenantId, defaultLocale, now }: { tenantId: string; defaultLocale: string | null; now: Date },
): Promise<void> {
  await db.query(
    `insert into template_settings (tenant_id, default_locale, updated_at) values ($1, $2, $3)
     on conflict (tenant_id) do update set
       default_locale = excluded.default_locale, updated_at = excluded.updated_at`,
    [tenantId, defaultLocale, now],
  );
}
