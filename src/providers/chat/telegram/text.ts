import { escapeHtml } from '../../../lib/text.ts';
import { type Card, shorten, splitUrls } from '../card/card.ts';

/** https://core.telegram.org/bots/api#sendmessage: characters after the markup was read. */
const LONGEST_TEXT = 4_096;
const LONGEST_TITLE = 256;
const LONGEST_FIELDS = 1_500;
const GAP = '\n\n';

interface Part {
  /** What the reader sees; its length is what counts. */
  plain: string;
  html: string;
}

/**
 * A card as text with the markup of `parse_mode: HTML`. Only the body is cut to what Telegram takes: the rest is short
 * already.
 */
export function renderText({ title, body, url, fields }: Card): string {
  const before = title ? [titleOf(title, url)] : [];
  const after = [...fieldsOf(fields), ...(url && !title ? [partOf(url)] : [])];
  const others = [...before, ...after].reduce((sum, { plain }) => sum + plain.length + GAP.length, 0);
  const middle = body ? [partOf(body, LONGEST_TEXT - others)] : [];
  return [...before, ...middle, ...after].map(({ html }) => html).join(GAP);
}

function titleOf(title: string, url: string | undefined): Part {
  const { plain, html } = partOf(title, LONGEST_TITLE);
  return { plain, html: url ? `<b><a href="${escapeHtml(url)}">${html}</a></b>` : `<b>${html}</b>` };
}

function fieldsOf(fields: Card['fields']): Part[] {
  const lines: Part[] = [];
  let left = LONGEST_FIELDS;
  for (const { title, value } of fields) {
    const plain = `${title}: ${value}`;
    left -= plain.length + 1;
    if (left < 0) break;
    lines.push({ plain, html: `<b>${partOf(title).html}:</b> ${partOf(value).html}` });
  }
  if (lines.length === 0) return [];
  const join = (of: (line: Part) => string) => lines.map(of).join('\n');
  return [{ plain: join(({ plain }) => plain), html: join(({ html }) => html) }];
}

/** Telegram makes mentions of bare words too, which no markup prevents: an invisible space parts them. */
function partOf(text: string, max = LONGEST_TEXT): Part {
  const parted = splitUrls(text)
    .map((piece) => (piece.isUrl ? piece.text : piece.text.replace(/(?<![\w@])@(?=[A-Za-z])/g, '@\u200B')))
    .join('');
  const plain = shorten(parted, max);
  return { plain, html: escapeHtml(plain) };
}
