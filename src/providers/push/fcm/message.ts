import type { Message } from '../../contract.ts';
import { mergePassthrough } from '../../wire/merge-passthrough.ts';

/** 28 days: the longest that FCM keeps a message, and what it takes when none is given. */
const LONGEST_TTL_SECONDS = 2_419_200;

/** https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages */
export function buildMessage(
  { recipient, content, priority, expiresAt }: Message,
  { now, deliveryId }: { now: number; deliveryId: string },
): Record<string, unknown> {
  const { title, body, image, icon, sound = 'default', badge, collapseKey, silent } = content;
  const ttl =
    expiresAt === undefined
      ? undefined
      : Math.min(Math.max(0, Math.floor((expiresAt - now) / 1000)), LONGEST_TTL_SECONDS);
  const notification = {
    // A repeat takes the place of the first on the screen.
    tag: collapseKey ?? deliveryId,
    sound,
    // A drawable of the app by name; the icon of other platforms is a URL.
    icon: icon?.includes(':') ? undefined : icon,
    notification_count: badge,
  };
  const message = {
    token: recipient.address,
    notification: silent ? undefined : { title, body, image },
    data: buildData(content),
    android: {
      priority: priority === 'high' ? 'HIGH' : 'NORMAL',
      ttl: ttl === undefined ? undefined : `${ttl}s`,
      // Only on request: FCM keeps four keys for a device, and lets each be repeated rarely.
      collapse_key: collapseKey,
      notification: silent ? undefined : notification,
    },
  };
  return mergePassthrough(message, content.passthrough?.fcm);
}

/** FCM takes a map of text to text. */
function buildData({ data = {}, url }: Message['content']): Record<string, string> | undefined {
  const entries = Object.entries(data)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]): [string, string] => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]);
  if (url !== undefined) entries.push(['url', url]);
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}
