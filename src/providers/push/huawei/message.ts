import type { Content, Message } from '../../contract.ts';
import { mergePassthrough } from '../../wire/merge-passthrough.ts';

/** 15 days: the longest that Huawei keeps a message. Without a time it keeps one for a day. */
const LONGEST_TTL_SECONDS = 1_296_000;

/** https://developer.huawei.com/consumer/en/doc/HMSCore-References/https-send-api-0000001050986197 */
export function buildMessage(
  { recipient, content, priority, expiresAt }: Message,
  { now, deliveryId, badgeClass }: { now: number; deliveryId: string; badgeClass?: string },
): Record<string, unknown> {
  const { title, body, image, silent } = content;
  const ttl = expiresAt === undefined ? undefined : Math.max(1, Math.floor((expiresAt - now) / 1000));
  const message = {
    data: buildData(content),
    notification: silent ? undefined : { title, body, image },
    android: {
      urgency: priority === 'high' ? 'HIGH' : 'NORMAL',
      ttl: ttl === undefined ? undefined : `${Math.min(ttl, LONGEST_TTL_SECONDS)}s`,
      // Comes back with the receipt.
      bi_tag: deliveryId,
      notification: silent ? undefined : buildNotification(content, { deliveryId, badgeClass }),
    },
    token: [recipient.address],
  };
  return mergePassthrough(message, content.passthrough?.huawei);
}

/** `collapse_key` is one of a hundred numbers, which other messages would share; the tag is text. */
function buildNotification(
  { icon, sound, badge, url, collapseKey }: Content,
  { deliveryId, badgeClass }: { deliveryId: string; badgeClass?: string },
): object {
  return {
    // A repeat takes the place of the first on the screen.
    tag: collapseKey ?? deliveryId,
    // A resource of the app by name; the icon of other platforms is a URL.
    icon: icon?.includes(':') ? undefined : icon,
    sound,
    badge: badge === undefined ? undefined : { set_num: badge, class: badgeClass },
    click_action: buildClick(url),
  };
}

/** Required: 1 an intent or a deep link of the app, 2 a web page, 3 the app as it opens. */
function buildClick(url: string | undefined): object {
  if (url === undefined) return { type: 3 };
  return /^https:\/\//i.test(url) ? { type: 2, url } : { type: 1, intent: url };
}

/** One text for the app: the values as JSON. */
function buildData({ data, url }: Content): string | undefined {
  const values = { ...data, ...(url !== undefined && { url }) };
  return Object.keys(values).length > 0 ? JSON.stringify(values) : undefined;
}
