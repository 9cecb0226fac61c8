import { escapeHtml } from './text.ts';

const LINK = /(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]])/;

/** Plain text as HTML: everything escaped, blank lines make paragraphs, http(s) addresses become links. */
export function textToHtml(text: string): string {
  const linked = text
    .trim()
    .split(LINK)
    .map((part, i) =>
      i % 2 === 1 ? `<a href="${escapeHtml(part)}">${escapeHtml(part)}</a>` : escapeHtml(part),
    )
    .join('');
  const paragraphs = linked.replace(/\r\n?/g, '\n').split(/\n{2,}/);
  return paragraphs.map((paragraph) => `<p>${paragraph.replaceAll('\n', '<br>\n')}</p>`).join('\n');
}

const BREAKS: Record<string, string> = { br: '\n', li: '\n- ', hr: '\n', tr: '\n', td: ' ', th: ' ' };
for (const name of 'div table ul ol header footer section article'.split(' ')) BREAKS[name] = '\n';
for (const name of 'p h1 h2 h3 h4 h5 h6 blockquote pre'.split(' ')) BREAKS[name] = '\n\n';
const WITHOUT_TEXT = new Set(['head', 'style', 'script', 'title', 'template']);

/** What mail programs show beside the subject is hidden in the mail itself; a reader of the text would get it twice. */
const HIDDEN = /^<(?:div|span)\b[^<>]*\sstyle\s*=\s*(?:"[^"]*|'[^']*)display:\s*none/i;

/**
 * What a text-only mail program should show for an HTML body: no mark-up, links followed by their address, rows of tables as lines,
 * pictures by their words.
 * One pass over the tags, so hostile mark-up costs linear time.
 */
export function htmlToText(html: string): string {
  let text = '';
  let href = '';
  let hiddenUntil = '';
  for (const token of withoutComments(html).split(/(<[^<>]*>)/)) {
    const tag = token.startsWith('<') ? tagOf(token) : null;
    if (hiddenUntil) {
      if (tag === hiddenUntil) hiddenUntil = '';
    } else if (tag === null) {
      text += decodeEntities(token.replace(/\s+/g, ' '));
    } else if (WITHOUT_TEXT.has(tag) || HIDDEN.test(token)) {
      hiddenUntil = `/${tag}`;
    } else if (tag === 'img') {
      text += decodeEntities(/\salt\s*=\s*["']([^"']*)/i.exec(token)?.[1] ?? '');
    } else if (tag === 'a') {
      href = decodeEntities(/\shref\s*=\s*["']?([^"'\s>]*)/i.exec(token)?.[1] ?? '');
    } else if (tag === '/a') {
      if (/^(https?|mailto):/i.test(href) && !text.endsWith(href)) text += ` (${href})`;
      href = '';
    } else {
      text += BREAKS[tag.replace(/^\/(?!li|br|hr|tr)/, '')] ?? '';
    }
  }
  const lines = text.split('\n').map((line) => line.trim().replace(/ {2,}/g, ' '));
  return lines
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

// `<!-->` is a whole comment too: Outlook's `<!--[if !mso]><!-->` shows what follows.
function withoutComments(html: string): string {
  let kept = '';
  let from = 0;
  for (let start = html.indexOf('<!--'); start >= 0; start = html.indexOf('<!--', from)) {
    kept += html.slice(from, start);
    const end = html.indexOf('-->', start + 2);
    if (end < 0) return kept;
    from = end + 3;
  }
  return kept + html.slice(from);
}

/** `a`, `/a`, or null for a `<` that opens no tag. */
function tagOf(token: string): string | null {
  return /^<(!|\/?[a-z][a-z0-9]*)/i.exec(token)?.[1]?.toLowerCase() ?? null;
}

const ENTITIES: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  copy: '©',
  reg: '®',
  trade: '™',
  euro: '€',
  hellip: '…',
  ndash: '–',
  mdash: '—',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  zwnj: '',
};

function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,6}));/gi, (entity, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[name] ?? entity;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)
      ? String.fromCodePoint(code)
      : entity;
  });
}
