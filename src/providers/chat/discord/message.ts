import { type Card, shorten, splitUrls } from '../card/card.ts';

type Json = Record<string, unknown>;

const LONGEST_CONTENT = 2_000;
/** https://docs.discord.com/developers/resources/message#embed-object-embed-limits: together at most 6000. */
const LONGEST_TITLE = 256;
const LONGEST_DESCRIPTION = 4_096;
const LONGEST_NAME = 256;
const LONGEST_VALUE = 1_024;
const LONGEST_FIELDS = 1_500;
const MOST_FIELDS = 25;
const LONGEST_LABEL = 80;
const LONGEST_BUTTON_URL = 512;
const MOST_BUTTONS = 25;
const BUTTONS_IN_A_ROW = 5;
/** Discord refuses the name or value of a field without a character. */
const NOTHING = '\u200B';

/** A card as an embed, or, when there are only words, as the message itself. Nobody is mentioned, whatever it says. */
export function buildMessage(card: Card): Json {
  const { title, image, fields, links } = card;
  const isPlain = !title && !image && fields.length === 0;
  const rows = rowsOf(links);
  return {
    ...(isPlain ? { content: wordsOf(card, LONGEST_CONTENT) } : { embeds: [embedOf(card)] }),
    ...(rows.length > 0 && { components: rows }),
    allowed_mentions: { parse: [] },
  };
}

function embedOf(card: Card): Json {
  const { title, url, image, fields } = card;
  const description = wordsOf(card, LONGEST_DESCRIPTION);
  const shown = fieldsOf(fields);
  return {
    ...(title && { title: escapeToFit(title, LONGEST_TITLE), ...(url && { url }) }),
    ...(description && { description }),
    ...(shown.length > 0 && { fields: shown }),
    ...(image && { image: { url: image } }),
  };
}

/** The body; an address that no title carries stands below it. */
function wordsOf({ title, body = '', url }: Card, max: number): string {
  if (!url || title) return escapeToFit(body, max);
  return [escapeToFit(body, max - url.length - 1), url].filter(Boolean).join('\n');
}

function fieldsOf(fields: Card['fields']): Json[] {
  const shown: Json[] = [];
  let left = LONGEST_FIELDS;
  for (const field of fields.slice(0, MOST_FIELDS)) {
    const name = escapeToFit(field.title, LONGEST_NAME) || NOTHING;
    const value = escapeToFit(field.value, LONGEST_VALUE) || NOTHING;
    left -= name.length + value.length;
    if (left < 0) break;
    shown.push({ name, value, inline: true });
  }
  return shown;
}

/** Buttons that open an address: https://docs.discord.com/developers/components/reference#button */
function rowsOf(links: Card['links']): Json[] {
  const buttons = links
    .filter(({ url }) => url.length <= LONGEST_BUTTON_URL)
    .slice(0, MOST_BUTTONS)
    .map(({ title, url }) => ({ type: 2, style: 5, label: shorten(title, LONGEST_LABEL) || NOTHING, url }));
  const rows: Json[] = [];
  for (let at = 0; at < buttons.length; at += BUTTONS_IN_A_ROW)
    rows.push({ type: 1, components: buttons.slice(at, at + BUTTONS_IN_A_ROW) });
  return rows;
}

/** The text is cut before it is escaped, so that no escape is cut in two. */
function escapeToFit(text: string, max: number): string {
  let size = text.length;
  for (;;) {
    const escaped = escapeMarkdown(shorten(text, size));
    if (escaped.length <= max || size <= 0) return escaped;
    // A character takes two places at most, so this never cuts too much.
    size -= Math.ceil((escaped.length - max) / 2);
  }
}

/**
 * What Discord would read as Markdown, a link with a name of its own or a mention, behind backslashes; addresses stay
 * whole, since Discord makes links of them before it looks for Markdown.
 */
function escapeMarkdown(text: string): string {
  return splitUrls(text)
    .map((piece) =>
      piece.isUrl
        ? piece.text
        : piece.text.replace(/[\\*_~`|[\]<>]/g, '\\$&').replace(/^(\s*)([#+-])/gm, '$1\\$2'),
    )
    .join('');
}
