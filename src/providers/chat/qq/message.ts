import { createHash } from 'node:crypto';
import type { Content } from '../../contract.ts';
import { mergePassthrough } from '../../wire/merge-passthrough.ts';
import type { Target } from './target.ts';

/** Plain text; markdown and buttons, which QQ has to permit to each bot, come by passthrough. */
const TEXT = 0;

/** https://bot.q.qq.com/wiki/develop/api-v2/server-inter/message/send-receive/send.html */
export function buildBody(
  content: Content,
  { target, showUrls, deliveryId }: { target: Target; showUrls: boolean; deliveryId: string },
): Record<string, unknown> {
  const text = buildText(content, showUrls);
  // A channel takes the address of an image; for the others it would have to be uploaded before.
  const ours =
    target.kind === 'channel' ? { content: text, image: content.image } : { content: text, msg_type: TEXT };
  const body = mergePassthrough(ours, content.passthrough?.qq);
  const isAnswer = body.msg_id !== undefined || body.event_id !== undefined;
  if (target.kind === 'channel' || !isAnswer || body.msg_seq !== undefined) return body;
  return { ...body, msg_seq: sequenceOf(deliveryId) };
}

/** An answer is known again by the message that it answers and this number: the same for each attempt of a delivery. */
function sequenceOf(deliveryId: string): number {
  return (createHash('sha256').update(deliveryId).digest().readUInt32BE(0) % 1_000_000) + 1;
}

function buildText(content: Content, showUrls: boolean): string {
  const { title, body, url, fields = [], actions = [] } = content;
  const links = actions.flatMap((action) => (action.url ? [`${tame(action.title)}: ${action.url}`] : []));
  const lines = [title, body, ...fields.map((field) => `${field.title}: ${field.value}`)];
  return [...lines.map((line) => line && tame(line)), ...(showUrls ? [...links, url] : [])]
    .filter((line) => line)
    .join('\n');
}

/**
 * Mentions, channels and emoji stand in angle brackets (`<@user>`, `<#channel>`, `<emoji:1>`, `<qqbot-at-everyone />`), and
 * everybody is `@everyone`: what would begin one becomes its wide twin.
 */
function tame(text: string): string {
  return text.replace(/<(?=[@#a-z/!])/gi, '＜').replace(/@(?=everyone)/gi, '＠');
}
