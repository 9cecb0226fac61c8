import { TEXTS, type Texts } from './texts.ts';

export interface Language {
  /** BCP 47: the `lang` of the page. */
  tag: string;
  texts: Texts;
}

const DEFAULT = 'en';
const MAX_ACCEPTED = 20;
const byPrimary = new Map(Object.keys(TEXTS).map((tag) => [primaryOf(tag), tag]));

/**
 * The language of a page: the user's own, else what the browser prefers most (RFC 9110, 12.5.4), else English. Only the
 * first part of a tag counts: de-AT is answered in German. Pure.
 */
export function chooseLanguage(locale: string | null, acceptLanguage: string | undefined): Language {
  const wanted = [locale ?? '', ...parseAcceptLanguage(acceptLanguage ?? '')];
  const tag =
    wanted.map((each) => byPrimary.get(primaryOf(each))).find((each) => each !== undefined) ?? DEFAULT;
  return { tag, texts: TEXTS[tag]! };
}

function parseAcceptLanguage(header: string): string[] {
  return header
    .split(',', MAX_ACCEPTED)
    .map((part) => {
      const [tag = '', ...parameters] = part.split(';').map((text) => text.trim());
      const quality = parameters.find((text) => /^q=/i.test(text))?.slice(2);
      return { tag, quality: quality === undefined ? 1 : Number(quality) };
    })
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality)
    .map(({ tag }) => tag);
}

function primaryOf(tag: string): string {
  return tag.split(/[-_]/, 1)[0]!.toLowerCase();
}

/** Fills in `{name}`. */
export function fill(text: string, values: Record<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}
