import { withdraw } from '../accept/index.ts';
import { Problem } from '../http/index.ts';
import { lockNotification } from '../ledger/index.ts';
import { ROUTE_HIGH } from '../queue/index.ts';
import type { Queryable } from '../store/index.ts';
import { type Known, loadKnown } from './known.ts';
import type { Refusal } from './limits.ts';
import { checkResend, loadRecipient } from './recipient.ts';
import { type Sending, sendCode } from './send.ts';
import type { OtpChannel } from './settings.ts';
import { endOtp, findOtp, lockOtp, type OtpKey, type OtpRow, replaceCode } from './store.ts';
import { problemOf, tell, tellSent } from './telling.ts';
import type { OtpTools } from './tools.ts';
import { statusOf } from './view.ts';
import type { Whose } from './whose.ts';

/**
 * Sends a new code in place of the one before, whose messages that wait are stopped. Attempts go on being counted: a new
 * code is no new chance to guess. Throws a Problem when it is over or a limit does not let it.
 */
export async function resendOtp(
  tools: OtpTools,
  key: OtpKey,
  { channel }: { channel?: OtpChannel },
): Promise<OtpRow> {
  const now = tools.clock.now();
  const { store } = tools;
  const found = await store.scoped(key.tenantId, (db) => findOtp(db, key));
  if (!found) throw new Problem('otp.not_found');
  checkResend(found.user_id, channel);
  const asked = { ...found.asked, channels: channel ? [channel] : found.asked.channels };
  const known = await loadKnown(tools, key, () => asked);
  const done = await store.scoped(key.tenantId, (db) => resendIn(db, tools, { key, known, now }));
  if ('refusal' in done) throw problemOf(tools, done.refusal, { now, live: key.live });
  tell(tools, done.row, key.live);
  return { ...done.row, asked };
}

async function resendIn(
  db: Queryable,
  tools: OtpTools,
  { key, known, now }: { key: OtpKey; known: Known; now: number },
): Promise<{ refusal: Refusal } | { row: OtpRow }> {
  const whose: Whose = { tenantId: key.tenantId, live: key.live };
  const row = await lockResendable(db, key, now);
  const { addresses } = await loadRecipient(db, { tenantId: key.tenantId, userId: row.user_id });
  const dataKey = await tools.seals.newest(db, key.tenantId, now);
  const sends = row.sends + 1;
  const sending: Sending = {
    ...known,
    whose,
    id: row.id,
    sends,
    userId: row.user_id,
    addresses,
    dataKey,
    now,
  };
  const done = await sendCode(db, tools, sending, async () => {
    await stopMessages(db, tools, row, now);
  });
  if ('refusal' in done) return done;
  const { sent } = done;
  await replaceCode(db, {
    tenant_id: row.tenant_id,
    id: row.id,
    notification_id: sent.notificationId,
    code_hash: sent.codeHash,
    key_version: dataKey.version,
    sends,
    country: sent.country,
    prefix: sent.prefix,
    sent_at: new Date(now),
    resend_at: sent.resendAt,
    expires_at: sent.expiresAt,
  });
  await tellSent(db, tools, sending, sent);
  return { row: (await findOtp(db, key))! };
}

/** Throws a Problem when it may not be sent again. */
async function lockResendable(db: Queryable, key: OtpKey, now: number): Promise<OtpRow> {
  const row = await lockOtp(db, key);
  if (!row) throw new Problem('otp.not_found');
  const status = statusOf(row, now);
  // One that is past its time may be sent anew; one that was guessed at too often may not.
  if (status !== 'pending' && status !== 'expired') throw new Problem('otp.over', `It is ${status}`);
  if (row.sends >= row.asked.maxSends) throw new Problem('otp.sends_used_up');
  return row;
}

/** No attempt for its latest code begins once the caller's transaction is committed. */
export async function stopMessages(
  db: Queryable,
  { wake }: Pick<OtpTools, 'wake'>,
  row: Pick<OtpRow, 'tenant_id' | 'live' | 'notification_id'>,
  now: number,
): Promise<void> {
  const found = await lockNotification(db, row.tenant_id, row.live, row.notification_id);
  if (!found) return;
  const { hasTurns } = await withdraw(db, found, { tenantId: row.tenant_id, now: new Date(now) });
  // Too early does no harm: routing looks again by itself.
  if (hasTurns) wake.signal(ROUTE_HIGH);
}

/** Ends an OTP that nobody needs any more. Throws a Problem when it is over. */
export async function cancelOtp(tools: OtpTools, key: OtpKey): Promise<OtpRow> {
  const now = tools.clock.now();
  return tools.store.scoped(key.tenantId, async (db) => {
    const row = await lockOtp(db, key);
    if (!row) throw new Problem('otp.not_found');
    if (row.status !== 'pending') throw new Problem('otp.over', `It is ${row.status}`);
    await endOtp(db, { tenantId: key.tenantId, id: key.id, status: 'cancelled', now: new Date(now) });
    await stopMessages(db, tools, row, now);
    const { notification_id: notificationId, asked, tenant_id: tenantId, live, id } = row;
    const about = { tenantId, live, id, notificationId, purpose: asked.purpose, at: new Date(now) };
    await tools.onEvent?.(db, { type: 'otp.cancelled', ...about });
    return (await findOtp(db, key))!;
  });
}
