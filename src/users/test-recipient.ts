import { invalidField } from '../http/index.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { Queryable } from '../store/index.ts';
import { parseContactAddress } from './contact-address.ts';
import { upsertContacts, upsertUser } from './store.ts';

/**
 * A user of his own for an address that something is tried out on, so that a test goes the way of every other
 * notification (suppressions hold). The id shows what he is for: `test:email:ada@example.com`. Returns that id.
 */
export async function saveTestRecipient(
  db: Queryable,
  { tenantId, kind, address: text }: { tenantId: string; kind: string; address: string },
  nowMs: number,
): Promise<string> {
  const parsed = parseContactAddress(kind, text);
  if ('problem' in parsed) throw invalidField('/to/address', parsed.problem);
  const { address } = parsed;
  const externalId = `test:${kind}:${address}`.slice(0, 256);
  const now = new Date(nowMs);
  const unchanged = { locale: undefined, timezone: undefined, attributes: undefined };
  const user = await upsertUser(db, { tenantId, externalId }, { ...unchanged, id: uuidv7(nowMs), now });
  await upsertContacts(db, { tenantId, id: user.id }, [{ kind, address }], now);
  return externalId;
}
