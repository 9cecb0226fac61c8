import { type Card, shorten } from '../card/card.ts';

const LONGEST_TEXT = 4_096;
const LONGEST_CAPTION = 1_024;
const LONGEST_OTHERS = 2_000;
const GAP = '\n\n';

/** A card as a message of one's own words, which WhatsApp takes for 24 hours after the person wrote. */
export function buildFreeForm(card: Card): Record<string, unknown> {
  const { image, url } = card;
  const whole = writeOut(card, LONGEST_TEXT);
  if (image && whole.length <= LONGEST_CAPTION)
    return { type: 'image', image: { link: image, ...(whole && { caption: whole }) } };
  return { type: 'text', text: { body: whole, preview_url: url !== undefined } };
}

/** Only the body is cut to `max`; what else there is was cut to a part of it before. */
function writeOut({ title, body, url, fields, links }: Card, max: number): string {
  const head = title ? [shorten(title, 256)] : [];
  const foot = [
    fields.map((field) => `${field.title}: ${field.value}`).join('\n'),
    links.map((link) => `${link.title}: ${link.url}`).join('\n'),
    url ?? '',
  ].filter(Boolean);
  const end = shorten(foot.join(GAP), LONGEST_OTHERS);
  const others = [...head, end].reduce((sum, part) => sum + part.length + GAP.length, 0);
  return [...head, body ? shorten(body, max - others) : '', end].filter(Boolean).join(GAP);
}
