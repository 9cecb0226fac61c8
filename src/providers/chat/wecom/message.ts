import { truncate } from '../../../lib/text.ts';
import type { Content } from '../../contract.ts';

/** Bytes of a text: the vendor cuts a longer one of an app, and refuses a longer one of a robot. */
const TEXT_BYTES = 2_048;
const TITLE_BYTES = 128;
const DESCRIPTION_BYTES = 512;
/** Longer texts are cut on the screen of a card. */
const CARD_CHARS = 112;
const CARD_FIELDS = 6;
const CARD_LINKS = 3;

/**
 * A notification as the vendor shows it best. With an address to open it is a card: one with columns and links, or with an
 * image, or a simple one, which robots do not know; without, it is a text.
 * https://developer.work.weixin.qq.com/document/path/90236
 */
export function buildContent(content: Content, sender: 'app' | 'robot'): Record<string, unknown> {
  const { title, body, url, image } = content;
  const links = linksOf(content);
  if (url && fitsCard(content, links) && (sender === 'robot' || links.length > 0 || content.fields?.length))
    return { msgtype: 'template_card', template_card: buildTemplateCard(content, url, links) };
  if (!image && (!url || sender === 'robot')) return buildText(content);
  const heading = cutBytes(plain(title ?? body ?? url ?? ''), TITLE_BYTES);
  const text = linesOf([title === undefined ? undefined : body, ...rowsOf(content)]);
  const description = cutBytes(text, DESCRIPTION_BYTES);
  if (!image) return { msgtype: 'textcard', textcard: { title: heading, description, url } };
  // An image without an address opens itself.
  const article = { title: heading, description, url: url ?? image, picurl: image };
  return { msgtype: 'news', news: { articles: [article] } };
}

function fitsCard({ title = '', body = '', fields = [] }: Content, links: unknown[]): boolean {
  const length = title.length + body.length;
  return length > 0 && length <= CARD_CHARS && fields.length <= CARD_FIELDS && links.length <= CARD_LINKS;
}

/** The address to open is not cut off with the end of a long text. */
function buildText(content: Content): Record<string, unknown> {
  const { title, body, url } = content;
  const end = url === undefined ? '' : `\n${url}`;
  const text = linesOf([title, body, ...rowsOf(content)]);
  return {
    msgtype: 'text',
    text: { content: (cutBytes(text, Math.max(0, TEXT_BYTES - Buffer.byteLength(end))) + end).trim() },
  };
}

/** https://developer.work.weixin.qq.com/document/path/90236#模板卡片消息 */
function buildTemplateCard(
  { title, body, image, fields = [] }: Content,
  url: string,
  links: { title: string; url: string }[],
): Record<string, unknown> {
  const common = {
    horizontal_content_list: fields.map((field) => ({
      keyname: plain(field.title),
      value: plain(field.value),
    })),
    jump_list: links.map((link) => ({ type: 1, title: plain(link.title), url: link.url })),
    card_action: { type: 1, url },
  };
  const heading = title === undefined ? undefined : plain(title);
  const text = body === undefined ? undefined : plain(body);
  if (image) {
    const main_title = { title: heading ?? text ?? '', desc: heading === undefined ? undefined : text };
    return { card_type: 'news_notice', main_title, card_image: { url: image }, ...common };
  }
  return {
    card_type: 'text_notice',
    main_title: heading === undefined ? undefined : { title: heading },
    sub_title_text: text,
    ...common,
  };
}

function linksOf({ actions = [] }: Content): { title: string; url: string }[] {
  return actions.flatMap(({ title, url }) => (url ? [{ title, url }] : []));
}

function rowsOf(content: Content): string[] {
  const rows = [
    ...(content.fields ?? []),
    ...linksOf(content).map(({ title, url }) => ({ title, value: url })),
  ];
  return rows.map(({ title, value }) => `${title}: ${value}`);
}

function linesOf(lines: (string | undefined)[]): string {
  return lines
    .filter((line) => line)
    .map((line) => plain(line!))
    .join('\n');
}

/**
 * Texts may hold links (`<a href>`), styles (`<div>`) and, where a robot speaks, mentions (`<@user>`), and nothing says how
 * a bracket is escaped: one that would begin such a thing becomes its wide twin.
 */
function plain(text: string): string {
  return text.replace(/<(?=[a-z@/!?])/gi, '＜');
}

/** At most so many bytes of UTF-8, with a sign where something was cut. */
export function cutBytes(text: string, max: number): string {
  if (Buffer.byteLength(text) <= max) return text;
  const sign = '…';
  const room = max - Buffer.byteLength(sign);
  let cut = truncate(text, Math.max(0, room));
  // A UTF-16 unit takes three bytes at most: each round takes away no more than needed, and at least one.
  for (let over = Buffer.byteLength(cut) - room; over > 0 && cut !== ''; over = Buffer.byteLength(cut) - room)
    cut = truncate(cut, Math.max(0, cut.length - Math.ceil(over / 3)));
  return room < 0 ? '' : cut + sign;
}
