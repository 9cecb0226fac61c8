import { type AcceptedRow, buildRow } from '../accept/index.ts';
import { audiencePage } from '../audiences/index.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { Categories } from '../rules/index.ts';
import type { Queryable } from '../store/index.ts';
import type { Firing } from './plan.ts';
import { claimSend, insertSend, type SendRow, saveSend } from './send-store.ts';
import { contentOf, insertRows, MAX_ROWS, onceKey } from './told.ts';

/** A segment that was made a moment ago is complete soon. */
const WAIT_MS = 5_000;
const WAIT_AT_MOST_MS = 3_600_000;

/** Sends what fired now on its way to its audience, in the transaction in which it fired: once for each occurrence. */
export async function startSends(db: Queryable, firings: readonly Firing[], now: number): Promise<void> {
  for (const { schedule, occurrence, outcome } of firings) {
    const { audience } = schedule.definition.notification;
    if (!audience || outcome !== 'fired') continue;
    const at = new Date(now);
    await insertSend(db, {
      tenant_id: schedule.tenant_id,
      id: uuidv7(now),
      live: schedule.live,
      schedule_id: schedule.id,
      schedule_uid: schedule.uid,
      local_time: occurrence.local,
      audience: audience.topic === undefined ? { segment: audience.segment! } : { topic: audience.topic },
      content: contentOf(schedule.definition, now),
      place: null,
      problem: null,
      due_at: at,
      created_at: at,
      finished_at: null,
    });
  }
}

/**
 * Accepts the notifications of the next page of users, inside the caller's transaction, in which the place moves too:
 * each user is told once, whatever ends the process. Null when nothing is due.
 */
export async function sendPage(
  db: Queryable,
  {
    categories,
    now,
    onClaimed,
  }: { categories: Pick<Categories, 'forTenants'>; now: number; onClaimed?: (send: SendRow) => void },
): Promise<{ rows: AcceptedRow[]; send: SendRow } | null> {
  const claimed = await claimSend(db, new Date(now));
  if (!claimed) return null;
  const { schedule_state: state, ...send } = claimed;
  onClaimed?.(send);
  const finish = async (problem: string | null) => {
    const over = { ...send, problem, due_at: null, finished_at: new Date(now) };
    await saveSend(db, over, 0);
    return { rows: [], send: over };
  };
  if (state === null || state === 'cancelled') return finish('The schedule was ended');
  const { tenant_id: tenantId, audience } = send;
  const page = await audiencePage(db, audience, { tenantId, after: send.place, limit: MAX_ROWS });
  if (!page) {
    if (now - send.created_at.getTime() > WAIT_AT_MOST_MS) return finish('There is no such segment');
    await saveSend(db, { ...send, due_at: new Date(now + WAIT_MS) }, 0);
    return { rows: [], send };
  }
  const own = (await categories.forTenants(db, [tenantId])).get(tenantId)!;
  const context = { tenantId, live: send.live, now, idempotencyMs: 0, categories: own };
  const rows = page.users.map(({ externalId: userId }): AcceptedRow => {
    const row = buildRow({ ...send.content, userId }, undefined, context);
    // Who leaves a topic and joins another below the same one while it is read may be met twice.
    return 'topic' in audience ? { ...row, key: onceKey(['audience', send.id, userId], now) } : row;
  });
  const stored = await insertRows(db, rows, now);
  const at = new Date(now);
  const next = page.next === null ? { due_at: null, finished_at: at } : { due_at: at, place: page.next };
  const saved = { ...send, ...next };
  await saveSend(db, saved, stored.size);
  return { rows: rows.filter(({ id }) => stored.has(id)), send: saved };
}
