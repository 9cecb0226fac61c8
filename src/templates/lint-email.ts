import { type Finding, warning } from './finding.ts';

// Gmail cuts a mail off behind this: https://support.google.com/mail/thread/6187016
const GMAIL_CLIPS_BYTES = 102 * 1024;
const VAGUE =
  /^(?:click|tap|press)?\s*(?:here|this|this link|link|more|read more|learn more|details|hier|mehr|weiter)$/i;

/** What says so much says something. */
const LONG_LINK_TEXT = 40;

interface Tag {
  name: string;
  closes: boolean;
  attributes: string;
  /** Where it begins and ends in the HTML. */
  start: number;
  end: number;
}

/** What is wrong with the HTML of a rendered e-mail: for those who hear it read, and for mail programs. Pure. */
export function lintEmailHtml(html: string, field: string): Finding[] {
  const shown = html.replace(/<!--[\s\S]*?(?:-->|$)/g, '');
  const tags = tagsOf(shown);
  return [
    ...lintDocument(shown, tags, field),
    ...lintImages(tags, field),
    ...lintHeadings(tags, field),
    ...lintLinks(shown, tags, field),
  ];
}

function lintDocument(html: string, tags: Tag[], field: string): Finding[] {
  const findings: Finding[] = [];
  const root = tags.find(({ name }) => name === 'html');
  const language = root && attribute(root, 'lang');
  if (!language || language === 'und')
    findings.push(
      warning('email.language', field, 'has no language (<html lang="en">): it is read out in any'),
    );
  const title = tags.find(({ name, closes }) => name === 'title' && !closes);
  if (!title || html.slice(title.end).startsWith('</'))
    findings.push(warning('email.title', field, 'has no <title>'));
  const bytes = Buffer.byteLength(html);
  if (bytes > GMAIL_CLIPS_BYTES)
    findings.push(
      warning('email.size', field, `has ${bytes} bytes: Gmail cuts it off after ${GMAIL_CLIPS_BYTES}`),
    );
  return findings;
}

function lintImages(tags: Tag[], field: string): Finding[] {
  return tags.flatMap((tag): Finding[] => {
    if (tag.name !== 'img' || attribute(tag, 'alt') !== null) return [];
    const source = attribute(tag, 'src') ?? '';
    return [
      warning(
        'email.image_alt',
        field,
        `has an image without alt (${shorten(source)}); alt="" for decoration`,
      ),
    ];
  });
}

function lintHeadings(tags: Tag[], field: string): Finding[] {
  let before = 0;
  for (const { name, closes } of tags) {
    const level = closes ? 0 : Number(/^h([1-6])$/.exec(name)?.[1] ?? 0);
    if (level === 0) continue;
    if (level > before + 1) {
      const after = before === 0 ? 'is the first heading' : `follows <h${before}>`;
      return [warning('email.heading_order', field, `has a heading out of order: <h${level}> ${after}`)];
    }
    before = level;
  }
  return [];
}

function lintLinks(html: string, tags: Tag[], field: string): Finding[] {
  return tags.flatMap((tag, i): Finding[] => {
    if (tag.name !== 'a' || tag.closes) return [];
    const href = attribute(tag, 'href');
    const findings = href === null ? [] : lintUrl(href, field);
    const closing = tags.slice(i + 1, i + 50).find(({ name, closes }) => name === 'a' && closes);
    const inside = closing ? html.slice(tag.end, closing.start) : '';
    const text = inside
      .replace(/<[^<>]*>/g, ' ')
      .replace(/&nbsp;/g, ' ')
      .trim();
    const isVague = text.length <= LONG_LINK_TEXT && VAGUE.test(text.replace(/[\s.…»>→!]+$/u, ''));
    if (isVague && attribute(tag, 'aria-label') === null)
      findings.push(
        warning('email.link_text', field, `has a link that says only "${shorten(text)}", not where it leads`),
      );
    const hasText =
      text !== '' || /<img\b[^<>]*\salt\s*=\s*["'][^"']/i.test(inside) || attribute(tag, 'aria-label');
    if (href !== null && !hasText)
      findings.push(warning('email.link_text', field, `has a link without text (${shorten(href)})`));
    return findings;
  });
}

/** What is wrong with where a link leads, beyond what is refused. */
export function lintUrl(href: string, field: string): Finding[] {
  const url = href.trim();
  if (url === '' || url === '#') return [warning('link.empty', field, 'has a link that leads nowhere')];
  if (url.startsWith('#')) return [];
  if (/^http:/i.test(url))
    return [warning('link.insecure', field, `has a link without https (${shorten(url)})`)];
  if (!/^[a-z][a-z0-9+.-]*:/i.test(url))
    return [warning('link.relative', field, `has a link that is no whole address (${shorten(url)})`)];
  return /^https:/i.test(url) && !URL.canParse(url)
    ? [warning('link.invalid', field, `has a link that is no valid address (${shorten(url)})`)]
    : [];
}

function tagsOf(html: string): Tag[] {
  return [...html.matchAll(/<(\/?)([a-z][a-z0-9]*)(?![a-z0-9])([^<>]*)>/gi)].map((match) => ({
    closes: match[1] === '/',
    name: match[2]!.toLowerCase(),
    attributes: match[3]!,
    start: match.index,
    end: match.index + match[0].length,
  }));
}

/** Null when it is missing, empty text when it is empty. */
function attribute({ attributes }: Tag, name: string): string | null {
  const match = new RegExp(
    `(?:^|\\s)${name}(?:\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s"'>]+)))?(?=[\\s/]|$)`,
    'i',
  ).exec(attributes);
  return match ? (match[1] ?? match[2] ?? match[3] ?? '') : null;
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
