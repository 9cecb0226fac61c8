import type { Queryable } from '../store/index.ts';
import { listExternalIds } from './export-store.ts';
import { findSegment, listMembers } from './segment-store.ts';
import { listSubscribers } from './topic-store.ts';

/** Users who are meant together. */
export type Audience = { topic: string } | { segment: string };

export interface AudienceUser {
  /** Our id. */
  id: string;
  externalId: string;
}

/** The next users of an audience; `next` is the place behind them, null at the end. */
export interface AudiencePage {
  users: AudienceUser[];
  next: string | null;
}

/**
 * The users of an audience (null: all of the tenant) behind the place `after`, in pages that cost the same wherever they
 * are. A segment is read as it stands: who joins it behind the place is met, who joins it before is not. Null when there
 * is no such segment, or it was never complete.
 */
export async function audiencePage(
  db: Queryable,
  audience: Audience | null,
  { tenantId, after, limit }: { tenantId: string; after: string | null; limit: number },
): Promise<AudiencePage | null> {
  if (audience === null) {
    const rows = await listExternalIds(db, { tenantId, after, limit });
    return toPage(rows, limit, (row) => row.user_id);
  }
  if ('topic' in audience) {
    const [topic, userId] = after?.split(' ') ?? [];
    const place = topic === undefined ? null : { topic, user_id: userId! };
    const rows = await listSubscribers(db, { tenantId, topic: audience.topic }, { after: place, limit });
    return toPage(rows, limit, (row) => `${row.topic} ${row.user_id}`);
  }
  const segment = await findSegment(db, { tenantId, id: audience.segment });
  if (!segment || segment.shown === 0) return null;
  return toPage(await listMembers(db, segment, { after, limit }), limit, (row) => row.user_id);
}

function toPage<Row extends { user_id: string; external_id: string | null }>(
  rows: Row[],
  limit: number,
  place: (row: Row) => string,
): AudiencePage {
  return {
    // Who was deleted a moment ago has no external id.
    users: rows.flatMap(({ user_id: id, external_id: externalId }) =>
      externalId === null ? [] : [{ id, externalId }],
    ),
    next: rows.length === limit ? place(rows.at(-1)!) : null,
  };
}
