import type { Static } from '../http/index.ts';
import type { OtpAnswer, OtpStatus } from './schema.ts';
import type { OtpRow } from './store.ts';

/** What an OTP is by now. Pure. */
export function statusOf(
  row: Pick<OtpRow, 'status' | 'attempts' | 'max_attempts' | 'expires_at'>,
  now: number,
): OtpStatus {
  if (row.status !== 'pending') return row.status;
  if (row.attempts >= row.max_attempts) return 'max_attempts';
  return row.expires_at.getTime() <= now ? 'expired' : 'pending';
}

/** What the API shows. Pure. */
export function renderOtp(row: OtpRow, now: number): Static<typeof OtpAnswer> {
  const { channels, purpose, maxSends } = row.asked;
  return {
    id: row.id,
    status: statusOf(row, now),
    channel: channels[0]!,
    channels,
    purpose: purpose ?? undefined,
    attemptsLeft: Math.max(0, row.max_attempts - row.attempts),
    sendsLeft: Math.max(0, maxSends - row.sends),
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    resendAfter: row.resend_at.toISOString(),
    endedAt: row.ended_at?.toISOString(),
    notificationId: row.notification_id,
  };
}
