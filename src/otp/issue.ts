import { invalidField } from '../http/index.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { Queryable } from '../store/index.ts';
import type { DataKey } from '../tenants/index.ts';
import { saveInternalUser } from '../users/index.ts';
import { hashKeyFrom, hashMark, hashSession } from './code.ts';
import { type Known, loadKnown } from './known.ts';
import { countRefused } from './limit-store.ts';
import type { Refusal } from './limits.ts';
import type { Places } from './recent-refusals.ts';
import { channelsFor, loadBare, loadRecipient, type OtpRecipient, parseRecipient } from './recipient.ts';
import { findRepeated, type RepeatKey } from './repeat.ts';
import type { OtpBody } from './schema.ts';
import { type Sending, type SentCode, sendCode } from './send.ts';
import type { OtpSettings } from './settings.ts';
import { type Asked, findOtp, insertOtp, type OtpRow } from './store.ts';
import { type Addresses, netOf, placeOf } from './target.ts';
import { problemOf, tell, tellSent } from './telling.ts';
import type { OtpTools, RoomTools } from './tools.ts';
import type { Whose } from './whose.ts';

/** Makes an OTP and sends its code. Throws a Problem when a limit does not let it. */
export async function issueOtp(
  tools: RoomTools,
  whose: Whose,
  { body, key }: { body: OtpBody; key: RepeatKey | null },
): Promise<OtpRow> {
  const now = tools.clock.now();
  const addresses = parseRecipient(body);
  const places = placesOf(body, addresses);
  // The first answer to a request that comes again is in the database.
  const again = key ? null : tools.recent.find(whose, places, now);
  if (again) throw problemOf(tools, again, { now, live: whose.live });
  const known = await loadKnown(tools, whose, (settings) => askedBy(body, settings));
  await countMissed(tools, whose, now);
  const done = await tools.store.scoped(whose.tenantId, async (db) => {
    const repeated = key && (await findRepeated(db, whose, key));
    if (repeated) return { row: repeated, isRepeat: true };
    return issueIn(db, tools, { whose, body, key, addresses, known, now });
  });
  if ('refusal' in done) {
    tools.recent.remember(whose, places, done.refusal, now);
    throw problemOf(tools, done.refusal, { now, live: whose.live });
  }
  if (!('isRepeat' in done)) tell(tools, done.row, whose.live);
  return done.row;
}

/**
 * Writes down what was refused from memory, in a transaction of its own: with these rows in its hands, this request would
 * wait for the locks of the counts, and who holds those and is refused too would wait for the rows.
 */
async function countMissed({ store, recent }: RoomTools, whose: Whose, now: number): Promise<void> {
  const missed = recent.take(whose);
  if (missed.size === 0) return;
  await store
    .scoped(whose.tenantId, (db) => countRefused(db, whose, missed, now))
    .catch((error: unknown) => {
      recent.putBack(whose, missed);
      throw error;
    });
}

/** All that one request asks for. */
interface Issue {
  whose: Whose;
  body: OtpBody;
  key: RepeatKey | null;
  addresses: Addresses;
  known: Known;
  now: number;
}

async function issueIn(
  db: Queryable,
  tools: OtpTools,
  issue: Issue,
): Promise<{ refusal: Refusal } | { row: OtpRow }> {
  const { whose, body, key, addresses, now } = issue;
  const { tenantId } = whose;
  const { userId } = body.to;
  const recipient =
    userId === undefined
      ? await loadBare(db, { tenantId, addresses })
      : await loadRecipient(db, { tenantId, userId });
  const dataKey = await tools.seals.newest(db, tenantId, now);
  const sending = sendingOf(issue, recipient, dataKey);
  const { id } = sending;
  const done = await sendCode(db, tools, sending, () => saveBare(db, sending, recipient));
  if ('refusal' in done) return done;
  const session = body.sessionId === undefined ? null : hashSession(id, body.sessionId);
  await insertOtp(db, { ...toRow(sending, done.sent), session_hash: session, ...columnsOf(key) });
  await tellSent(db, tools, sending, done.sent);
  return { row: (await findOtp(db, { ...whose, id }))! };
}

function sendingOf({ whose, body, known, now }: Issue, recipient: OtpRecipient, dataKey: DataKey): Sending {
  const { tenantId } = whose;
  const { addresses, locale } = recipient;
  const hashKey = hashKeyFrom(dataKey.key);
  return {
    ...known,
    whose,
    id: uuidv7(now),
    sends: 1,
    userId: recipient.userId ?? internalId(hashKey, tenantId, addresses),
    addresses,
    asked: {
      ...known.asked,
      channels: body.channels ?? channelsFor(addresses),
      locale: body.locale ?? locale,
      ip: body.clientIp ? hashMark(hashKey, 'ip', tenantId, netOf(body.clientIp)).toString('hex') : null,
    },
    dataKey,
    now,
  };
}

/** As far as the request alone tells: a user's number is not looked up for it. Pure. */
function placesOf({ channels, clientIp }: OtpBody, { phone }: Addresses): Places {
  const ip = clientIp === undefined ? {} : { ip: netOf(clientIp) };
  const isText = phone !== undefined && (channels?.includes('sms') ?? true);
  return { tenant: '', ...ip, ...(isText && { spend: '', ...placeOf(phone) }) };
}

/** How the caller wants it, on top of the settings; channels, language and address follow with the recipient. Pure. */
function askedBy(body: OtpBody, settings: OtpSettings): Asked {
  if (body.waitSeconds !== undefined && body.channels?.length === 1)
    throw invalidField('/waitSeconds', 'must not be given: no other channel comes after this one');
  const { alphabet, maxSends } = settings;
  return {
    channels: [],
    waitSeconds: body.waitSeconds ?? settings.waitSeconds,
    until: body.until ?? 'approved',
    purpose: body.purpose ?? null,
    locale: null,
    codeLength: body.codeLength ?? settings.codeLength,
    alphabet,
    expiresInSeconds: body.expiresInSeconds ?? settings.expiresInSeconds,
    maxSends,
    ip: null,
    ...(body.domain && { domain: body.domain }),
    ...(body.appHash && { appHash: body.appHash }),
  };
}

/** The id of the internal user: the same for the same addresses, and none can be read from it. */
function internalId(hashKey: Buffer, tenantId: string, { phone = '', email = '' }: Addresses): string {
  return `otp:${hashMark(hashKey, 'recipient', tenantId, phone, email.toLowerCase()).toString('hex')}`;
}

async function saveBare(
  db: Queryable,
  { whose, userId, now }: Sending,
  recipient: OtpRecipient,
): Promise<void> {
  if (recipient.userId !== null) return;
  const contacts = Object.entries(recipient.addresses).map(([kind, address]) => ({
    kind,
    address: address!,
  }));
  const user = { tenantId: whose.tenantId, externalId: userId, locale: recipient.locale, contacts };
  await saveInternalUser(db, user, now);
}

function toRow(
  { whose, id, userId, asked, settings, dataKey, now }: Sending,
  sent: SentCode,
): Omit<Parameters<typeof insertOtp>[1], 'session_hash' | 'key_hash' | 'fingerprint'> {
  const at = new Date(now);
  return {
    tenant_id: whose.tenantId,
    live: whose.live,
    id,
    user_id: userId,
    notification_id: sent.notificationId,
    code_hash: sent.codeHash,
    key_version: dataKey.version,
    code_length: asked.codeLength,
    max_attempts: settings.maxAttempts,
    sends: 1,
    asked,
    country: sent.country,
    prefix: sent.prefix,
    created_at: at,
    sent_at: at,
    resend_at: sent.resendAt,
    expires_at: sent.expiresAt,
  };
}

function columnsOf(key: RepeatKey | null): Pick<OtpRow, 'key_hash' | 'fingerprint'> {
  return { key_hash: key?.hash ?? null, fingerprint: key?.fingerprint ?? null };
}
