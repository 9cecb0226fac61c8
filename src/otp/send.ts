import { randomInt } from 'node:crypto';
import { buildRow, countAccepted, insertAccepted } from '../accept/index.ts';
import { uuidv7 } from '../lib/ids.ts';
import { sealedPlace } from '../queue/index.ts';
import type { TenantCategories } from '../rules/index.ts';
import type { Queryable } from '../store/index.ts';
import { type DataKey, sealSecrets } from '../tenants/index.ts';
import { drawCode, hashCode, hashKeyFrom, hashMark } from './code.ts';
import { countRefused, countSent, loadOnRecord, lockCounts } from './limit-store.ts';
import { type Ask, judge, mayResendAt, type Refusal } from './limits.ts';
import { buildNotification } from './message.ts';
import { savePause } from './pause-store.ts';
import type { OtpSettings } from './settings.ts';
import type { Asked } from './store.ts';
import { type Addresses, refuseNumber, targetOf } from './target.ts';
import type { OtpTools } from './tools.ts';
import type { Whose } from './whose.ts';

/** A code that is to be sent: the first of an OTP, or a new one. */
export interface Sending {
  whose: Whose;
  id: string;
  /** Which message of the OTP it is, from 1. */
  sends: number;
  userId: string;
  addresses: Addresses;
  asked: Asked;
  settings: OtpSettings;
  categories: TenantCategories;
  dataKey: DataKey;
  now: number;
}

/** What is on record of a code that goes out. */
export interface SentCode {
  notificationId: string;
  codeHash: Buffer;
  country: string | null;
  prefix: string | null;
  resendAt: Date;
  expiresAt: Date;
}

/**
 * Judges by the limits and, if nothing is in the way, writes the notification, all in the caller's transaction. A refusal
 * is an answer: what was counted for it stays when the transaction ends. `prepare` runs before the notification is made.
 */
export async function sendCode(
  db: Queryable,
  tools: Pick<OtpTools, 'metrics' | 'draw' | 'onEvent'>,
  sending: Sending,
  prepare: () => Promise<void> = async () => {},
): Promise<{ refusal: Refusal } | { sent: SentCode }> {
  const { whose, addresses, asked, settings, dataKey, now } = sending;
  const hashKey = hashKeyFrom(dataKey.key);
  const target = targetOf(sending, asked.channels, settings);
  const recipients = target.recipients.map((each) =>
    hashMark(hashKey, 'recipient', whose.tenantId, each).toString('hex'),
  );
  const ask: Ask = { ...target, recipients, ip: asked.ip };
  const phone = asked.channels.includes('sms') ? addresses.phone : undefined;
  const refused = refuseAtOnce(phone, settings, whose.live);
  if (refused)
    return { refusal: await refuse(db, tools, whose, { reason: refused, scope: null, retryAt: null }, now) };
  await lockCounts(db, whose, ask);
  const record = await loadOnRecord(db, whose, ask, now);
  const refusal = judge(ask, record, settings, now);
  if (refusal) return { refusal: await refuse(db, tools, whose, refusal, now) };
  await countSent(db, whose, ask, now);
  await prepare();
  const written = await writeNotification(db, tools, sending, hashKey);
  const { country, prefix } = target;
  const times = ask.recipients.map((each) =>
    mayResendAt([...(record.recipients.get(each) ?? []), now], settings, now),
  );
  return { sent: { ...written, country, prefix, resendAt: new Date(Math.max(...times)) } };
}

function refuseAtOnce(phone: string | undefined, settings: OtpSettings, live: boolean) {
  if (!settings.enabled) return 'disabled';
  return phone === undefined ? null : refuseNumber(phone, settings, live);
}

async function refuse(
  db: Queryable,
  { onEvent }: Pick<OtpTools, 'onEvent'>,
  whose: Whose,
  refusal: Refusal,
  now: number,
): Promise<Refusal> {
  const { pause } = refusal;
  await countRefused(db, whose, new Map([[refusal.reason, 1]]), now);
  if (pause) {
    await savePause(db, whose, pause);
    const about = { ...whose, id: null, notificationId: null, purpose: null, at: new Date(now) };
    await onEvent?.(db, { type: 'otp.paused', ...about, paused: pause.key });
  }
  return refusal;
}

async function writeNotification(
  db: Queryable,
  { metrics, draw = randomInt }: Pick<OtpTools, 'metrics' | 'draw'>,
  { whose, id, sends, userId, asked, settings, categories, dataKey, now }: Sending,
  hashKey: Buffer,
): Promise<Pick<SentCode, 'notificationId' | 'codeHash' | 'expiresAt'>> {
  const { tenantId, live } = whose;
  const code = drawCode({ length: asked.codeLength, alphabet: asked.alphabet }, draw);
  const expiresAt = new Date(now + asked.expiresInSeconds * 1_000);
  const notificationId = uuidv7(now);
  const row = buildRow(buildNotification(asked, settings, { userId, expiresAt }), undefined, {
    tenantId,
    live,
    now,
    idempotencyMs: 0,
    categories,
    id: notificationId,
    sealed: sealSecrets(dataKey, sealedPlace({ tenantId, notificationId }), { code }),
  });
  await insertAccepted(db, [row], new Date(now));
  if (metrics) countAccepted(metrics, [row]);
  return { notificationId, expiresAt, codeHash: hashCode(hashKey, { tenantId, id, sends }, code) };
}
