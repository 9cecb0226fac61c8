import { appendEvents } from '../ledger/index.ts';
import type { Queryable } from '../store/index.ts';
import type { OtpEvent } from './tools.ts';

/** Tells the tenant's webhooks what happened, in the transaction in which it happened. */
export async function tellOtp(db: Queryable, event: OtpEvent): Promise<void> {
  const { type, tenantId, live, at, id, notificationId, purpose, paused } = event;
  const data = { otpId: id, notificationId, purpose, ...(paused !== undefined && { paused }) };
  await appendEvents(db, [{ tenantId, live, type, at, data }]);
}
