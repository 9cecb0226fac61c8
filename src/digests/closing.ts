import { type AcceptedRow, insertAccepted } from '../accept/index.ts';
import { DIGESTED, laneOf, PRIORITY_NAMES } from '../ledger/index.ts';
import { uuidv7 } from '../lib/ids.ts';
import { type DeliveryRow, insertDeliveries, insertPostponed } from '../routing/index.ts';
import type { Categories } from '../rules/index.ts';
import type { Queryable } from '../store/index.ts';
import { type Templates, templateKey } from '../templates/index.ts';
import { digestRequest, templateOf } from './message.ts';
import {
  type ClaimOptions,
  type Contents,
  claimDue,
  type DigestRow,
  type Ending,
  finishDigests,
  loadContents,
  saveEndings,
  type TakenEvent,
  takeEvents,
  takeSingles,
} from './store.ts';

/** A digest counts all of its events, and shows the newest ones. */
const SHOWN = 100;
const SHOWN_BYTES = 200_000;
/** Events that one transaction gives their ends; those of a digest that holds more follow in the next ones. */
const ENDED = 1_000;

export interface ClosingOptions extends Omit<ClaimOptions, 'now'> {
  now: number;
  categories: Pick<Categories, 'forTenants'>;
  templates: Pick<Templates, 'compiled'>;
  /** Told which digests are locked, before anything is done with them. */
  onClaimed?(digests: DigestRow[]): void;
}

/** What one transaction did. */
export interface Closed {
  /** How many digests it dealt with. */
  count: number;
  endings: Ending[];
  /** The digests that were sent. */
  rows: AcceptedRow[];
  /** Priorities of what has a turn now. */
  priorities: Set<number>;
}

/**
 * Closes digests whose time has come, inside the caller's transaction: that they are closed, their one message with its
 * turn, and the ends of their events are there together or not at all.
 */
export async function closeDue(db: Queryable, options: ClosingOptions): Promise<Closed> {
  const at = new Date(options.now);
  const claimed = await claimDue(db, { ...options, now: at });
  options.onClaimed?.(claimed);
  if (claimed.length === 0) return { count: 0, endings: [], rows: [], priorities: new Set() };
  const due = claimed.filter(({ closedAt }) => closedAt === null);
  const { endings, rows } = due.length > 0 ? await planEndings(db, due, options) : { endings: [], rows: [] };
  if (rows.length > 0) await insertAccepted(db, rows, at);
  const singles = await giveBack(db, endings, at);
  if (endings.length > 0) await saveEndings(db, endings, at);
  await endEvents(db, [...claimed.filter(({ closedAt }) => closedAt), ...endings.map(closedBy(at))], at);
  await finishDigests(db, claimed, at);
  const priorities = new Set([...rows, ...singles].map(({ priority }) => priority));
  return { count: claimed.length, endings, rows, priorities };
}

function closedBy(closedAt: Date) {
  return ({ digest, result, notificationId }: Ending): DigestRow => ({
    ...digest,
    closedAt,
    result,
    notificationId,
  });
}

async function planEndings(
  db: Queryable,
  digests: DigestRow[],
  { categories, templates, now }: ClosingOptions,
): Promise<{ endings: Ending[]; rows: AcceptedRow[] }> {
  const most = { now: new Date(now), shown: SHOWN, bytes: SHOWN_BYTES };
  const contents = await loadContents(db, digests, most);
  const wanted = digests.flatMap((digest) => {
    const id = templateOf(digest, contents.get(digest.id)!);
    return id === null ? [] : [{ tenantId: digest.tenantId, id }];
  });
  const published = wanted.length > 0 ? await templates.compiled(db, wanted) : new Map<string, unknown>();
  const own = await categories.forTenants(db, [...new Set(digests.map(({ tenantId }) => tenantId))]);
  const rows: AcceptedRow[] = [];
  const endings = digests.map((digest): Ending => {
    const content = contents.get(digest.id)!;
    const { events } = content;
    // Notifications may be gone, with the month that retention dropped.
    if (content.shown.length === 0) return { digest, result: 'empty', events: 0, notificationId: null };
    if (events === 1 && !digest.settings.singleAsDigest)
      return { digest, result: 'single', events, notificationId: content.shown[0]!.id };
    const { tenantId } = digest;
    const category = own.get(tenantId)!.of(digest.category);
    const id = templateOf(digest, content);
    // Better a plain summary than nothing when the template is gone.
    const template = id !== null && published.has(templateKey({ tenantId, id })) ? id : null;
    const row = rowOf(digest, content, {
      request: digestRequest(digest, content, { category, template }),
      now,
    });
    rows.push(row);
    return { digest, result: 'sent', events, notificationId: row.id };
  });
  return { endings, rows };
}

function rowOf(
  { tenantId, live, userId, category }: DigestRow,
  { priority, expiresAt }: Contents,
  { request, now }: { request: object; now: number },
): AcceptedRow {
  const at = new Date(now);
  return {
    id: uuidv7(now),
    tenantId,
    live,
    userId,
    category,
    priority: priority!,
    request: JSON.stringify(request),
    dueAt: at,
    sendAt: null,
    expiresAt,
    createdAt: at,
    key: null,
  };
}

/** An event that stayed alone gets its own turn again, as the notification that it is. */
async function giveBack(db: Queryable, endings: Ending[], at: Date): Promise<TakenEvent[]> {
  const alone = endings.flatMap(({ digest, result, notificationId }) =>
    result === 'single' ? [{ digest, notificationId: notificationId! }] : [],
  );
  if (alone.length === 0) return [];
  const taken = await takeSingles(db, alone);
  const digests = new Map(alone.map(({ digest }) => [digest.id, digest]));
  await insertPostponed(
    db,
    taken.map(({ digestId, notificationId, priority, channels }) => {
      const { tenantId, live } = digests.get(digestId)!;
      return {
        tenantId,
        live,
        notificationId,
        priority,
        channels,
        dueAt: at,
        reason: 'digest',
        step: null,
        climbs: false,
      };
    }),
  );
  return taken;
}

/** Every event of a closed digest ends: carried by the digest's message, or expired before. */
async function endEvents(db: Queryable, digests: DigestRow[], at: Date): Promise<void> {
  const byId = new Map(digests.map((digest) => [digest.id, digest]));
  const events = await takeEvents(db, digests, ENDED);
  await insertDeliveries(
    db,
    events.flatMap((event) => endsOf(event, byId.get(event.digestId)!, at)),
  );
}

function endsOf(event: TakenEvent, digest: DigestRow, at: Date): DeliveryRow[] {
  const { tenantId, live, closedAt, notificationId } = digest;
  const isExpired = event.expiresAt !== null && event.expiresAt <= closedAt!;
  return event.channels.map((channel) => ({
    id: uuidv7(at.getTime()),
    tenantId,
    live,
    notificationId: event.notificationId,
    userId: null,
    channel,
    lane: laneOf(channel, null, PRIORITY_NAMES[event.priority as 1 | 2]),
    deviceId: null,
    contactKind: null,
    templateVersion: null,
    provider: null,
    connection: '',
    choice: null,
    state: isExpired ? 'expired' : 'skipped',
    reason: isExpired ? 'expired' : DIGESTED,
    code: isExpired ? null : notificationId,
    dueAt: null,
    createdAt: at,
    expiresAt: event.expiresAt,
  }));
}
