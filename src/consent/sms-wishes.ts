import { parsePhoneNumberFromString } from 'libphonenumber-js';
import type { InboundMessage } from '../providers/index.ts';
import type { Queryable } from '../store/index.ts';
import { type AddressOwner, listOptOuts, parseContactAddress, takeBackOptOuts } from '../users/index.ts';
import { readSmsWish, type SmsWish } from './sms-keyword.ts';

/** The numbers (E.164) that a batch of answers to text messages stops or takes up again. */
export interface SmsWishes {
  stop: string[];
  start: string[];
}

/**
 * What the senders want: the last word of a number counts. Ordinary answers, calls for help and senders that are no phone
 * numbers (short codes, other channels) want nothing. Pure.
 */
export function readSmsWishes(messages: readonly InboundMessage[]): SmsWishes {
  const wishes = new Map<string, SmsWish>();
  for (const { from, text, wish } of messages) {
    const parsed = parseContactAddress('phone', from);
    if (!('address' in parsed)) continue;
    const country = parsePhoneNumberFromString(parsed.address)?.country ?? null;
    const wanted = wish ?? readSmsWish(text, country);
    if (wanted && wanted !== 'help') wishes.set(parsed.address, wanted);
  }
  const those = (wanted: SmsWish) => [...wishes].flatMap(([phone, wish]) => (wish === wanted ? [phone] : []));
  return { stop: those('stop'), start: those('start') };
}

/**
 * Stops text messages of the whole tenant to numbers that ask for it, and takes back only what such an answer, or the
 * vendor's own list of them, had stopped: a number that an operator suppressed, or that is dead, stays so. The same
 * messages again change nothing. `heard` is in the order in which it came: the last word of a number counts.
 */
export async function heedSmsWishes(
  db: Queryable,
  now: number,
  heard: readonly (SmsWishes & { tenantId: string })[],
): Promise<void> {
  const wishes = new Map<string, { owner: AddressOwner; stops: boolean }>();
  for (const { tenantId, stop, start } of heard) {
    for (const address of stop)
      wishes.set(`${tenantId} ${address}`, { owner: { tenantId, address }, stops: true });
    for (const address of start)
      wishes.set(`${tenantId} ${address}`, { owner: { tenantId, address }, stops: false });
  }
  const those = (stops: boolean) =>
    [...wishes.values()].flatMap((wish) => (wish.stops === stops ? wish.owner : []));
  await listOptOuts(db, now, { kind: 'phone', owners: those(true), source: 'stop' });
  await takeBackOptOuts(db, { kind: 'phone', owners: those(false) });
}
