import { parsePhoneNumberFromString } from 'libphonenumber-js';
import type { InboundMessage } from '../providers/index.ts';
import type { Queryable } from '../store/index.ts';
import { type AddressOwner, listOptOuts, parseContactAddress, takeBackOptOuts } from '../users/index.ts';
import { readSmsWish } from './sms-keyword.ts';

/** The contacts, as we write to them, that a batch of answers stops or takes up again. */
export interface Wishes {
  stop: string[];
  start: string[];
}

type Wished = { address: string; wish: 'stop' | 'start' | 'help' | null };

/**
 * What the senders want, who are contacts of this kind: the last word of each counts. Ordinary answers, calls for help and
 * senders that are no such contacts (short codes among phone numbers) want nothing. Pure.
 */
export function readWishes(kind: string, messages: readonly InboundMessage[]): Wishes {
  const wishes = new Map<string, 'stop' | 'start'>();
  for (const message of messages) {
    const wished = kind === 'phone' ? readText(message) : readChat(kind, message);
    if (wished?.wish && wished.wish !== 'help') wishes.set(wished.address, wished.wish);
  }
  const those = (wanted: string) =>
    [...wishes].flatMap(([address, wish]) => (wish === wanted ? [address] : []));
  return { stop: those('stop'), start: those('start') };
}

function readText({ from, text, wish }: InboundMessage): Wished | null {
  const parsed = parseContactAddress('phone', from);
  if (!('address' in parsed)) return null;
  const country = parsePhoneNumberFromString(parsed.address)?.country ?? null;
  return { address: parsed.address, wish: wish ?? readSmsWish(text, country) };
}

/** People talk in chats: only these words, alone, are no talk. Telegram's have a slash before them. */
const CHAT_WORDS = new Map([
  ['STOP', 'stop'],
  ['UNSUBSCRIBE', 'stop'],
  ['START', 'start'],
] as const);

function readChat(kind: string, { from, text, wish }: InboundMessage): Wished | null {
  const parsed = parseContactAddress(kind, from);
  if (!('address' in parsed)) return null;
  const word = text.trim().replace(/^\//, '').toUpperCase();
  return { address: parsed.address, wish: wish ?? CHAT_WORDS.get(word as 'STOP') ?? null };
}

/** What the contacts of one kind said to a tenant. */
export interface HeardWishes extends Wishes {
  tenantId: string;
  kind: string;
}

/**
 * Stops messages of the whole tenant to contacts that ask for it, and takes back only what such an answer, or the vendor's
 * own list of them, had stopped: a contact that an operator suppressed, or that is dead, stays so. The same messages
 * again change nothing. `heard` is in the order in which it came: the last word of a contact counts.
 */
export async function heedWishes(db: Queryable, now: number, heard: readonly HeardWishes[]): Promise<void> {
  for (const [kind, said] of Map.groupBy(heard, (one) => one.kind)) {
    const wishes = new Map<string, { owner: AddressOwner; stops: boolean }>();
    for (const { tenantId, stop, start } of said) {
      const note = (stops: boolean) => (address: string) =>
        wishes.set(`${tenantId} ${address}`, { owner: { tenantId, address }, stops });
      stop.forEach(note(true));
      start.forEach(note(false));
    }
    const those = (stops: boolean) =>
      [...wishes.values()].flatMap((wish) => (wish.stops === stops ? wish.owner : []));
    await listOptOuts(db, now, { kind, owners: those(true), source: 'stop' });
    await takeBackOptOuts(db, { kind, owners: those(false) });
  }
}
