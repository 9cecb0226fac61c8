import type { InboundMessage, Receipt } from '../../contract.ts';
import { idOf } from '../../wire/exact-json.ts';
import { causeOf } from '../../wire/verdict.ts';
import { WECHAT_CODES } from './errors.ts';

type Post = Record<string, unknown>;

/** What a post of an account or a mini program says of messages that were sent. */
export function readReceipts(post: Post | null): Receipt[] {
  if (post?.MsgType !== 'event') return [];
  const at = timeOf(post.CreateTime);
  switch (post.Event) {
    case 'TEMPLATESENDJOBFINISH':
      return readTemplateJob(post, at);
    case 'subscribe_msg_sent_event':
      return listOf(post).flatMap((item) => readSent(item, at));
    default:
      return [];
  }
}

/** https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Template_Message_Interface.html */
function readTemplateJob(post: Post, at: number | null): Receipt[] {
  const id = idOf(post.MsgID);
  const status = typeof post.Status === 'string' ? post.Status.trim().toLowerCase() : '';
  if (!id) return [];
  const receipt = { deliveryId: null, providerMessageId: id, at };
  if (status === 'success') return [{ ...receipt, event: 'delivered', eventKey: `${id}:success` }];
  // "failed:user block" and "failed: system failed", with and without the space.
  if (!status.startsWith('failed')) return [];
  const cause = status.includes('user block')
    ? ({ reason: 'recipient_opted_out', code: 'user_block', effect: { type: 'suppress-contact' } } as const)
    : ({ reason: 'provider_error', code: 'system_failed' } as const);
  return [{ ...receipt, event: 'failed', eventKey: `${id}:failed`, ...cause }];
}

/** https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/subscribe-message.html */
function readSent(item: Post, at: number | null): Receipt[] {
  const id = idOf(item.MsgID);
  const code = idOf(item.ErrorCode);
  if (!id || code === undefined || !/^-?\d{1,9}$/.test(code)) return [];
  const receipt = { deliveryId: null, providerMessageId: id, at, eventKey: `${id}:${code}` };
  if (code === '0') return [{ ...receipt, event: 'delivered' }];
  return [{ ...receipt, event: 'failed', ...causeOf(WECHAT_CODES.get(code), code) }];
}

/** `List`: an object or a list, in JSON as in XML; in what is named after the event, or beside it. */
function listOf(post: Post): Post[] {
  const holder = isObject(post.SubscribeMsgSentEvent) ? post.SubscribeMsgSentEvent : post;
  return [holder.List].flat().filter(isObject);
}

/**
 * What users said, and whether they follow: who no longer does can not be written to. The refusal of one template
 * (`subscribe_msg_change_event`) is none of all messages.
 */
export function readMessages(post: Post | null): InboundMessage[] {
  const from = post && idOf(post.FromUserName);
  if (!from) return [];
  if (post.MsgType === 'text' && typeof post.Content === 'string') return [{ from, text: post.Content }];
  if (post.MsgType !== 'event') return [];
  if (post.Event === 'unsubscribe') return [{ from, text: '', wish: 'stop' }];
  return post.Event === 'subscribe' ? [{ from, text: '', wish: 'start' }] : [];
}

/** Milliseconds since the epoch of `CreateTime`, seconds as a number or as text. */
function timeOf(value: unknown): number | null {
  const seconds = idOf(value);
  return seconds && /^\d{1,11}$/.test(seconds) ? Number(seconds) * 1000 : null;
}

function isObject(value: unknown): value is Post {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
