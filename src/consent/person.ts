import type { Channel } from '../providers/index.ts';
import {
  type Categories,
  type FrequencyRow,
  type PreferenceRow,
  saveFrequencies,
  savePreferences,
  selectFrequencies,
  selectPreferences,
  type TenantCategories,
} from '../rules/index.ts';
import type { Queryable, Store } from '../store/index.ts';
import { contactKind, findUserById, isChatContact, loadRecipients, type Recipients } from '../users/index.ts';
import { type Change, isFrequency, isPreference } from './changes.ts';
import type { TokenSubject } from './token.ts';

/** The user whom a link is about, with all that a page needs to know. */
export interface Person {
  /** Ours. */
  id: string;
  tenantId: string;
  live: boolean;
  locale: string | null;
  channels: { channel: Channel; isDead: boolean }[];
  categories: TenantCategories;
  preferences: PreferenceRow[];
  frequencies: FrequencyRow[];
}

export interface PeopleOptions {
  store: Pick<Store, 'scoped'>;
  categories: Pick<Categories, 'forTenant'>;
}

/** Runs `work` on the person in a transaction of his tenant; null when the user is gone. */
export function withPerson<T>(
  { store, categories }: PeopleOptions,
  { tenantId, userId, live }: TokenSubject,
  work: (person: Person, db: Queryable) => Promise<T>,
): Promise<T | null> {
  return store.scoped(tenantId, async (db) => {
    const user = await findUserById(db, { tenantId, id: userId });
    if (!user) return null;
    const key = { tenantId, externalId: user.externalId };
    const [recipients] = (await loadRecipients(db, [key])).values();
    if (!recipients) return null;
    const person = {
      id: userId,
      tenantId,
      live,
      locale: user.locale,
      channels: channelsOf(recipients),
      categories: await categories.forTenant(db, tenantId),
      ...(await saidBy(db, { tenantId, id: userId })),
    };
    return work(person, db);
  });
}

/** Writes changes down and shows them in the person at once. */
export async function say(
  db: Queryable,
  person: Person,
  said: { changes: readonly Change[]; source: string; now: Date },
): Promise<Person> {
  if (said.changes.length === 0) return person;
  const user = { tenantId: person.tenantId, id: person.id };
  const preferences = said.changes.filter(isPreference);
  const frequencies = said.changes.filter(isFrequency);
  await savePreferences(db, user, { ...said, changes: preferences });
  await saveFrequencies(db, user, { ...said, changes: frequencies });
  return { ...person, ...(await saidBy(db, user)) };
}

async function saidBy(db: Queryable, user: { tenantId: string; id: string }) {
  return {
    preferences: await selectPreferences(db, [user]),
    frequencies: await selectFrequencies(db, [user]),
  };
}

/** Channels of people, that is without webhooks. All chat services together are one. */
function channelsOf({ contacts, devices }: Recipients): Person['channels'] {
  const byContact = (['email', 'sms'] as const).flatMap((channel) => {
    const contact = contacts.find(({ kind }) => kind === contactKind(channel));
    return contact ? [{ channel, isDead: contact.suppressed || contact.inactive }] : [];
  });
  const chats = contacts.filter(isChatContact);
  const chat =
    chats.length > 0
      ? [
          {
            channel: 'chat' as const,
            isDead: chats.every(({ suppressed, inactive }) => suppressed || inactive),
          },
        ]
      : [];
  const push = devices.length > 0 ? [{ channel: 'push' as const, isDead: false }] : [];
  return [...byContact, ...chat, ...push, { channel: 'inbox', isDead: false }];
}
