import {
  appendEvents,
  cancelAccepted,
  cancelCollected,
  cancelDeliveries,
  endPostponed,
  type LedgerEvent,
  lockLadders,
  lockTurns,
  type NotificationRow,
} from '../ledger/index.ts';
import type { Queryable } from '../store/index.ts';

/** What a cancel ended. */
export interface Withdrawn {
  /** Deliveries that were queued, and channels that get no turn. */
  cancelled: number;
  /** Deliveries that are being sent right now: not sent again if this try fails. */
  beingSent: number;
  /** Routing has a turn of it to end: wake it after the commit. */
  hasTurns: boolean;
}

/**
 * Cancels what of a notification has not been sent: no attempt of it begins once the caller's transaction is committed.
 * The caller has locked it (`lockNotification`).
 */
export async function withdraw(
  db: Queryable,
  found: Pick<NotificationRow, 'id' | 'live' | 'request'>,
  { tenantId, now }: { tenantId: string; now: Date },
): Promise<Withdrawn> {
  const isWhole =
    (await cancelAccepted(db, tenantId, found.live, found.id)) ||
    (await cancelCollected(db, tenantId, found.id));
  if (isWhole) {
    await appendEvents(db, [cancelledEvent(tenantId, found, now)]);
    return { cancelled: 1, beingSent: 0, hasTurns: false };
  }
  // Turns before the ladder, as routing takes them.
  await lockTurns(db, tenantId, found.id);
  if (found.request.ladder) await lockLadders(db, [found.id]);
  const ended = await endPostponed(db, {
    notifications: [{ tenantId, id: found.id }],
    reason: 'cancelled',
    now,
  });
  const postponed = ended[0]?.channels ?? 0;
  const { cancelled, flagged } = await cancelDeliveries(db, tenantId, found.id, now);
  return { cancelled: cancelled + postponed, beingSent: flagged, hasTurns: postponed > 0 };
}

/** Of a notification without deliveries; those tell for themselves. */
function cancelledEvent(
  tenantId: string,
  { id, live }: Pick<NotificationRow, 'id' | 'live'>,
  at: Date,
): LedgerEvent {
  const data = { notificationId: id, state: 'cancelled', reason: 'cancelled' };
  return { tenantId, live, type: 'notification.cancelled', at, notificationId: id, data };
}
