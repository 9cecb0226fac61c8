import { uuidv7 } from '../lib/ids.ts';
import type { Queryable } from '../store/index.ts';
import { upsertContacts, upsertInternalUser } from './store.ts';

/**
 * A user that stands for bare addresses, so that a message to them goes the way of every other one (suppressions hold).
 * No list, segment or export shows it. Saved again under the same id it is told the locale and the addresses anew.
 */
export async function saveInternalUser(
  db: Queryable,
  user: {
    tenantId: string;
    externalId: string;
    locale: string | null;
    contacts: { kind: string; address: string }[];
  },
  nowMs: number,
): Promise<void> {
  const now = new Date(nowMs);
  const { tenantId, contacts } = user;
  const id = await upsertInternalUser(db, { ...user, id: uuidv7(nowMs), now });
  await upsertContacts(db, { tenantId, id }, contacts, now);
}
