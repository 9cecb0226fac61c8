import { isChoosable, type TenantLinks } from '../consent/index.ts';
import type { Channel, Content, Message } from '../providers/index.ts';
import type { Claimed } from '../queue/index.ts';
import type { Category } from '../rules/index.ts';

/** Where the user of one message can say what he wants. Signed only when asked for. */
export interface MessageLinks {
  preferences(): string;
  /** Null where the category lets nobody refuse. */
  unsubscribe: (() => string) | null;
}

/** Null when links have no address to lead to, or the user is gone. */
export function linksFor(
  { user, live, channel, category }: Pick<Claimed, 'user' | 'live' | 'channel' | 'category'>,
  rules: Pick<Category, 'optOut' | 'doubleOptIn'>,
  links: TenantLinks | null,
): MessageLinks | null {
  if (!links || user.id === null) return null;
  const whose = { id: user.id, live };
  const topic = { category, channel: channel as Channel };
  return {
    preferences: () => links.preferences(whose, topic.channel),
    unsubscribe: isChoosable(rules) ? () => links.unsubscribe(whose, topic) : null,
  };
}

/** As templates name them. */
export function templateLinks(links: MessageLinks | null): Record<string, () => string> | undefined {
  if (!links) return undefined;
  const { preferences, unsubscribe } = links;
  return { preferences_url: preferences, ...(unsubscribe && { unsubscribe_url: unsubscribe }) };
}

const OWN_HEADER = /^list-unsubscribe(-post)?$/i;

/**
 * An e-mail that its reader may refuse says how (RFC 8058): one https address in one header, and that a POST to it
 * suffices. Who writes such a header himself keeps his own.
 */
export function offerUnsubscribe(message: Message, links: MessageLinks | null | undefined): Message {
  if (message.channel !== 'email' || !links?.unsubscribe) return message;
  const { headers = {} } = message.content;
  if (Object.keys(headers).some((name) => OWN_HEADER.test(name))) return message;
  const content: Content = {
    ...message.content,
    headers: {
      ...headers,
      'List-Unsubscribe': `<${links.unsubscribe()}>`,
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
    },
  };
  return { ...message, content };
}
