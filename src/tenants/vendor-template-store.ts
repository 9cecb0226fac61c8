import type { VendorTemplateNews, VendorTemplateState } from '../providers/index.ts';
import type { Queryable } from '../store/index.ts';

export interface VendorTemplateRow {
  id: string;
  language: string;
  state: VendorTemplateState;
  reason: string | null;
  updatedAt: Date;
}

/** Writes down what became known, the last word for each text; for connections that are there. */
export async function saveVendorTemplates(
  db: Queryable,
  { tenantId, connection, now }: { tenantId: string; connection: string; now: Date },
  news: VendorTemplateNews[],
): Promise<void> {
  const last = [...new Map(news.map((one) => [JSON.stringify([one.id, one.language ?? '']), one])).values()];
  if (last.length === 0) return;
  await db.query(
    `insert into vendor_templates (tenant_id, connection, id, language, state, reason, updated_at)
     select c.tenant_id, c.id, t.id, t.language, t.state, t.reason, $7
       from unnest($3::text[], $4::text[], $5::text[], $6::text[]) as t (id, language, state, reason)
       join connections c on c.tenant_id = $1 and c.id = $2
      order by t.id, t.language
     on conflict (tenant_id, connection, id, language) do update set
       state = excluded.state, reason = excluded.reason, updated_at = excluded.updated_at`,
    [
      tenantId,
      connection,
      last.map(({ id }) => id),
      last.map(({ language }) => language ?? ''),
      last.map(({ state }) => state),
      last.map(({ reason }) => reason ?? null),
      now,
    ],
  );
}

/** By id and language; `after` is the last of the page before. */
export async function selectVendorTemplates(
  db: Queryable,
  page: { tenantId: string; connection: string; after: [string, string] | null; limit: number },
): Promise<VendorTemplateRow[]> {
  const { rows } = await db.query<VendorTemplateRow>(
    `select id, language, state, reason, updated_at as "updatedAt" from vendor_templates
      where tenant_id = $1 and connection = $2 and (id, language) > ($3, $4)
      order by id, language limit $5`,
    [page.tenantId, page.connection, ...(page.after ?? ['', '']), page.limit],
  );
  return rows;
}

/** False when nothing was known of it. */
export async function deleteVendorTemplate(
  db: Queryable,
  {
    tenantId,
    connection,
    id,
    language,
  }: { tenantId: string; connection: string; id: string; language: string },
): Promise<boolean> {
  const { rowCount } = await db.query(
    'delete from vendor_templates where tenant_id = $1 and connection = $2 and id = $3 and language = $4',
    [tenantId, connection, id, language],
  );
  return rowCount === 1;
}
