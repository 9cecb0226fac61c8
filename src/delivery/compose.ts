import type { Channel, Content, Message, Platform } from '../providers/index.ts';
import type { Claimed } from '../queue/index.ts';
import { type CompiledTemplate, renderInline } from '../templates/index.ts';
import { type MessageLinks, templateLinks } from './message-links.ts';

/** Why a claimed delivery is not sent at all; checked again right before the attempt. */
export type Verdict = { state: 'cancelled' | 'expired' | 'skipped'; reason: string };

/** What changed since routing: cancelled, too late, the device is dead, the address is suppressed or gone. */
export function recheck(claimed: Claimed, now: number): Verdict | null {
  if (claimed.cancelRequested) return { state: 'cancelled', reason: 'cancelled' };
  if (claimed.expiresAt !== null && claimed.expiresAt <= now) return { state: 'expired', reason: 'expired' };
  if (claimed.channel === 'push' && (!claimed.device || claimed.device.inactive)) {
    return { state: 'skipped', reason: 'device_inactive' };
  }
  if (claimed.contact?.suppressed) return { state: 'skipped', reason: 'contact_suppressed' };
  if (claimed.contact?.inactive) return { state: 'skipped', reason: 'contact_inactive' };
  const isOfContact = claimed.channel === 'chat' && claimed.contactKind !== null;
  const needsContact = claimed.channel === 'email' || claimed.channel === 'sms' || isOfContact;
  return needsContact && !claimed.contact ? { state: 'skipped', reason: 'contact_missing' } : null;
}

/** The message of a claimed delivery, rendered, or the problem that keeps it from being rendered. */
export function compose(
  claimed: Claimed,
  template: CompiledTemplate | null,
  links: MessageLinks | null = null,
): { message: Message } | { problem: string } {
  const channel = claimed.channel as Channel;
  const rendered = renderContent(claimed, { channel, template, links });
  if ('problem' in rendered) return rendered;
  const content = claimed.request.test ? markTest(channel, rendered.content) : rendered.content;
  return {
    message: {
      channel,
      recipient: {
        address: claimed.device?.token ?? claimed.contact?.address ?? '',
        platform: claimed.device?.platform as Platform | undefined,
        registeredAt: claimed.device?.registeredAt,
        keys: claimed.device?.keys ?? undefined,
      },
      content,
      priority: claimed.priority,
      category: claimed.category,
      userId: claimed.user.externalId,
      expiresAt: claimed.expiresAt ?? undefined,
    },
  };
}

function renderContent(
  claimed: Claimed,
  {
    channel,
    template,
    links,
  }: { channel: Channel; template: CompiledTemplate | null; links: MessageLinks | null },
): { content: Content } | { problem: string } {
  const { request, user } = claimed;
  if (request.message) return { content: renderInline(request.message, channel) };
  if (!template) return { problem: 'the template version is gone' };
  return template.render(channel, {
    locale: user.locale ?? undefined,
    platform: claimed.device?.platform as Platform | undefined,
    variables: request.template?.variables ?? {},
    user: { id: user.externalId, locale: user.locale, timezone: user.timezone, attributes: user.attributes },
    made: templateLinks(links),
  });
}

/** Who gets a test sees that it is one. */
function markTest(channel: Channel, content: Content): Content {
  const shown = channel === 'email' ? 'subject' : content.title === undefined ? 'body' : 'title';
  return content[shown] === undefined ? content : { ...content, [shown]: `[Test] ${content[shown]}` };
}
