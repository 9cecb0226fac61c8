import { parseEmailAddress } from '../lib/email-address.ts';
import { parsePhoneNumber } from '../lib/phone-number.ts';
import { unstorable } from '../lib/text.ts';

export type ParsedAddress = { address: string } | { problem: string };

const MAX_URL = 2_048;
const MAX_CHAT_ID = 512;

/** Reads the address of a contact in the one form it is stored in. `problem` is a rule to show beside the field. */
export function parseContactAddress(kind: string, text: string): ParsedAddress {
  switch (kind) {
    case 'email':
      return parseEmailAddress(text);
    case 'phone':
      return parseE164(text);
    case 'webhook':
      return parseHttpUrl(text);
    default:
      return parseChatId(text);
  }
}

/**
 * E.164. Only the length is checked against the country's plan: ranges are opened faster than their lists are
 * shipped, and a number that exists must not be refused.
 */
function parseE164(text: string): ParsedAddress {
  if (!/^\+[0-9 ().-]{4,31}$/.test(text)) {
    return { problem: 'must be in E.164 format: "+", country code and number, like +4915112345678' };
  }
  const parsed = parsePhoneNumber(text);
  return parsed?.isPossible()
    ? { address: parsed.number }
    : { problem: 'must be in E.164 format with a country code that exists and a number of its length' };
}

/**
 * An absolute http or https URL. Where it may lead is the decision of the egress guard when it is requested, since
 * the answer of DNS may change until then.
 */
export function parseHttpUrl(text: string): ParsedAddress {
  if (text.length > MAX_URL) return { problem: `must have at most ${MAX_URL} characters` };
  // The URL parser silently drops line breaks and trims blanks.
  const url = /[\u0000-\u0020\u007f]/.test(text) ? null : URL.parse(text);
  if (!url || !['https:', 'http:'].includes(url.protocol)) return { problem: 'must be an https URL' };
  if (url.username || url.password) return { problem: 'must not hold a user name or password' };
  url.hash = '';
  return url.href.length > MAX_URL
    ? { problem: `must have at most ${MAX_URL} characters` }
    : { address: url.href };
}

/** The id of a person or room in a chat service: its form is the vendor's, so only what harms everywhere is refused. */
function parseChatId(text: string): ParsedAddress {
  if (text.length > MAX_CHAT_ID) return { problem: `must have at most ${MAX_CHAT_ID} characters` };
  if (text !== text.trim() || /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text)) {
    return { problem: 'must not contain line breaks or control characters, or begin or end with blanks' };
  }
  const found = unstorable(text);
  return found ? { problem: found.why } : { address: text };
}
