/**
 * The GSM 7-bit default alphabet and its extension table (3GPP TS 23.038, 6.2.1: https://www.3gpp.org/dynareport/23038.htm).
 * An extension character is an escape and one more septet. Lower-case ç, the backtick and curly quotes are in neither.
 */
const GSM7_BASIC = new Set(
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?' +
    '¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà',
);
const GSM7_EXTENSION = new Set('^{}\\[~]|€\f');

// 140 octets a message; in a concatenated one, 6 of them are the user data header (3GPP TS 23.040, 9.2.3.24).
const CAPACITY = { gsm7: { single: 160, part: 153 }, ucs2: { single: 70, part: 67 } } as const;

export interface SegmentCount {
  encoding: 'gsm7' | 'ucs2';
  /** Septets for GSM-7, UTF-16 code units for UCS-2. */
  units: number;
  /** Messages that are sent, and billed. 0 for the empty text. */
  segments: number;
}

/** How many short messages a text takes. One character outside GSM-7 turns the whole text into UCS-2. */
export function countSegments(text: string): SegmentCount {
  const characters = [...text];
  const septets = characters.map(septetsOf);
  const encoding = septets.includes(0) ? 'ucs2' : 'gsm7';
  const costs = encoding === 'gsm7' ? septets : characters.map((character) => character.length);
  const units = costs.reduce((sum, cost) => sum + cost, 0);
  const { single, part } = CAPACITY[encoding];
  return { encoding, units, segments: units <= single ? Math.sign(units) : countParts(costs, part) };
}

/** 0 when GSM-7 does not have the character. */
function septetsOf(character: string): 0 | 1 | 2 {
  if (GSM7_BASIC.has(character)) return 1;
  return GSM7_EXTENSION.has(character) ? 2 : 0;
}

/** An escape pair or a surrogate pair must not straddle two parts, so a part can end one unit early. */
function countParts(costs: number[], capacity: number): number {
  let parts = 1;
  let used = 0;
  for (const cost of costs) {
    if (used + cost > capacity) {
      parts++;
      used = 0;
    }
    used += cost;
  }
  return parts;
}
