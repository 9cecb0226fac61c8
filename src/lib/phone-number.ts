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
