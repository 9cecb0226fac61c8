/** E.164 as the vendors that want digits alone write it. */
export function toDigits(address: string): string {
  return address.replace(/^\+/, '');
}

/** A vendor's digits as E.164; short codes and names stay what they are. */
export function toE164(digits: string): string {
  return /^[1-9]\d{6,14}$/.test(digits) ? `+${digits}` : digits;
}
