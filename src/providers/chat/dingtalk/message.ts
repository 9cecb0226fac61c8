import type { Content } from '../../contract.ts';
import { type Card, cardOf, shorten } from '../card/card.ts';

/** Of a title; longer ones are refused. */
const MAX_TITLE = 64;
const MAX_BUTTONS = 5;

export interface Look {
  /** Characters of a text. */
  maxText: number;
  /** What stands on the only button. */
  openLabel: string;
  /** Stands at the end of each text. */
  ending: string;
}

/** One message to people, whatever it is called in the API that sends it. */
export type DingTalkMessage =
  | { kind: 'text'; text: string }
  | { kind: 'card'; title: string; markdown: string; buttons: { title: string; url: string }[] };

/** What leads somewhere needs a card, whose text is Markdown; everything else is plain text. */
export function lookOf(content: Content, { maxText, openLabel, ending }: Look): DingTalkMessage {
  const card = cardOf(content);
  const buttons = [...(card.url ? [{ title: openLabel, url: card.url }] : []), ...card.links];
  if (buttons.length === 0 && !card.image) {
    return { kind: 'text', text: shorten(plainText(card), maxText - ending.length) + ending };
  }
  const title = shorten(card.title ?? firstLine(card.body) ?? openLabel, MAX_TITLE);
  return {
    kind: 'card',
    title,
    markdown: shorten(markdownOf(card), maxText - ending.length) + ending,
    buttons: buttons.slice(0, MAX_BUTTONS),
  };
}

function plainText({ title, body, fields }: Card): string {
  return [title, body, ...fields.map(({ title, value }) => `${title}: ${value}`)].filter(Boolean).join('\n');
}

function markdownOf({ title, body, image, fields }: Card): string {
  const lines = [
    title && `### ${escapeMarkdown(title)}`,
    image && `![](${image.replace(/[()]/g, (sign) => (sign === '(' ? '%28' : '%29'))})`,
    body && escapeMarkdown(body).replace(/\n/g, '  \n'),
    ...fields.map(({ title, value }) => `**${escapeMarkdown(title)}**: ${escapeMarkdown(value)}`),
  ];
  return lines.filter(Boolean).join('\n\n');
}

function firstLine(text: string | undefined): string | undefined {
  return text?.split('\n', 1)[0] || undefined;
}

/** What people wrote stays what they wrote: no link, image, heading or list comes of it. CommonMark 0.31, 2.4. */
export function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_[\]<>#!|~+-]/g, '\\$&');
}
