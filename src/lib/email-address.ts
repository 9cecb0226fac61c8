import { domainToASCII } from 'node:url';

export interface EmailAddress {
  /** As written: only the receiving host may know whether its case matters. */
  local: string;
  /** In lower case, an international one in its ASCII form. */
  domain: string;
  /** `local@domain`: ASCII without blanks, quotes or control characters, safe in headers and SMTP commands. */
  address: string;
}

// RFC 5321, 4.5.3.1: 64 octets before the @; a path of 256 octets less its brackets leaves 254 for the address.
const MAX_LOCAL = 64;
const MAX_ADDRESS = 254;
// Enough for any domain whose ASCII form fits, and a bound on the work for those that do not.
const MAX_INPUT = 512;

// `atext` of RFC 5322, 3.2.3.
const ATOM = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+$/;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Reads an address of the form dot-atom@domain (RFC 5321, 4.1.2), in time linear in its length. Quoted local parts,
 * address literals, comments, display names and non-ASCII local parts (RFC 6531) are refused: few hosts take them,
 * and every parser that accepts them reads them differently. `problem` is a rule to show beside the field's name.
 */
export function parseEmailAddress(text: string): EmailAddress | { problem: string } {
  if (text.length > MAX_INPUT) return tooLong();
  if (/[\u0000-\u0020\u007f-\u00a0\u2028\u2029]/.test(text)) {
    return { problem: 'must not contain blanks, line breaks or control characters' };
  }
  const at = text.lastIndexOf('@');
  if (at < 1 || at === text.length - 1) return { problem: 'must be an address like name@example.com' };
  const local = text.slice(0, at);
  if (local.startsWith('"')) return { problem: 'must not have a quoted part before the @' };
  if (local.length > MAX_LOCAL) return { problem: `must have at most ${MAX_LOCAL} characters before the @` };
  if (!local.split('.').every((atom) => ATOM.test(atom))) {
    return { problem: "must have only letters, digits, single dots and !#$%&'*+/=?^_`{|}~- before the @" };
  }
  const domain = parseDomain(text.slice(at + 1));
  if (domain === null) return { problem: 'must have a full domain name like example.com behind the @' };
  const address = `${local}@${domain}`;
  return address.length > MAX_ADDRESS ? tooLong() : { local, domain, address };
}

function parseDomain(text: string): string | null {
  // The URL parser stops at delimiters and undoes %-escapes, so it gets nothing but letters, digits, dots and hyphens.
  if (/[^A-Za-z0-9.\u0080-\u{10ffff}-]/u.test(text)) return null;
  const ascii = /[^\u0000-\u007f]/.test(text) ? domainToASCII(text) : text.toLowerCase();
  const labels = ascii.split('.');
  const isName = labels.length > 1 && labels.every((label) => LABEL.test(label));
  return isName && !/^\d+$/.test(labels.at(-1)!) ? ascii : null;
}

function tooLong() {
  return { problem: `must have at most ${MAX_ADDRESS} characters` };
}
