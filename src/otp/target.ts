import { Problem } from '../http/index.ts';
import { describeNumber } from '../lib/phone-number.ts';
import type { Recipients } from '../users/index.ts';
import type { RefusalReason } from './limits.ts';
import type { OtpChannel, OtpSettings } from './settings.ts';

/** Digits at the end of a number in which neighbours differ: a prefix is a block of ten thousand numbers. */
const BLOCK_DIGITS = 4;
const KIND_OF = { sms: 'phone', email: 'email' } as const;

/** Who gets a code, as the limits and the prices see it. */
export interface Target {
  /** Each address that a message may go to; `user:…` for channels without one. */
  recipients: string[];
  country: string | null;
  prefix: string | null;
  /** In millionths of the unit of the prices. */
  cost: number;
}

/** What is known about whom a code goes to: addresses that may be written to, by kind. */
export type Addresses = Partial<Record<string, string>>;

/** The addresses of a user that messages may go to. Pure. */
export function addressesOf({ contacts }: Pick<Recipients, 'contacts'>): Addresses {
  const open = contacts.filter(({ suppressed, inactive }) => !suppressed && !inactive);
  return Object.fromEntries(open.map(({ kind, address }) => [kind, address]));
}

/** A Problem when none of the channels leads to the recipient. Pure. */
export function targetOf(
  { userId, addresses }: { userId: string; addresses: Addresses },
  channels: readonly OtpChannel[],
  { prices }: Pick<OtpSettings, 'prices'>,
): Target {
  const recipients = channels.flatMap((channel) => {
    if (channel !== 'sms' && channel !== 'email') return [`user:${userId}`];
    const address = addresses[KIND_OF[channel]];
    if (address === undefined) return [];
    return [channel === 'email' ? mailboxOf(address) : address];
  });
  if (recipients.length === 0)
    throw new Problem(
      'otp.unreachable',
      `The recipient has no address for ${channels.join(', ') || 'sms or email'} that may be written to`,
    );
  const phone = channels.includes('sms') ? addresses.phone : undefined;
  const { country, prefix } = phone === undefined ? { country: null, prefix: null } : placeOf(phone);
  const price = country === null ? 0 : (prices.countries[country] ?? prices.default);
  return {
    recipients: [...new Set(recipients)],
    country,
    prefix,
    cost: Math.round(price * 1_000_000),
  };
}

const GMAIL = /@(gmail|googlemail)\.com$/;

/** The mailbox behind an address: whoever adds `+1`, or at Gmail a dot, writes to the same person. Pure. */
export function mailboxOf(address: string): string {
  const lower = address.toLowerCase();
  const at = lower.lastIndexOf('@');
  const [name, domain] = [lower.slice(0, at), lower.slice(at)];
  const own = name.replace(/(?<=.)\+.*$/s, '');
  return GMAIL.test(domain) ? `${own.replaceAll('.', '')}@gmail.com` : own + domain;
}

/** What a phone number is counted under. Pure. */
export function placeOf(phone: string): { country: string; prefix: string } {
  return { country: describeNumber(phone).country, prefix: phone.slice(0, -BLOCK_DIGITS) };
}

/** Why no code goes to this phone number whatever was sent before; null when one may. Pure. */
export function refuseNumber(
  phone: string,
  { countries, blockedNumberTypes }: Pick<OtpSettings, 'countries' | 'blockedNumberTypes'>,
  live: boolean,
): Extract<RefusalReason, 'number_blocked' | 'country_not_allowed'> | null {
  const { country, type } = describeNumber(phone);
  if (blockedNumberTypes.includes(type)) return 'number_blocked';
  // Nobody pays for what test keys send, so that they work before anything is set.
  if (countries.length === 0 && !live) return null;
  return countries.includes('*') || countries.includes(country) ? null : 'country_not_allowed';
}

/** The part of an address that one customer of a provider holds: all of IPv4, the first half of IPv6. Pure. */
export function netOf(ip: string): string {
  if (!ip.includes(':')) return ip;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip);
  if (mapped) return mapped[1]!;
  const [head = '', tail] = ip.toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail === undefined) return groups.slice(0, 4).map(short).join(':');
  const last = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - last.length) }, () => '0');
  return [...groups, ...zeros, ...last].slice(0, 4).map(short).join(':');
}

function short(group: string): string {
  return group.replace(/^0+(?=.)/, '');
}
