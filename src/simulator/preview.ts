import { truncate } from '../lib/text.ts';
import { CHANNELS, type Channel, type Content, PLATFORMS, type Platform } from '../providers/contract.ts';

/** What our own sender tells the simulator beside the vendor's request (`x-bellhop-preview`, base64url JSON). */
export interface Preview {
  tenant: string;
  userId: string;
  notificationId: string;
  deliveryId: string;
  channel: Channel;
  provider: string;
  platform: Platform | null;
  recipient: string;
  content: Content;
}

export const PREVIEW_HEADER = 'x-bellhop-preview';
const MAX_TEXT = 256 * 1024;

/** Null when the header is absent or anything but a preview. */
export function parsePreview(header: string | undefined): Preview | null {
  if (!header) return null;
  const value = parseJson(Buffer.from(header, 'base64url').toString());
  if (!isObject(value) || !(CHANNELS as readonly unknown[]).includes(value.channel)) return null;
  return {
    tenant: textOf(value.tenant),
    userId: textOf(value.userId),
    notificationId: textOf(value.notificationId),
    deliveryId: textOf(value.deliveryId),
    channel: value.channel as Channel,
    provider: textOf(value.provider),
    platform: (PLATFORMS as readonly unknown[]).includes(value.platform)
      ? (value.platform as Platform)
      : null,
    recipient: textOf(value.recipient),
    content: parseContent(value.content),
  };
}

const TEXTS = 'title subtitle body subject text html replyTo url image icon sound collapseKey'.split(
  ' ',
) as (keyof Content)[];

function parseContent(value: unknown): Content {
  if (!isObject(value)) return {};
  const content: Record<string, unknown> = {};
  for (const name of TEXTS) if (typeof value[name] === 'string') content[name] = shorten(value[name]);
  if (typeof value.badge === 'number') content.badge = value.badge;
  if (typeof value.silent === 'boolean') content.silent = value.silent;
  if (isObject(value.data)) content.data = value.data;
  if (Array.isArray(value.actions)) {
    content.actions = value.actions.filter(isObject).map(({ id, title, url }) => ({
      id: textOf(id),
      title: textOf(title),
      ...(typeof url === 'string' && { url }),
    }));
  }
  if (Array.isArray(value.fields)) {
    content.fields = value.fields
      .filter(isObject)
      .map((field) => ({ title: textOf(field.title), value: textOf(field.value) }));
  }
  return content;
}

/** A text as the mailbox keeps it. */
export function shorten(text: string): string {
  return truncate(text, MAX_TEXT);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? truncate(value, 4096) : '';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
