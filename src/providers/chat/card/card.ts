import { truncate } from '../../../lib/text.ts';
import type { Content } from '../../contract.ts';

/** What a chat message shows, whatever a vendor's cards look like. */
export interface Card {
  /** One line. */
  title?: string;
  body?: string;
  /** Where the title leads. */
  url?: string;
  image?: string;
  fields: { title: string; value: string }[];
  /** Actions that lead somewhere; the others have nobody who would hear of them. */
  links: { title: string; url: string }[];
}

/** Addresses that are none of the web (deep links of an app) are left out: vendors refuse the whole message for one. */
export function cardOf({ title, body, url, image, fields = [], actions = [] }: Content): Card {
  return {
    ...(title && { title: title.replace(/\s+/g, ' ').trim() }),
    ...(body && { body: body.replace(/\r\n?/g, '\n') }),
    ...(isWebUrl(url) && { url }),
    ...(isWebUrl(image) && { image }),
    fields,
    links: actions.flatMap((action) =>
      isWebUrl(action.url) ? [{ title: action.title, url: action.url }] : [],
    ),
  };
}

/** The longest that every vendor takes for the address of a button or an image is 2000 characters. */
const LONGEST_URL = 2_000;

function isWebUrl(url: string | undefined): url is string {
  return url !== undefined && url.length <= LONGEST_URL && /^https?:$/.test(URL.parse(url)?.protocol ?? '');
}

/** At most `max` UTF-16 units; what was cut shows that it was. */
export function shorten(text: string, max: number): string {
  if (text.length <= max) return text;
  return max > 0 ? `${truncate(text, max - 1)}…` : '';
}

/** A text in pieces, the addresses in it (which chat clients make links by themselves) apart from the words. */
export function splitUrls(text: string): { text: string; isUrl: boolean }[] {
  return text
    .split(/(https?:\/\/[^\s<>"`|]+[^\s<>"`|.,:;!?'()[\]{}*_~])/)
    .map((piece, index) => ({ text: piece, isUrl: index % 2 === 1 }))
    .filter((piece) => piece.text !== '');
}
