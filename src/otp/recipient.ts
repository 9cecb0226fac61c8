import { isIP } from 'node:net';
import { invalidField, Problem } from '../http/index.ts';
import type { Queryable } from '../store/index.ts';
import { loadRecipients, parseContactAddress, selectSuppressed } from '../users/index.ts';
import type { OtpBody } from './schema.ts';
import type { OtpChannel } from './settings.ts';
import { type Addresses, addressesOf } from './target.ts';

const KINDS = ['phone', 'email'] as const;
const NEEDS_USER = 'needs a user: bare addresses are reached by sms and email';
/** Of the user that stands for bare addresses: a keyed hash of them. */
const INTERNAL_ID = /^otp:[0-9a-f]{32}$/;

/** Whom a code goes to. */
export interface OtpRecipient {
  /** The caller's id of the user; null for bare addresses, which get an internal one. */
  userId: string | null;
  addresses: Addresses;
  locale: string | null;
}

/** What the schema cannot say about the recipient and the rest; throws a Problem that names the field and the rule. */
export function parseRecipient({
  to,
  clientIp,
  channels,
}: Pick<OtpBody, 'to' | 'clientIp' | 'channels'>): Addresses {
  const bare = to.phone !== undefined || to.email !== undefined;
  if (!to.userId === !bare) throw invalidField('/to', 'takes `userId`, or `phone` and `email`, and not both');
  if (clientIp !== undefined && !isIP(clientIp)) throw invalidField('/clientIp', 'must be an IP address');
  const other = to.userId ? -1 : (channels ?? []).findIndex((each) => !isForBare(each));
  if (other >= 0) throw invalidField(`/channels/${other}`, NEEDS_USER);
  const addresses: Addresses = {};
  for (const kind of KINDS) {
    const given = to[kind];
    if (given === undefined) continue;
    const parsed = parseContactAddress(kind, given);
    if ('problem' in parsed) throw invalidField(`/to/${kind}`, parsed.problem);
    addresses[kind] = parsed.address;
  }
  return addresses;
}

/** What a new code can not be sent by; throws a Problem that names the field and the rule. */
export function checkResend(userId: string, channel: OtpChannel | undefined): void {
  if (channel && !isForBare(channel) && INTERNAL_ID.test(userId)) throw invalidField('/channel', NEEDS_USER);
}

function isForBare(channel: OtpChannel): boolean {
  return channel === 'sms' || channel === 'email';
}

/** Bare addresses without those that the tenant must not write to. */
export async function loadBare(
  db: Queryable,
  { tenantId, addresses }: { tenantId: string; addresses: Addresses },
): Promise<OtpRecipient> {
  const given = Object.entries(addresses).map(([kind, address]) => ({ kind, address: address! }));
  const suppressed = await selectSuppressed(db, tenantId, given);
  const open = given.filter((each) => !suppressed.some(({ kind }) => kind === each.kind));
  const own = Object.fromEntries(open.map(({ kind, address }) => [kind, address]));
  return { userId: null, addresses: own, locale: null };
}

/** A user as he is now: his addresses may have changed since the last message. */
export async function loadRecipient(
  db: Queryable,
  { tenantId, userId }: { tenantId: string; userId: string },
): Promise<OtpRecipient> {
  const found = (await loadRecipients(db, [{ tenantId, externalId: userId }])).get(`${tenantId}/${userId}`);
  if (!found) throw new Problem('user.not_found', `There is no user "${userId}"`);
  return { userId, addresses: addressesOf(found), locale: found.user.locale };
}

/** The channels when none were asked for. Pure. */
export function channelsFor(addresses: Addresses): OtpChannel[] {
  return [
    ...(addresses.phone === undefined ? [] : ['sms' as const]),
    ...(addresses.email === undefined ? [] : ['email' as const]),
  ];
}
