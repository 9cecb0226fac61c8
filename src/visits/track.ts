import type { Content, Message } from '../providers/index.ts';
import { rewriteHtml, rewriteText } from './rewrite.ts';
import { MAX_LINKS } from './token.ts';
import type { MessageTracking } from './tracker.ts';

/** A message by which we learn of visits; the same object where nothing is tracked. */
export function track(message: Message, tracking: MessageTracking | null | undefined): Message {
  if (!tracking) return message;
  if (tracking.wanted.beacons) return { ...message, beacon: tracking.beacon() };
  return { ...message, content: trackMail(message.content, tracking) };
}

function trackMail(content: Content, tracking: MessageTracking): Content {
  const { opens, clicks, textLinks } = tracking.wanted;
  let links = 0;
  const link = (target: string) =>
    !clicks || links >= MAX_LINKS || tracking.isOurs(target) ? null : tracking.link(target, links++);
  const { html, text } = content;
  return {
    ...content,
    ...(html !== undefined && {
      html: rewriteHtml(html, { link, pixel: opens ? tracking.pixel() : null }),
    }),
    ...(text !== undefined && textLinks && { text: rewriteText(text, link) }),
  };
}
