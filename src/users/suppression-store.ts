import { tellRows } from '../ledger/index.ts';
import type { Reason } from '../providers/index.ts';
import type { Queryable } from '../store/index.ts';

export interface Suppression {
  tenantId: string;
  /** Kind of contact: `email`, `phone` … */
  kind: string;
  address: string;
  /** Why: `bounced`, `complained`, `opted_out` … */
  reason: string;
  /** Who said so: `api`, `stop` (an answer to a text message), or the connection whose receipt or answer it was. */
  source: string;
}

/** The form in which a list keeps an address: mail hosts ignore the case of a mailbox, so it must not matter here. */
export function suppressionKey(kind: string, address: string): string {
  return kind === 'email' ? address.toLowerCase() : address;
}

/** The end of a statement that lists addresses: tells of the rows of the CTE `listed`. */
const tellSuppressed = (now: string) =>
  tellRows(`(
    select tenant_id, true as live, 'contact.suppressed' as type, ${now} as at, null::text as channel,
      null::text as category, null::uuid as notification_id,
      jsonb_build_object('kind', kind, 'address', address, 'reason', reason, 'source', source) as data
    from listed)`);

/** Adds addresses to the lists of their tenants. A known one keeps its date and takes the new reason and source. */
export async function suppressContacts(db: Queryable, now: number, list: Suppression[]): Promise<void> {
  if (list.length === 0) return;
  const rows = distinctInOrder(list);
  await db.query({
    name: 'suppress contacts',
    text: `with listed as (
      insert into suppressions (tenant_id, kind, address, reason, source, created_at)
      select listed.*, $6
      from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[]) as listed
      on conflict (tenant_id, kind, address) do update set reason = excluded.reason, source = excluded.source
      where (suppressions.reason, suppressions.source) is distinct from (excluded.reason, excluded.source)
      returning tenant_id, kind, address, reason, source
    )
    ${tellSuppressed('$6::timestamptz')}`,
    values: [
      rows.map((row) => row.tenantId),
      rows.map((row) => row.kind),
      rows.map((row) => row.address),
      rows.map((row) => row.reason),
      rows.map((row) => row.source),
      new Date(now),
    ],
  });
}

/** An upsert takes a key only once, and batches that lock keys in one order cannot deadlock. The last mention counts. */
function distinctInOrder(list: Suppression[]): Suppression[] {
  const byKey = new Map<string, Suppression>();
  for (const entry of list) {
    const address = suppressionKey(entry.kind, entry.address);
    byKey.set(`${entry.tenantId} ${entry.kind} ${address}`, { ...entry, address });
  }
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
}

/** An address as one tenant knows it. */
export interface AddressOwner {
  tenantId: string;
  address: string;
}

/** Which of these addresses the tenant must not write to. */
export async function selectSuppressed(
  db: Queryable,
  tenantId: string,
  contacts: readonly { kind: string; address: string }[],
): Promise<{ kind: string; address: string }[]> {
  const { rows } = await db.query({
    name: 'suppressed of contacts',
    text: `select s.kind, s.address from unnest($2::text[], $3::text[]) as wanted (kind, address)
      join suppressions s on s.tenant_id = $1 and s.kind = wanted.kind and s.address = wanted.address`,
    values: [
      tenantId,
      contacts.map(({ kind }) => kind),
      contacts.map(({ kind, address }) => suppressionKey(kind, address)),
    ],
  });
  return rows;
}

/** The reason of those who said themselves that they want no more. */
const OPTED_OUT: Reason = 'recipient_opted_out';

/** Suppresses addresses that opted out. One that is listed already stays as it is: it may be there for good. */
export async function listOptOuts(
  db: Queryable,
  now: number,
  { kind, owners, source }: { kind: string; owners: readonly AddressOwner[]; source: string },
): Promise<void> {
  if (owners.length === 0) return;
  await db.query(
    `with listed as (
      insert into suppressions (tenant_id, kind, address, reason, source, created_at)
      select tenant_id, $2, address, $4, $5, $6 from unnest($1::uuid[], $3::text[]) as said (tenant_id, address)
       order by tenant_id, address
      on conflict (tenant_id, kind, address) do nothing
      returning tenant_id, kind, address, reason, source
    )
    ${tellSuppressed('$6::timestamptz')}`,
    [
      owners.map(({ tenantId }) => tenantId),
      kind,
      owners.map(({ address }) => suppressionKey(kind, address)),
      OPTED_OUT,
      source,
      new Date(now),
    ],
  );
}

/** Removes addresses that opted out; what was listed for another reason, or through the API, stays. */
export async function takeBackOptOuts(
  db: Queryable,
  { kind, owners }: { kind: string; owners: readonly AddressOwner[] },
): Promise<void> {
  if (owners.length === 0) return;
  await db.query(
    `delete from suppressions where (tenant_id, kind, address) in (
       select s.tenant_id, s.kind, s.address
         from unnest($1::uuid[], $3::text[]) as said (tenant_id, address)
         join suppressions s on s.tenant_id = said.tenant_id and s.kind = $2 and s.address = said.address
        where s.reason = $4 and s.source <> 'api'
        order by s.tenant_id, s.address for update of s)`,
    [
      owners.map(({ tenantId }) => tenantId),
      kind,
      owners.map(({ address }) => suppressionKey(kind, address)),
      OPTED_OUT,
    ],
  );
}

export interface SuppressionRow {
  kind: string;
  address: string;
  reason: string;
  source: string;
  created_at: Date;
}

/** In the order of (kind, address); the page starts behind `after`. */
export async function listSuppressions(
  db: Queryable,
  query: {
    tenantId: string;
    kind: string | null;
    after: { kind: string; address: string } | null;
    limit: number;
  },
): Promise<SuppressionRow[]> {
  const { rows } = await db.query(
    `select kind, address, reason, source, created_at from suppressions
    where tenant_id = $1 and ($2::text is null or kind = $2) and (kind, address) > ($3, $4)
    order by kind, address
    limit $5`,
    [query.tenantId, query.kind, query.after?.kind ?? '', query.after?.address ?? '', query.limit],
  );
  return rows;
}

export async function findSuppression(
  db: Queryable,
  key: { tenantId: string; kind: string; address: string },
): Promise<SuppressionRow | null> {
  const { rows } = await db.query(
    `select kind, address, reason, source, created_at from suppressions
    where tenant_id = $1 and kind = $2 and address = $3`,
    [key.tenantId, key.kind, suppressionKey(key.kind, key.address)],
  );
  return rows[0] ?? null;
}

export async function deleteSuppression(
  db: Queryable,
  key: { tenantId: string; kind: string; address: string },
): Promise<void> {
  await db.query('delete from suppressions where tenant_id = $1 and kind = $2 and address = $3', [
    key.tenantId,
    key.kind,
    suppressionKey(key.kind, key.address),
  ]);
}
