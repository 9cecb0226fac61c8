import { createHmac } from 'node:crypto';
import { isUuid } from '../../../lib/ids.ts';
import type { Secret } from '../../../lib/secret.ts';
import { isEqual } from '../../wire/equal.ts';

/**
 * Where bounces of one mail go: `bounce+<token>@…` (a variable envelope return path). The token is the delivery's id and
 * a signature, in hex, because mail servers may change the case of an address: 48 of the 64 characters that RFC 5321
 * (4.5.3.1.1) gives to what stands before the @.
 */
const MAC_LENGTH = 16;
const TOKEN = /\+([0-9a-f]{48})@/gi;
/** A bounce names its address a few times; one that names many is no bounce. */
const MAX_TOKENS = 32;

/** The pattern of the address to which the token is added. */
export const BOUNCE_PATTERN = {
  regex: '[A-Za-z0-9_-]{1,15}@[A-Za-z0-9.-]+',
  hint: 'an address with at most 15 letters, digits, - or _ before the @: bounce@mail.acme.org',
};

export function bounceAddressOf(deliveryId: string, address: string, secret: Secret): string {
  const id = deliveryId.toLowerCase().replaceAll('-', '');
  const at = address.lastIndexOf('@');
  return `${address.slice(0, at)}+${id}${sign(id, secret)}${address.slice(at)}`;
}

/** Of whose delivery an address in the text is; anybody can write to such an address, so only signed ones count. */
export function readBounceAddress(text: string, secret: Secret): string | null {
  let tries = 0;
  for (const [, token] of text.matchAll(TOKEN)) {
    if (++tries > MAX_TOKENS) return null;
    const id = token!.slice(0, 32).toLowerCase();
    if (!isEqual(token!.slice(32).toLowerCase(), sign(id, secret))) continue;
    const uuid = id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    return isUuid(uuid) ? uuid : null;
  }
  return null;
}

function sign(id: string, secret: Secret): string {
  return createHmac('sha256', secret.reveal()).update(`bounce ${id}`).digest('hex').slice(0, MAC_LENGTH);
}
