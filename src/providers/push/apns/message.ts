import { createHash } from 'node:crypto';
import { isUuid } from '../../../lib/ids.ts';
import type { Message, RequestContext } from '../../contract.ts';
import { mergePassthrough } from '../../wire/merge-passthrough.ts';

const LONGEST_COLLAPSE_ID = 64;

/** https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns */
export function buildHeaders(
  { content, priority, expiresAt }: Message,
  { deliveryId }: RequestContext,
): Record<string, string> {
  const headers: Record<string, string> = {
    'apns-push-type': content.silent ? 'background' : 'alert',
    // Apple refuses background pushes at 10.
    'apns-priority': content.silent || priority === 'low' ? '5' : '10',
    'apns-collapse-id': buildCollapseId(content.collapseKey ?? deliveryId),
    'content-type': 'application/json',
  };
  if (expiresAt !== undefined) headers['apns-expiration'] = String(Math.floor(expiresAt / 1000));
  if (isUuid(deliveryId)) headers['apns-id'] = deliveryId;
  return headers;
}

/** A header value holds neither more than 64 bytes nor anything outside ASCII. */
function buildCollapseId(key: string): string {
  if (key.length <= LONGEST_COLLAPSE_ID && /^[\x21-\x7e]+$/.test(key)) return key;
  return createHash('sha256').update(key).digest('base64url');
}

/** https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification */
export function buildPayload({ content, category }: Message): Record<string, unknown> {
  const { title, subtitle, body, badge, sound = 'default', image, url, data, silent, passthrough } = content;
  const alert = {
    alert: { title, subtitle, body },
    badge,
    sound,
    category: content.category ?? category,
    // Wakes the app's service extension, which fetches the image.
    'mutable-content': image ? 1 : undefined,
  };
  const payload = {
    ...data,
    ...(url !== undefined && { url }),
    ...(image !== undefined && { image }),
    aps: silent ? { 'content-available': 1 } : alert,
  };
  return mergePassthrough(payload, passthrough?.apns);
}
