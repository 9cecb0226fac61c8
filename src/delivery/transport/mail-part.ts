/** RFC 2045, 6.7 and 6.8: at most 76 characters in an encoded line; plain ones keep to it as well. */
const LINE_CHARS = 76;
const [TAB, LF, CR, SPACE, EQUALS, TILDE] = [0x09, 0x0a, 0x0d, 0x20, 0x3d, 0x7e];
const HEX = Buffer.from('0123456789ABCDEF');

export interface EncodedPart {
  encoding: '7bit' | 'quoted-printable' | 'base64';
  /** ASCII with CRLF as the only line break, and one at the end. */
  body: string;
}

/** One text of a message, in the encoding that leaves most of it legible. Any line break in it becomes CRLF. */
export function encodePart(text: string): EncodedPart {
  const lines = text.replace(/\r\n?|\n/g, '\r\n');
  const { escapes, longest } = survey(lines);
  if (escapes === 0 && longest <= LINE_CHARS) return { encoding: '7bit', body: endLine(lines) };
  if (escapes * 4 <= lines.length)
    return { encoding: 'quoted-printable', body: endLine(quotePrintable(lines)) };
  const encoded = Buffer.from(lines).toString('base64');
  return { encoding: 'base64', body: endLine(encoded.replace(/.{76}(?=.)/g, '$&\r\n')) };
}

const endLine = (body: string) => (body.endsWith('\r\n') ? body : `${body}\r\n`);

/** How many characters are not printable ASCII, and how long the longest line is. */
function survey(text: string): { escapes: number; longest: number } {
  let escapes = 0;
  let longest = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === LF) {
      longest = Math.max(longest, i - 1 - start);
      start = i + 1;
    } else if (code > TILDE || (code < SPACE && code !== TAB && code !== CR)) {
      escapes++;
    }
  }
  return { escapes, longest: Math.max(longest, text.length - start) };
}

/** RFC 2045, 6.7. Line breaks stay; a blank at the end of a line is escaped, since servers may drop it. */
function quotePrintable(text: string): string {
  const bytes = Buffer.from(text);
  const out = Buffer.allocUnsafe(bytes.length * 4 + LINE_CHARS);
  let length = 0;
  let line = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte === CR) {
      out[length++] = CR;
      out[length++] = LF;
      line = 0;
      i++;
      continue;
    }
    const isBlank = byte === SPACE || byte === TAB;
    const isLiteral = isBlank
      ? i + 1 < bytes.length && bytes[i + 1] !== CR
      : byte > SPACE && byte <= TILDE && byte !== EQUALS;
    if (line + (isLiteral ? 1 : 3) >= LINE_CHARS) {
      length += out.write('=\r\n', length, 'latin1');
      line = 0;
    }
    if (isLiteral) {
      out[length++] = byte;
      line++;
      continue;
    }
    out[length++] = EQUALS;
    out[length++] = HEX[byte >> 4]!;
    out[length++] = HEX[byte & 15]!;
    line += 3;
  }
  return out.toString('latin1', 0, length);
}
