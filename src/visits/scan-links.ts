/** A link of an HTML document: where the value of its href stands, and our own mark beside it. Offsets into the text. */
export interface LinkTag {
  /** Without quotes. */
  from: number;
  to: number;
  /** `data-bellhop-track`, with the white space before it; null without one. */
  mark: { from: number; to: number; isOff: boolean } | null;
}

/** Elements whose content is text up to their own end tag (HTML, 13.1.2.2 and 13.2.6.4); `plaintext` has no end. */
const RAW = new Map(
  'style script title textarea xmp iframe noembed noframes'
    .split(' ')
    .map((name) => [name, new RegExp(`</${name}(?=[\\s/>])`, 'gi')]),
);
const LONGEST_NAME = 9;
/** First letters of names that count, small: most tags need no second look. */
const STARTS = new Set([...'aipnstx'].map((letter) => letter.charCodeAt(0)));
const LOWER = 0x20;
const MARK = 'data-bellhop-track';
const TAB = 9;
const LF = 10;
const FF = 12;
const CR = 13;
const SPACE = 32;
const BANG = 33;
const DOUBLE_QUOTE = 34;
const SINGLE_QUOTE = 39;
const SLASH = 47;
const EQUALS = 61;
const GREATER = 62;
const QUESTION = 63;

/**
 * Finds the links of an HTML document in one pass, the way a browser splits it into tags (HTML, 13.2.5): what stands in
 * comments, styles and the like is none. Answers where the last `</body` begins; the end of the text when there is none;
 * null when the text breaks off in the middle of something, so that nothing could be added.
 */
export function scanLinks(html: string, onLink: (link: LinkTag) => void): number | null {
  let bodyEnd: number | null = null;
  for (let at = html.indexOf('<'); at >= 0; at = html.indexOf('<', at)) {
    const next = html.charCodeAt(at + 1);
    if (next === BANG || next === QUESTION) at = endOfDeclaration(html, at);
    else if (next === SLASH) {
      if (isLetter(html.charCodeAt(at + 2))) {
        const nameEnd = endOfName(html, at + 2);
        if (nameEnd - at === 6 && html.slice(at + 2, nameEnd).toLowerCase() === 'body') bodyEnd = at;
        at = html.charCodeAt(nameEnd) === GREATER ? nameEnd + 1 : readTag(html, nameEnd, null);
      } else at = after(html, '>', at + 2);
    } else if (isLetter(next)) at = openTag(html, at + 1, onLink);
    else at++;
    if (at < 0) return bodyEnd;
  }
  return bodyEnd ?? html.length;
}

/** Where the text goes on behind an opening tag, and behind the content of an element that has text only. */
function openTag(html: string, from: number, onLink: (link: LinkTag) => void): number {
  const nameEnd = endOfName(html, from);
  const length = nameEnd - from;
  if (length > LONGEST_NAME || !STARTS.has(html.charCodeAt(from) | LOWER))
    return readTag(html, nameEnd, null);
  const name = html.slice(from, nameEnd).toLowerCase();
  if (name === 'a' || name === 'area') {
    const reading = new LinkReading(html);
    const end = readTag(html, nameEnd, reading);
    const link = end < 0 ? null : reading.link;
    if (link) onLink(link);
    return end;
  }
  const end = readTag(html, nameEnd, null);
  if (name === 'plaintext' || end < 0) return -1;
  const closing = RAW.get(name);
  if (!closing) return end;
  closing.lastIndex = end;
  return closing.exec(html)?.index ?? -1;
}

/** Offsets: name from `from` to `nameTo`, value without quotes, and the end of it all. */
interface Attribute {
  from: number;
  nameTo: number;
  valueFrom: number;
  valueTo: number;
  to: number;
}

/** Keeps of the attributes of one tag what a link needs; of two with the same name the first counts (HTML, 13.2.5.33). */
class LinkReading {
  readonly #html: string;
  #href: { from: number; to: number } | null = null;
  #mark: LinkTag['mark'] = null;

  constructor(html: string) {
    this.#html = html;
  }

  get link(): LinkTag | null {
    return this.#href && { ...this.#href, mark: this.#mark };
  }

  attribute({ from, nameTo, valueFrom, valueTo, to }: Attribute): void {
    const length = nameTo - from;
    if (length !== 4 && length !== MARK.length) return;
    const name = this.#html.slice(from, nameTo).toLowerCase();
    if (name === 'href') this.#href ??= { from: valueFrom, to: valueTo };
    if (name !== MARK || this.#mark) return;
    const isOff = this.#html.slice(valueFrom, valueTo).toLowerCase() === 'off';
    let start = from;
    while (isSpace(this.#html.charCodeAt(start - 1))) start--;
    this.#mark = { from: start, to, isOff };
  }
}

/** The attributes of a tag from behind its name; answers what follows its `>`, or -1 when it has none. */
function readTag(html: string, from: number, reading: LinkReading | null): number {
  const { length } = html;
  let at = from;
  for (;;) {
    let code = html.charCodeAt(at);
    while (isSpace(code) || code === SLASH) code = html.charCodeAt(++at);
    if (at >= length) return -1;
    if (code === GREATER) return at + 1;
    const nameFrom = at;
    do code = html.charCodeAt(++at);
    while (at < length && !isSpace(code) && code !== SLASH && code !== GREATER && code !== EQUALS);
    const nameTo = at;
    at = skipSpace(html, at);
    if (html.charCodeAt(at) !== EQUALS) {
      reading?.attribute({ from: nameFrom, nameTo, valueFrom: nameTo, valueTo: nameTo, to: nameTo });
      continue;
    }
    at = skipSpace(html, at + 1);
    code = html.charCodeAt(at);
    if (code === GREATER) return at + 1;
    const isQuoted = code === DOUBLE_QUOTE || code === SINGLE_QUOTE;
    const valueFrom = isQuoted ? at + 1 : at;
    const valueTo = isQuoted ? html.indexOf(html[at]!, valueFrom) : endOfBareValue(html, at);
    if (valueTo < 0) return -1;
    at = isQuoted ? valueTo + 1 : valueTo;
    reading?.attribute({ from: nameFrom, nameTo, valueFrom, valueTo, to: at });
  }
}

function endOfBareValue(html: string, from: number): number {
  let at = from;
  while (at < html.length && !isSpace(html.charCodeAt(at)) && html.charCodeAt(at) !== GREATER) at++;
  return at < html.length ? at : -1;
}

/** A comment ends at `-->`, also as `<!-->` and `<!--->`; every other `<!` and `<?` at the first `>`. */
function endOfDeclaration(html: string, at: number): number {
  return html.startsWith('<!--', at) ? after(html, '-->', at + 2) : after(html, '>', at + 1);
}

function after(html: string, end: string, from: number): number {
  const at = html.indexOf(end, from);
  return at < 0 ? -1 : at + end.length;
}

function endOfName(html: string, from: number): number {
  let at = from;
  for (; at < html.length; at++) {
    const code = html.charCodeAt(at);
    if (isSpace(code) || code === SLASH || code === GREATER) break;
  }
  return at;
}

function skipSpace(html: string, from: number): number {
  let at = from;
  while (isSpace(html.charCodeAt(at))) at++;
  return at;
}

function isSpace(code: number): boolean {
  return code === SPACE || code === LF || code === TAB || code === CR || code === FF;
}

function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
}
