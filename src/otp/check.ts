import { confirmNotification } from '../ledger/index.ts';
import type { Queryable } from '../store/index.ts';
import { hashCode, hashKeyFrom, hashSession, isSame, readCode } from './code.ts';
import { countOtpChecked } from './counts.ts';
import { countApproved } from './limit-store.ts';
import { stopMessages } from './resend.ts';
import type { CheckBody, CheckResult } from './schema.ts';
import { countAttempt, endOtp, findOtp, type OtpKey, type OtpRow } from './store.ts';
import type { OtpEvent, OtpTools } from './tools.ts';
import { statusOf } from './view.ts';

export interface Checked {
  result: CheckResult;
  attemptsLeft: number;
  purpose: string | null;
}

const NOT_FOUND: Checked = { result: 'not_found', attemptsLeft: 0, purpose: null };

/**
 * Whether a code is the one that was sent. It is right once: the answer `approved` also means that no message of it is
 * begun any more. One that is over, belongs to another session, or is none at all is answered alike.
 */
export async function checkOtp(tools: OtpTools, key: OtpKey, body: CheckBody): Promise<Checked> {
  const now = tools.clock.now();
  const checked = await tools.store.scoped(key.tenantId, (db) => checkIn(db, tools, { key, body, now }));
  countOtpChecked(tools.metrics, checked.result, key.live);
  return checked;
}

async function checkIn(
  db: Queryable,
  tools: OtpTools,
  { key, body, now }: { key: OtpKey; body: CheckBody; now: number },
): Promise<Checked> {
  const found = await findOtp(db, key);
  if (!found) return NOT_FOUND;
  if (!isOfSession(found, body.sessionId)) return NOT_FOUND;
  const code = readCode(body.code);
  // Half a code is a slip of the finger, and no guess.
  if (code.length !== found.code_length) return judgeUncounted(found, now);
  const counted = await countAttempt(db, { ...key, now: new Date(now) });
  if (!counted) return judgeUncounted((await findOtp(db, key)) ?? found, now);
  const { tenant_id: tenantId, id, sends } = counted;
  const hashKey = await hashKeyOf(db, tools, counted);
  const isRight = isSame(hashCode(hashKey, { tenantId, id, sends }, code), counted.code_hash);
  const left = { attemptsLeft: counted.max_attempts - counted.attempts, purpose: counted.asked.purpose };
  if (isRight) {
    await approve(db, tools, counted, now);
    return { ...left, result: 'approved' };
  }
  if (left.attemptsLeft === 0) {
    await stopMessages(db, tools, counted, now);
    await tools.onEvent?.(db, eventOf('otp.max_attempts', counted, now));
  }
  return { ...left, result: 'incorrect' };
}

async function approve(db: Queryable, tools: OtpTools, row: OtpRow, now: number): Promise<void> {
  const { tenant_id: tenantId, live, id, notification_id } = row;
  const at = new Date(now);
  await endOtp(db, { tenantId, id, status: 'approved', now: at });
  await stopMessages(db, tools, row, now);
  await confirmNotification(db, { tenantId, live, id: notification_id, now: at });
  await countApproved(db, { tenantId, live }, row, row.sent_at.getTime());
  await tools.onEvent?.(db, eventOf('otp.approved', row, now));
}

function judgeUncounted(row: OtpRow, now: number): Checked {
  const status = statusOf(row, now);
  const attemptsLeft = Math.max(0, row.max_attempts - row.attempts);
  const { purpose } = row.asked;
  switch (status) {
    case 'pending':
      return { result: 'incorrect', attemptsLeft, purpose };
    case 'expired':
    case 'max_attempts':
      return { result: status, attemptsLeft: 0, purpose };
    case 'approved':
    case 'cancelled':
      return NOT_FOUND;
  }
}

async function hashKeyOf(db: Queryable, { seals }: OtpTools, row: OtpRow): Promise<Buffer> {
  const dataKey = await seals.find(db, { tenantId: row.tenant_id, version: row.key_version });
  if (!dataKey) throw new Error(`the data key ${row.key_version} of tenant ${row.tenant_id} does not open`);
  return hashKeyFrom(dataKey.key);
}

/** Once it belongs to a session, only the session that it was made for may enter it. */
function isOfSession({ id, session_hash }: OtpRow, sessionId: string | undefined): boolean {
  if (session_hash === null) return true;
  return sessionId !== undefined && isSame(hashSession(id, sessionId), session_hash);
}

function eventOf(type: OtpEvent['type'], row: OtpRow, now: number): OtpEvent {
  const { tenant_id: tenantId, live, id, notification_id: notificationId, asked } = row;
  return { type, tenantId, live, id, notificationId, purpose: asked.purpose, at: new Date(now) };
}
