import { type Card, shorten, splitUrls } from '../card/card.ts';

type Json = Record<string, unknown>;

const LONGEST_TITLE = 256;
const LONGEST_BODY = 6_000;
const MOST_LINES = 60;
const MOST_FIELDS = 20;
const LONGEST_VALUE = 300;
/** Teams puts further ones into a menu. */
const MOST_ACTIONS = 6;

/**
 * A card as the message that the Teams trigger of a workflow takes. Texts are RichTextBlock, which unlike TextBlock and
 * FactSet reads no Markdown; line breaks it does not show, so every line is a block.
 * https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features
 */
export function buildMessage(card: Card): Json {
  const { title, body, url, image, fields, links } = card;
  const blocks = [
    ...(title
      ? [textBlock([run(shorten(title, LONGEST_TITLE), url, { size: 'Large', weight: 'Bolder' })])]
      : []),
    ...(body ? linesOf(shorten(body, LONGEST_BODY)) : []),
    ...fields.slice(0, MOST_FIELDS).map(columnsOf),
    ...(image ? [{ type: 'Image', url: image, altText: shorten(title ?? '', LONGEST_TITLE) }] : []),
    ...(url && !title ? [textBlock([run(url, url)])] : []),
  ];
  const actions = links.slice(0, MOST_ACTIONS).map((link) => ({ type: 'Action.OpenUrl', ...link }));
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    body: blocks,
    ...(actions.length > 0 && { actions }),
    msteams: { width: 'Full' },
  };
  const attachment = { contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content };
  return { type: 'message', attachments: [attachment] };
}

function linesOf(body: string): Json[] {
  const lines = body.split('\n');
  const shown = lines.length > MOST_LINES ? [...lines.slice(0, MOST_LINES - 1), '…'] : lines;
  return shown.flatMap((line, index) => {
    if (line.trim() === '') return [];
    const follows = index > 0 && shown[index - 1]!.trim() !== '';
    const runs = splitUrls(line).map((piece) => run(piece.text, piece.isUrl ? piece.text : undefined));
    return [textBlock(runs, follows ? { spacing: 'None' } : {})];
  });
}

function columnsOf({ title, value }: { title: string; value: string }): Json {
  const column = (width: number, text: Json) => ({ type: 'Column', width, items: [textBlock([text])] });
  const shown = [title, value].map((text) => shorten(text, LONGEST_VALUE));
  return {
    type: 'ColumnSet',
    columns: [column(1, run(shown[0]!, undefined, { weight: 'Bolder' })), column(2, run(shown[1]!))],
  };
}

function textBlock(inlines: Json[], style: Json = {}): Json {
  return { type: 'RichTextBlock', inlines, ...style };
}

function run(text: string, url?: string, style: Json = {}): Json {
  return { type: 'TextRun', text, ...style, ...(url && { selectAction: { type: 'Action.OpenUrl', url } }) };
}
