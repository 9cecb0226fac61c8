import { scanLinks } from './scan-links.ts';
import { readHref, readTarget } from './target.ts';

/** How the addresses of one message are exchanged. */
export interface Rewriting {
  /** Our address for a link to `target`; null leaves it as it is. */
  link(target: string): string | null;
  /** Of the invisible picture; null for none. */
  pixel: string | null;
}

/** As `textToHtml` finds them. */
const TEXT_LINK = /https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]]/g;

/**
 * The HTML part of a mail with its links exchanged and the picture before the end of the body. All else stays as it is,
 * byte for byte; only our own marks are taken out. One pass, time linear in the text.
 */
export function rewriteHtml(html: string, { link, pixel }: Rewriting): string {
  let written = '';
  let copied = 0;
  const splice = (from: number, to: number, text: string) => {
    written += html.slice(copied, from) + text;
    copied = to;
  };
  const bodyEnd = scanLinks(html, ({ from, to, mark }) => {
    const target = mark?.isOff ? null : readHref(html.slice(from, to));
    const ours = target === null ? null : link(target);
    if (mark && mark.from < from) splice(mark.from, mark.to, '');
    if (ours !== null) splice(from, to, ours);
    if (mark && mark.from > from) splice(mark.from, mark.to, '');
  });
  // An end of the body before the last link is none: what follows it belongs to the body all the same.
  if (pixel !== null && bodyEnd !== null) {
    const at = bodyEnd < copied ? html.length : bodyEnd;
    splice(at, at, pictureOf(pixel));
  }
  return copied === 0 && written === '' ? html : written + html.slice(copied);
}

/** Links of plain text. */
export function rewriteText(text: string, link: Rewriting['link']): string {
  return text.replace(TEXT_LINK, (found) => {
    const target = readTarget(found);
    return (target === null ? null : link(target)) ?? found;
  });
}

/** Nothing is shown, read out, or takes place. */
function pictureOf(address: string): string {
  return `<img src="${address}" width="1" height="1" alt="" role="presentation" style="display:block;width:1px;height:1px;border:0;margin:0;padding:0">`;
}
