import { Lru } from '../lib/lru.ts';
import type { Queryable } from '../store/index.ts';
import type { NotificationRequest } from './queue.ts';

const REMEMBERED = 1_000;

interface SharedRef {
  tenantId: string;
  id: string;
}

/** Stores what many users will be told, before the first page of them is routed. */
export async function insertSharedRequest(
  db: Queryable,
  shared: SharedRef & { request: NotificationRequest; now: Date },
): Promise<void> {
  await db.query('insert into shared_requests (tenant_id, id, request, created_at) values ($1, $2, $3, $4)', [
    shared.tenantId,
    shared.id,
    JSON.stringify(shared.request),
    shared.now,
  ]);
}

/** Requests that many notifications point at. They never change, so a process reads each once. */
export class SharedRequests {
  readonly #known = new Lru<NotificationRequest>(REMEMBERED);

  /** By `tenant/id`; one statement for those that are not known yet, none when all are. */
  async load(db: Queryable, refs: SharedRef[]): Promise<Map<string, NotificationRequest>> {
    const found = new Map<string, NotificationRequest>();
    const missing = new Map<string, SharedRef>();
    for (const ref of refs) {
      const name = nameOf(ref);
      const known = this.#known.get(name);
      if (known) found.set(name, known);
      else missing.set(name, ref);
    }
    if (missing.size === 0) return found;
    for (const { tenantId, id, request } of await loadSharedRequests(db, [...missing.values()])) {
      const name = nameOf({ tenantId, id });
      this.#known.set(name, request);
      found.set(name, request);
    }
    return found;
  }
}

export function nameOf({ tenantId, id }: SharedRef): string {
  return `${tenantId}/${id}`;
}

async function loadSharedRequests(
  db: Queryable,
  refs: SharedRef[],
): Promise<(SharedRef & { request: NotificationRequest })[]> {
  const { rows } = await db.query(
    `select s.tenant_id as "tenantId", s.id, s.request from unnest($1::uuid[], $2::uuid[]) as wanted (tenant_id, id)
       join shared_requests s on s.tenant_id = wanted.tenant_id and s.id = wanted.id`,
    [refs.map((ref) => ref.tenantId), refs.map((ref) => ref.id)],
  );
  return rows;
}
