/** How a text travels as SMS (3GPP TS 23.038 and 23.040). */
export interface SmsSize {
  /** One character outside of GSM-7 turns the whole text into UCS-2. */
  encoding: 'GSM-7' | 'UCS-2';
  /** Septets, or UTF-16 code units. */
  units: number;
  /** Messages that it is cut into; each is charged. */
  segments: number;
  /** Characters that are not in GSM-7, each once, in order; what to replace to save money. */
  foreign: string[];
}

const BASIC = new Set(
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà',
);
/** These are an escape and a character, which must not be cut apart. */
const EXTENDED = new Set('\f^{}\\[~]|€');
/** Of one message, and of each of several: their headers take the rest. */
const ROOM = { 'GSM-7': { one: 160, each: 153 }, 'UCS-2': { one: 70, each: 67 } } as const;

/** Counts what a text is charged for. Pure; an empty text is one message. */
export function measureSms(text: string): SmsSize {
  const characters = [...text];
  const foreign = [...new Set(characters.filter((each) => !BASIC.has(each) && !EXTENDED.has(each)))];
  const encoding = foreign.length === 0 ? 'GSM-7' : 'UCS-2';
  const sizes = characters.map((each) => (encoding === 'UCS-2' ? each.length : EXTENDED.has(each) ? 2 : 1));
  const units = sizes.reduce((sum, size) => sum + size, 0);
  const room = ROOM[encoding];
  return { encoding, units, segments: units <= room.one ? 1 : countParts(sizes, room.each), foreign };
}

/** A character of two units that does not fit goes into the next part whole. */
function countParts(sizes: number[], room: number): number {
  let parts = 1;
  let used = 0;
  for (const size of sizes) {
    if (used + size > room) {
      parts++;
      used = 0;
    }
    used += size;
  }
  return parts;
}
