import { createHash } from 'node:crypto';
import type { Message, Recipient, RequestContext } from '../../contract.ts';
import { mergePassthrough } from '../../wire/merge-passthrough.ts';
import type { SubscriptionKeys } from './encryption.ts';

/** 4 weeks, what libraries ask for; services take up to 30 days. */
const LONGEST_TTL_SECONDS = 2_419_200;
const TOPIC_CHARACTERS = 32;
/** Bytes; to be tracked must never be what makes a message too large. */
const MOST_WITH_BEACON = 2_048;

/** https://www.rfc-editor.org/rfc/rfc8030#section-5.2 and what follows it. */
export function buildHeaders(
  { recipient, content, priority, expiresAt }: Message,
  { now, deliveryId }: RequestContext,
): Record<string, string> {
  const seconds = expiresAt === undefined ? LONGEST_TTL_SECONDS : Math.floor((expiresAt - now) / 1000);
  const headers: Record<string, string> = {
    ttl: String(Math.min(Math.max(0, seconds), LONGEST_TTL_SECONDS)),
    // Our three priorities are three of its four urgencies.
    urgency: priority,
  };
  // Google takes a topic for a collapse key: it keeps four for a device and limits how often they come, so there the
  // tag alone makes a repeat replace the first.
  const key = content.collapseKey ?? (isGoogle(recipient.address) ? undefined : deliveryId);
  if (key !== undefined) headers.topic = buildTopic(key);
  return headers;
}

/** 32 characters of base64url: the most that is allowed, and Apple wants a length that decodes. */
function buildTopic(key: string): string {
  return createHash('sha256').update(key).digest('base64url').slice(0, TOPIC_CHARACTERS);
}

function isGoogle(endpoint: string): boolean {
  return URL.parse(endpoint)?.hostname === 'fcm.googleapis.com';
}

/** What the site's service worker gets: there is no standard for it. */
export function buildPayload({ content, beacon }: Message, deliveryId: string): Uint8Array {
  const { title, body, icon, image, url, badge, actions, data, collapseKey, silent, passthrough } = content;
  const tag = collapseKey ?? deliveryId;
  const payload = silent ? { data } : { title, body, icon, image, url, badge, tag, actions, data };
  const write = (more: object) =>
    Buffer.from(JSON.stringify({ ...mergePassthrough(payload, passthrough?.webpush), ...more }));
  if (silent || !beacon) return write({});
  const tracked = write({ beacon });
  return tracked.length > MOST_WITH_BEACON ? write({}) : tracked;
}

/** The subscription's keys, or null when they are missing or malformed. */
export function parseKeys({ keys }: Recipient): SubscriptionKeys | null {
  const p256dh = Buffer.from(keys?.p256dh ?? '', 'base64url');
  const auth = Buffer.from(keys?.auth ?? '', 'base64url');
  return p256dh.length === 65 && p256dh[0] === 4 && auth.length === 16 ? { p256dh, auth } : null;
}
