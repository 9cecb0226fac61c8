import { LAST_NUMBER, type Queryable } from '../store/index.ts';
import type { Definition } from './definition.ts';

/** A template of a tenant: the key of nearly every statement here. */
export interface TemplateRef {
  tenantId: string;
  id: string;
}

export interface TemplateRow {
  id: string;
  name: string;
  latestVersion: number;
  publishedVersion: number | null;
  createdAt: Date;
  updatedAt: Date;
}

export interface VersionRow {
  version: number;
  /** SHA-256 over the definition in canonical JSON. */
  hash: string;
  /** The id of the API key; null for what was saved before this was kept. */
  createdBy: string | null;
  createdAt: Date;
  publishedAt: Date | null;
}

export interface FullVersionRow extends VersionRow {
  definition: Definition;
}

export interface WantedVersion extends TemplateRef {
  /** Null or absent: the published one. */
  version?: number;
  /** What the caller holds already; the definition of this version is not read again. */
  known?: { version: number };
}

const TEMPLATE_COLUMNS = `id, name, latest_version as "latestVersion", published_version as "publishedVersion",
  created_at as "createdAt", updated_at as "updatedAt"`;
const VERSION_COLUMNS =
  'version, hash, created_by as "createdBy", created_at as "createdAt", published_at as "publishedAt"';

/** Makes the template (with no version yet) or wakes it from the archive, and locks its row until the commit. */
export async function claimTemplate(
  db: Queryable,
  { tenantId, id, name, now }: TemplateRef & { name: string | undefined; now: Date },
): Promise<{ latestVersion: number; publishedVersion: number | null }> {
  const { rows } = await db.query(
    `insert into templates as t
       (tenant_id, id, name, latest_version, published_version, created_at, updated_at)
     values ($1, $2, coalesce($3, $2), 0, null, $4, $4)
     on conflict (tenant_id, id) do update set
       name = coalesce($3, t.name),
       published_version = case when t.archived_at is null then t.published_version end,
       archived_at = null,
       updated_at = case
         when t.archived_at is null and t.name = coalesce($3, t.name) then t.updated_at else $4 end
     returning latest_version as "latestVersion", published_version as "publishedVersion"`,
    [tenantId, id, name ?? null, now],
  );
  return rows[0];
}

/** Locks a template that is not archived; null when there is none. */
export async function lockTemplate(
  db: Queryable,
  { tenantId, id }: TemplateRef,
): Promise<TemplateRow | null> {
  const { rows } = await db.query<TemplateRow>(
    `select ${TEMPLATE_COLUMNS} from templates
     where tenant_id = $1 and id = $2 and archived_at is null
     for update`,
    [tenantId, id],
  );
  return rows[0] ?? null;
}

export async function selectTemplate(
  db: Queryable,
  { tenantId, id }: TemplateRef,
): Promise<TemplateRow | null> {
  const { rows } = await db.query<TemplateRow>(
    `select ${TEMPLATE_COLUMNS} from templates where tenant_id = $1 and id = $2 and archived_at is null`,
    [tenantId, id],
  );
  return rows[0] ?? null;
}

export async function selectTemplates(
  db: Queryable,
  { tenantId, after, limit }: { tenantId: string; after: string | null; limit: number },
): Promise<TemplateRow[]> {
  const { rows } = await db.query<TemplateRow>(
    `select ${TEMPLATE_COLUMNS} from templates
     where tenant_id = $1 and archived_at is null and id > $2
     order by id limit $3`,
    [tenantId, after ?? '', limit],
  );
  return rows;
}

/** Writes which versions are the latest and the published one. */
export async function updateTemplate(
  db: Queryable,
  {
    tenantId,
    id,
    latestVersion,
    publishedVersion,
    now,
  }: TemplateRef & { latestVersion: number; publishedVersion: number | null; now: Date },
): Promise<void> {
  await db.query(
    `update templates set latest_version = $3, published_version = $4, updated_at = $5
     where tenant_id = $1 and id = $2`,
    [tenantId, id, latestVersion, publishedVersion, now],
  );
}

/** Takes the template out of use; false when there is none. Its versions stay, and so do notifications under way. */
export async function archiveTemplate(
  db: Queryable,
  { tenantId, id, now }: TemplateRef & { now: Date },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `update templates set archived_at = $3, updated_at = $3
     where tenant_id = $1 and id = $2 and archived_at is null`,
    [tenantId, id, now],
  );
  return rowCount === 1;
}

export async function insertVersion(
  db: Queryable,
  {
    tenantId,
    id,
    version,
    definition,
    hash,
    createdBy,
    now,
  }: TemplateRef & { version: number; definition: Definition; hash: string; createdBy: string; now: Date },
): Promise<void> {
  await db.query(
    `insert into template_versions (tenant_id, template_id, version, definition, hash, created_at, created_by)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [tenantId, id, version, JSON.stringify(definition), hash, now, createdBy],
  );
}

/** Notes when a version was last published; false when there is no such version. */
export async function markPublished(
  db: Queryable,
  { tenantId, id, version, now }: TemplateRef & { version: number; now: Date },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `update template_versions set published_at = $4
     where tenant_id = $1 and template_id = $2 and version = $3`,
    [tenantId, id, version, now],
  );
  return rowCount === 1;
}

export async function selectHash(
  db: Queryable,
  { tenantId, id, version }: TemplateRef & { version: number },
): Promise<string | null> {
  const { rows } = await db.query(
    'select hash from template_versions where tenant_id = $1 and template_id = $2 and version = $3',
    [tenantId, id, version],
  );
  return rows[0]?.hash ?? null;
}

/** Newest first. */
export async function selectVersions(
  db: Queryable,
  { tenantId, id, before, limit }: TemplateRef & { before: number | null; limit: number },
): Promise<VersionRow[]> {
  const { rows } = await db.query<VersionRow>(
    `select ${VERSION_COLUMNS} from template_versions
     where tenant_id = $1 and template_id = $2 and version < $3
     order by version desc limit $4`,
    [tenantId, id, before ?? LAST_NUMBER, limit],
  );
  return rows;
}

/** Those of the wanted versions that exist. */
export async function selectFullVersions(
  db: Queryable,
  { tenantId, id, versions }: TemplateRef & { versions: number[] },
): Promise<FullVersionRow[]> {
  const { rows } = await db.query<FullVersionRow>(
    `select ${VERSION_COLUMNS}, definition from template_versions
     where tenant_id = $1 and template_id = $2 and version = any ($3)`,
    [tenantId, id, versions],
  );
  return rows;
}

/** The versions the engine needs, of any tenants; a definition that is known already comes back as null. */
export async function loadVersions(
  db: Queryable,
  wanted: readonly WantedVersion[],
): Promise<
  (TemplateRef & {
    wanted: number | null;
    version: number;
    archived: boolean;
    definition: Definition | null;
    characters: number;
  })[]
> {
  const { rows } = await db.query(
    `select w.tenant_id as "tenantId", w.id, w.version as wanted, v.version,
       t.archived_at is not null as archived,
       case when v.version is distinct from w.known then v.definition end as definition,
       case when v.version is distinct from w.known then length(v.definition::text) else 0 end as characters
     from unnest($1::uuid[], $2::text[], $3::integer[], $4::integer[]) as w (tenant_id, id, version, known)
     join templates t on t.tenant_id = w.tenant_id and t.id = w.id
     join template_versions v on v.tenant_id = t.tenant_id and v.template_id = t.id
       and v.version = coalesce(w.version, t.published_version)`,
    [
      wanted.map(({ tenantId }) => tenantId),
      wanted.map(({ id }) => id),
      wanted.map(({ version }) => version ?? null),
      wanted.map(({ known }) => known?.version ?? null),
    ],
  );
  return rows;
}
