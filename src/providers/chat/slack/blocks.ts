import { type Card, shorten, splitUrls } from '../card/card.ts';

type Block = Record<string, unknown>;

/** Together with other blocks, some 13 000 characters were refused in the field (`msg_blocks_too_long`). */
const LONGEST_BODY = 10_000;
/** What Slack advises for `text`: https://api.slack.com/reference/surfaces/formatting */
const LONGEST_TEXT = 4_000;
const LONGEST_TITLE = 150;
const MOST_FIELDS = 20;
const FIELDS_PER_SECTION = 5;
const MOST_BUTTONS = 25;

/**
 * A card as blocks, with the text that notifications show. Title and body are rich text and the fields plain text: Slack
 * reads no markup in either. https://docs.slack.dev/reference/block-kit/blocks
 */
export function buildMessage(card: Card): { text: string; blocks?: Block[] } {
  const { title, body, url, image, fields, links } = card;
  const blocks = [
    ...richText(card),
    ...sections(fields.slice(0, MOST_FIELDS)),
    ...(image
      ? [{ type: 'image', image_url: image, alt_text: shorten(title ?? body ?? image, LONGEST_TITLE) }]
      : []),
    ...(links.length > 0 ? [{ type: 'actions', elements: links.slice(0, MOST_BUTTONS).map(buttonOf) }] : []),
  ];
  const said = [title, body].filter((part) => part !== undefined).join('\n') || (url ?? '');
  return {
    text: escapeMarkup(shorten(said, LONGEST_TEXT)),
    ...(blocks.length > 0 && { blocks }),
  };
}

function richText({ title, body, url }: Card): Block[] {
  const head = title ? [headOf(shorten(title, LONGEST_TITLE), url)] : [];
  const lines = body ? piecesOf(shorten(body, LONGEST_BODY)) : [];
  const foot = url && !title ? [{ type: 'link', url }] : [];
  const parts = [head, lines, foot].filter((part) => part.length > 0);
  if (parts.length === 0) return [];
  const elements = parts.flatMap((part, index) =>
    index === 0 ? part : [{ type: 'text', text: '\n' }, ...part],
  );
  return [{ type: 'rich_text', elements: [{ type: 'rich_text_section', elements }] }];
}

function headOf(text: string, url: string | undefined): Block {
  return url
    ? { type: 'link', url, text, style: { bold: true } }
    : { type: 'text', text, style: { bold: true } };
}

/** Rich text makes no links by itself. */
function piecesOf(text: string): Block[] {
  return splitUrls(text).map((piece) =>
    piece.isUrl ? { type: 'link', url: piece.text } : { type: 'text', text: piece.text },
  );
}

/** Two columns of plain text; a section has ten places. */
function sections(fields: Card['fields']): Block[] {
  if (fields.length === 0) return [];
  const some = fields.slice(0, FIELDS_PER_SECTION);
  const places = some.flatMap(({ title, value }) => [plainText(title, 2_000), plainText(value, 2_000)]);
  return [{ type: 'section', fields: places }, ...sections(fields.slice(FIELDS_PER_SECTION))];
}

function buttonOf({ title, url }: { title: string; url: string }): Block {
  return { type: 'button', text: plainText(title, 75), url };
}

/** Slack refuses a text without a character. */
function plainText(text: string, max: number): Block {
  return { type: 'plain_text', text: shorten(text, max) || ' ' };
}

/** https://api.slack.com/reference/surfaces/formatting#escaping: mentions and named links begin with `<`. */
function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
