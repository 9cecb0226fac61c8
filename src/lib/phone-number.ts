import type { CountryCode, PhoneNumber } from 'libphonenumber-js';
import { onDemand } from './on-demand.ts';

// Loaded with the first phone number: its tables take 4 MB.
const library = onDemand<typeof import('libphonenumber-js')>('libphonenumber-js');

/** A number in international format, whatever stands between its digits; nothing when `text` is no number. */
export function parsePhoneNumber(text: string): PhoneNumber | undefined {
  return library().parsePhoneNumberFromString(text, { extract: false });
}

/** Whether numbers of this country (ISO 3166-1 alpha-2) are known. */
export function isCountry(code: string): code is CountryCode {
  return library().isSupportedCountry(code);
}

// The types of numbers, in tables three times as large: loaded with the first number whose type is asked for.
const typedLibrary = onDemand<typeof import('libphonenumber-js/max')>('libphonenumber-js/max');

/** What a number may be used for; `unassigned` when no plan that is known here has it. */
export const NUMBER_TYPES = [
  'fixed_line',
  'mobile',
  'voip',
  'toll_free',
  'personal',
  'premium_rate',
  'shared_cost',
  'satellite',
  'uan',
  'voicemail',
  'pager',
  'unassigned',
] as const;
export type NumberType = (typeof NUMBER_TYPES)[number];

const TYPE_OF: Record<string, NumberType> = {
  FIXED_LINE: 'fixed_line',
  // In countries that do not tell the two apart.
  FIXED_LINE_OR_MOBILE: 'mobile',
  MOBILE: 'mobile',
  VOIP: 'voip',
  TOLL_FREE: 'toll_free',
  PERSONAL_NUMBER: 'personal',
  PREMIUM_RATE: 'premium_rate',
  SHARED_COST: 'shared_cost',
  UAN: 'uan',
  VOICEMAIL: 'voicemail',
  PAGER: 'pager',
};
/** ITU E.164 assignments: Inmarsat, global mobile satellite systems, international networks. */
const SATELLITE = new Set(['870', '881', '882', '883']);
/** International premium rate service. */
const PREMIUM = '979';

/** Country (ISO 3166-1 alpha-2; the calling code, like `+881`, of numbers without one) and type of an E.164 number. */
export function describeNumber(e164: string): { country: string; type: NumberType } {
  const number = typedLibrary().parsePhoneNumberFromString(e164, { extract: false });
  if (!number) return { country: '', type: 'unassigned' };
  const code = number.countryCallingCode;
  // A range that is not in the plan yet belongs to the main country of its calling code.
  const country = number.country ?? number.getPossibleCountries()[0] ?? `+${code}`;
  if (SATELLITE.has(code)) return { country: `+${code}`, type: 'satellite' };
  if (code === PREMIUM) return { country: `+${code}`, type: 'premium_rate' };
  return { country, type: TYPE_OF[number.getType() ?? ''] ?? 'unassigned' };
}
