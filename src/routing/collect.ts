import { PRIORITY_CODES } from '../ledger/index.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { Channel } from '../providers/index.ts';
import {
  type Category,
  closesAt,
  closesBy,
  type Digest,
  type DigestRequest,
  digestOf,
  type Frequency,
  MAX_DIGEST_SECONDS,
  MAX_KEY_LENGTH,
} from '../rules/index.ts';
import type { Queryable } from '../store/index.ts';
import { type DigestKey, insertCollected, openDigests } from './collect-store.ts';
import type { Plan } from './decide.ts';
import type { RoutableRow } from './store.ts';

/** A digest as its first event would open it. */
export interface OpenDigest {
  /** Used only if it is opened. */
  id: string;
  tenantId: string;
  live: boolean;
  /** The caller's. */
  userId: string;
  category: string;
  key: string;
  settings: Pick<Digest, 'template' | 'singleAsDigest'>;
  /** In a sliding window, with the latest end. */
  quietSeconds: number | null;
  closesBy: Date | null;
  closesAt: Date;
}

/** A notification that waits for the end of its digest instead of going out. */
export interface Collected {
  digest: OpenDigest;
  notificationId: string;
  priority: number;
  channels: Channel[];
  expiresAt: Date | null;
}

/**
 * How a notification is collected; null when it goes out by itself. A digest is not collected again, nor is a part of a
 * notification.
 */
export function digestFor(row: RoutableRow, category: Category, chosen: Frequency | null): Digest | null {
  const { request, priority, postponed } = row;
  if (priority === PRIORITY_CODES.high || postponed || request.carries || request.window || request.test)
    return null;
  const asked: unknown = request.digest;
  return digestOf(
    category,
    typeof asked === 'object' && asked !== null ? (asked as DigestRequest) : {},
    chosen,
  );
}

/** What is collected of a notification for which this was planned; null when nothing of it would go out. Pure. */
export function collect(
  row: RoutableRow,
  { digest, plans, zone }: { digest: Digest; plans: readonly Plan[]; zone: string },
  now: number,
): Collected | null {
  if (plans.every(({ kind }) => kind === 'skip')) return null;
  // Also those that reach nobody now: each has its end, and may reach somebody by then.
  const channels = [...new Set(plans.map(({ channel }) => channel))];
  const { window, key, template, singleAsDigest } = digest;
  const latest = closesBy(window, now);
  return checked({
    digest: {
      id: uuidv7(now),
      tenantId: row.tenantId,
      live: row.live,
      userId: row.userId,
      category: row.category,
      key,
      settings: { template, singleAsDigest },
      quietSeconds: window.quietSeconds ?? null,
      closesBy: latest === null ? null : new Date(latest),
      closesAt: new Date(closesAt(window, zone, now)),
    },
    notificationId: row.id,
    priority: row.priority,
    channels,
    expiresAt: row.expiresAt,
  });
}

/** All of a batch are written at once, so what nothing of ours has stored must stop its own row here. */
function checked(collected: Collected): Collected {
  const { key, quietSeconds, closesBy, closesAt, settings } = collected.digest;
  const isSane =
    typeof key === 'string' &&
    key.length <= MAX_KEY_LENGTH &&
    (settings.template === undefined || typeof settings.template?.id === 'string') &&
    (quietSeconds === null || (Number.isInteger(quietSeconds) && quietSeconds <= MAX_DIGEST_SECONDS)) &&
    [closesAt, closesBy ?? closesAt].every((at) => !Number.isNaN(at.getTime()));
  if (!isSane) throw new TypeError('the digest that it asks for makes no sense');
  return collected;
}

/**
 * Puts what was collected of a batch into its digests, in two statements, or none when nothing was. Returns whether any
 * digest was opened. Run it before places of caps are taken: everybody locks in this order.
 */
export async function saveCollected(
  db: Queryable,
  collected: readonly Collected[],
  now: number,
): Promise<boolean> {
  if (collected.length === 0) return false;
  const byName = Map.groupBy(collected, ({ digest }) => nameOf(digest));
  const names = [...byName.keys()].sort();
  const digests = names.map((name) => byName.get(name)![0]!.digest);
  const open = await openDigests(db, digests, new Date(now));
  await insertCollected(
    db,
    open.flatMap((each) => byName.get(nameOf(each))!.map((event) => ({ ...event, digestId: each.id }))),
  );
  const opened = new Set(digests.map(({ id }) => id));
  return open.some(({ id }) => opened.has(id));
}

function nameOf({ tenantId, live, userId, category, key }: DigestKey): string {
  return JSON.stringify([tenantId, live, userId, category, key]);
}
