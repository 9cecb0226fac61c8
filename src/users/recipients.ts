import type { Channel, Platform } from '../providers/contract.ts';
import type { Queryable } from '../store/index.ts';
import { selectContacts, selectDevices, selectUsers } from './recipient-store.ts';

/** What routing needs to know of a user: where he can be reached, and where no longer. */
export interface Recipients {
  user: {
    /** Ours. */
    id: string;
    tenantId: string;
    /** The caller's. */
    externalId: string;
    locale: string | null;
    timezone: string | null;
    attributes: Record<string, unknown>;
  };
  contacts: RecipientContact[];
  /** Active ones, the last active first, at most 50. */
  devices: RecipientDevice[];
}

export interface RecipientContact {
  kind: string;
  address: string;
  /** The tenant's suppression list has the address. */
  suppressed: boolean;
  /** The contact was found to be dead. */
  inactive: boolean;
}

export interface RecipientDevice {
  id: string;
  app: string;
  platform: Platform;
  /** Device token, or the endpoint of a Web Push subscription. */
  token: string;
  keys: Record<string, string> | null;
  /** Milliseconds since the epoch. */
  registeredAt: number;
}

/**
 * The users of a whole batch with their contacts and devices, in three statements whatever its size. The key is
 * `${tenantId}/${externalId}`; users that do not exist have no entry.
 */
export async function loadRecipients(
  db: Queryable,
  wanted: { tenantId: string; externalId: string }[],
): Promise<Map<string, Recipients>> {
  const byExternalId = new Map<string, Recipients>();
  const byId = new Map<string, Recipients>();
  if (wanted.length === 0) return byExternalId;
  const distinct = new Map(wanted.map((user) => [keyOf(user.tenantId, user.externalId), user]));
  for (const user of await selectUsers(db, [...distinct.values()])) {
    const recipients: Recipients = { user, contacts: [], devices: [] };
    byExternalId.set(keyOf(user.tenantId, user.externalId), recipients);
    byId.set(keyOf(user.tenantId, user.id), recipients);
  }
  if (byId.size === 0) return byExternalId;
  const users = [...byId.values()].map(({ user }) => user);
  for (const { tenantId, userId, ...contact } of await selectContacts(db, users)) {
    byId.get(keyOf(tenantId, userId))?.contacts.push(contact);
  }
  for (const { tenantId, userId, registeredAt, ...device } of await selectDevices(db, users)) {
    byId.get(keyOf(tenantId, userId))?.devices.push({ ...device, registeredAt: registeredAt.getTime() });
  }
  return byExternalId;
}

const CONTACT_KINDS: Partial<Record<Channel, string>> = { sms: 'phone', email: 'email', webhook: 'webhook' };

/** The kind of contact a channel writes to; null when it has no contact of one fixed kind, as chat has not. */
export function contactKind(channel: Channel): string | null {
  return CONTACT_KINDS[channel] ?? null;
}

/** Whether a contact is an id in a chat service. */
export function isChatContact({ kind }: { kind: string }): boolean {
  return !Object.values(CONTACT_KINDS).includes(kind);
}

function keyOf(tenantId: string, id: string): string {
  return `${tenantId}/${id}`;
}
