import { invalidField } from '../http/index.ts';
import { parseContactAddress } from './contact-address.ts';

/** What a caller writes about a user: an absent field stays as it is, null removes it. */
export interface ProfileInput {
  contacts?: Record<string, string | null>;
  locale?: string | null;
  timezone?: string | null;
  attributes?: Record<string, unknown> | null;
}

/** A checked change; undefined leaves the field as it is. */
export interface ProfileChange {
  locale: string | null | undefined;
  timezone: string | null | undefined;
  attributes: Record<string, unknown> | undefined;
  contacts: { kind: string; address: string }[];
  removedContacts: string[];
}

const MAX_ATTRIBUTES_BYTES = 16 * 1_024;

export function parseProfile(input: ProfileInput): ProfileChange {
  const contacts = Object.entries(input.contacts ?? {});
  return {
    locale: input.locale && parseLocale(input.locale),
    timezone: input.timezone && parseTimezone(input.timezone),
    attributes: input.attributes === null ? {} : input.attributes && parseAttributes(input.attributes),
    contacts: contacts.flatMap(([kind, text]) => (text === null ? [] : [parseContact(kind, text)])),
    removedContacts: contacts.flatMap(([kind, text]) => (text === null ? [kind] : [])),
  };
}

function parseContact(kind: string, text: string): { kind: string; address: string } {
  const parsed = parseContactAddress(kind, text);
  if ('problem' in parsed) throw invalidField(`/contacts/${kind}`, parsed.problem);
  return { kind, address: parsed.address };
}

/** In canonical case (`EN-us` is `en-US`). */
function parseLocale(text: string): string {
  try {
    return Intl.getCanonicalLocales(text)[0]!;
  } catch {
    throw invalidField('/locale', 'must be a BCP 47 language tag like en or pt-BR');
  }
}

/** An IANA time zone; a problem of the field `/timezone` when it is none. */
export function parseTimezone(text: string): string {
  // Intl also takes offsets, which know nothing of summer time.
  if (/^[A-Za-z]/.test(text)) {
    try {
      Intl.DateTimeFormat('en', { timeZone: text });
      return text;
    } catch {}
  }
  throw invalidField('/timezone', 'must be an IANA time zone like Europe/Berlin');
}

function parseAttributes(attributes: Record<string, unknown>): Record<string, unknown> {
  if (Buffer.byteLength(JSON.stringify(attributes)) > MAX_ATTRIBUTES_BYTES) {
    throw invalidField('/attributes', `must have at most ${MAX_ATTRIBUTES_BYTES} bytes as JSON`);
  }
  return attributes;
}
