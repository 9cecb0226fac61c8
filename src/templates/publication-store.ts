import { LAST_NUMBER, type Queryable } from '../store/index.ts';
import type { TemplateRef } from './store.ts';

export const PUBLICATION_KINDS = ['publish', 'rollback'] as const;

export interface PublicationRow {
  /** Counts up from 1 for each template. */
  number: number;
  version: number;
  /** `rollback`: an older version took the place of a newer one. */
  kind: (typeof PUBLICATION_KINDS)[number];
  /** The id of the API key. */
  publishedBy: string;
  publishedAt: Date;
}

/** Puts on record that a version was published; the caller holds the lock of the template. */
export async function insertPublication(
  db: Queryable,
  { tenantId, id, version, kind, publishedBy, publishedAt }: TemplateRef & Omit<PublicationRow, 'number'>,
): Promise<void> {
  await db.query(
    `insert into template_publications
       (tenant_id, template_id, number, version, kind, published_by, published_at)
     select $1, $2, coalesce(max(number), 0) + 1, $3, $4, $5, $6
     from template_publications where tenant_id = $1 and template_id = $2`,
    [tenantId, id, version, kind, publishedBy, publishedAt],
  );
}

/** Newest first. */
export async function selectPublications(
  db: Queryable,
  { tenantId, id, before, limit }: TemplateRef & { before: number | null; limit: number },
): Promise<PublicationRow[]> {
  const { rows } = await db.query<PublicationRow>(
    `select number, version, kind, published_by as "publishedBy", published_at as "publishedAt"
     from template_publications
     where tenant_id = $1 and template_id = $2 and number < $3
     order by number desc limit $4`,
    [tenantId, id, before ?? LAST_NUMBER, limit],
  );
  return rows;
}

/** The newest version before `version` that was published at some time; null when there is none. */
export async function selectPublishedBefore(
  db: Queryable,
  { tenantId, id, version }: TemplateRef & { version: number },
): Promise<number | null> {
  const { rows } = await db.query<{ version: number }>(
    `select version from template_versions
     where tenant_id = $1 and template_id = $2 and version < $3 and published_at is not null
     order by version desc limit 1`,
    [tenantId, id, version],
  );
  return rows[0]?.version ?? null;
}
