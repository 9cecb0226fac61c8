import { invalidField, Problem } from '../http/index.ts';
import { uuidv7 } from '../lib/ids.ts';
import { ROUTE_HIGH } from '../queue/index.ts';
import type { TenantCategories } from '../rules/index.ts';
import type { Queryable } from '../store/index.ts';
import { saveInternalUser } from '../users/index.ts';
import { hashKeyFrom, hashMark, hashSession } from './code.ts';
import { countOtpRefused, countOtpSent } from './counts.ts';
import { countRefused } from './limit-store.ts';
import type { Refusal } from './limits.ts';
import { variablesFor } from './message.ts';
import type { Places } from './recent-refusals.ts';
import { channelsFor, loadBare, loadRecipient, type OtpRecipient, parseRecipient } from './recipient.ts';
import { findRepeated, type RepeatKey } from './repeat.ts';
import type { OtpBody } from './schema.ts';
import { type Sending, type SentCode, sendCode } from './send.ts';
import type { OtpSettings } from './settings.ts';
import { loadSettings } from './settings-store.ts';
import { type Asked, findOtp, insertOtp, type OtpRow } from './store.ts';
import { type Addresses, netOf, placeOf } from './target.ts';
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
  const missed = tools.recent.take(whose);
  const done = await tools.store
    .scoped(whose.tenantId, async (db) => {
      await countRefused(db, whose, missed, now);
      const repeated = key && (await findRepeated(db, whose, key));
      if (repeated) return { row: repeated, isRepeat: true };
      return issueIn(db, tools, { whose, body, key, addresses, known, now });
    })
    .catch((error: unknown) => {
      tools.recent.putBack(whose, missed);
      throw error;
    });
  if ('refusal' in done) {
    tools.recent.remember(whose, places, done.refusal, now);
    throw problemOf(tools, done.refusal, { now, live: whose.live });
  }
  if (!('isRepeat' in done)) tell(tools, done.row, whose.live);
  return done.row;
}

async function issueIn(
  db: Queryable,
  tools: OtpTools,
  {
    whose,
    body,
    key,
    addresses,
    known,
    now,
  }: {
    whose: Whose;
    body: OtpBody;
    key: RepeatKey | null;
    addresses: Addresses;
    known: Known;
    now: number;
  },
): Promise<{ refusal: Refusal } | { row: OtpRow }> {
  const { tenantId } = whose;
  const { userId } = body.to;
  const recipient: OtpRecipient =
    userId === undefined
      ? await loadBare(db, { tenantId, addresses })
      : await loadRecipient(db, { tenantId, userId });
  const dataKey = await tools.seals.newest(db, tenantId, now);
  const hashKey = hashKeyFrom(dataKey.key);
  const id = uuidv7(now);
  const sending: Sending = {
    ...known,
    whose,
    id,
    sends: 1,
    userId: recipient.userId ?? internalId(hashKey, tenantId, recipient.addresses),
    addresses: recipient.addresses,
    asked: {
      ...known.asked,
      channels: body.channels ?? channelsFor(recipient.addresses),
      locale: body.locale ?? recipient.locale,
      ip: body.clientIp ? hashMark(hashKey, 'ip', tenantId, netOf(body.clientIp)).toString('hex') : null,
    },
    dataKey,
    now,
  };
  const done = await sendCode(db, tools, sending, () => saveBare(db, sending, recipient));
  if ('refusal' in done) return done;
  const session = body.sessionId === undefined ? null : hashSession(id, body.sessionId);
  await insertOtp(db, { ...toRow(sending, done.sent), session_hash: session, ...columnsOf(key) });
  await tellSent(db, tools, sending, done.sent);
  return { row: (await findOtp(db, { ...whose, id }))! };
}

/** As far as the request alone tells: a user's number is not looked up for it. Pure. */
function placesOf({ channels, clientIp }: OtpBody, { phone }: Addresses): Places {
  const ip = clientIp === undefined ? {} : { ip: netOf(clientIp) };
  const isText = phone !== undefined && (channels?.includes('sms') ?? true);
  return { tenant: '', ...ip, ...(isText && { spend: '', ...placeOf(phone) }) };
}

/** What is looked up before the transaction, over connections of its own. */
export interface Known {
  settings: OtpSettings;
  categories: TenantCategories;
  asked: Asked;
}

export async function loadKnown(
  { store, categories, templates }: Pick<OtpTools, 'store' | 'categories' | 'templates'>,
  { tenantId }: Whose,
  ask: (settings: OtpSettings) => Asked,
): Promise<Known> {
  const settings = await store.scoped(tenantId, (db) => loadSettings(db, tenantId));
  const asked = ask(settings);
  const { template } = settings;
  const refused =
    template &&
    (await templates.refusal(tenantId, { id: template, variables: variablesFor(asked, settings) }));
  if (refused) {
    const why = `The template "${template}" of the settings can not be used: ${refused.field} ${refused.rule}`;
    throw new Problem('request.unprocessable', why);
  }
  return { settings, asked, categories: await categories.forTenant(store.api, tenantId) };
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

export async function tellSent(
  db: Queryable,
  { onEvent }: Pick<OtpTools, 'onEvent'>,
  { whose, id, asked, now }: Sending,
  { notificationId }: SentCode,
): Promise<void> {
  const about = { ...whose, id, notificationId, purpose: asked.purpose, at: new Date(now) };
  await onEvent?.(db, { type: 'otp.sent', ...about });
}

/** After the commit: routing has work, the operator one more. */
export function tell(
  { wake, metrics }: Pick<OtpTools, 'wake' | 'metrics'>,
  row: OtpRow,
  live: boolean,
): void {
  wake.signal(ROUTE_HIGH);
  countOtpSent(metrics, row.asked.channels[0]!, live);
}

/** What the caller is answered; counted on the way. */
export function problemOf(
  { metrics }: Pick<OtpTools, 'metrics'>,
  { reason, retryAt }: Refusal,
  { now, live }: { now: number; live: boolean },
): Problem {
  countOtpRefused(metrics, reason, live);
  const retryAfterSeconds = retryAt === null ? undefined : Math.max(1, Math.ceil((retryAt - now) / 1_000));
  return new Problem(`otp.${reason}`, DETAILS[reason], { retryAfterSeconds });
}

const DETAILS: Partial<Record<Refusal['reason'], string>> = {
  disabled: 'Switch them on with PUT /v1/otp/settings {"enabled": true}',
  country_not_allowed:
    'Add the country to `countries` with PUT /v1/otp/settings; as long as none is there, live keys send to no phone number',
  paused: 'GET /v1/otp/usage shows what is paused and why; POST /v1/otp/resume ends it',
};
