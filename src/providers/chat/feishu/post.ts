import type { Content } from '../../contract.ts';
import { cardOf, shorten } from '../card/card.ts';

type Piece = { tag: 'text'; text: string } | { tag: 'a'; text: string; href: string };

/** Rich text: each line is a list of pieces, so that nothing in them is markup, a mention or a link by accident. */
export interface Post {
  zh_cn: { title: string; content: Piece[][] };
}

export interface PostLook {
  /** Characters of the text. */
  maxText: number;
  /** The words that open the address. */
  openLabel: string;
}

/** https://open.feishu.cn/document/server-docs/im-v1/message-content-description/create_json#45e0953e */
export function postOf(content: Content, { maxText, openLabel }: PostLook): Post {
  const { title = '', body, url, image, fields, links } = cardOf(content);
  const text = (line: string): Piece[] => [{ tag: 'text', text: line }];
  const link = (words: string, href: string): Piece[] => [{ tag: 'a', text: words, href }];
  const lines = [
    ...(body ? shorten(body, maxText).split('\n').map(text) : []),
    ...fields.map(({ title, value }) => text(`${title}: ${value}`)),
    // An image needs a key that an upload gives: it is linked.
    ...(image ? [link(image, image)] : []),
    ...(url ? [link(openLabel, url)] : []),
    ...links.map((action) => link(action.title, action.url)),
  ];
  // A post without a line is refused.
  return { zh_cn: { title, content: lines.length > 0 ? lines : [text(title || ' ')] } };
}
