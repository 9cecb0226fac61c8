import { createHmac } from 'node:crypto';
import type { Secret } from '../../../lib/secret.ts';
import { type InboundMessage, parseObject, type ReceiptRequest } from '../../contract.ts';
import { isEqual } from '../../wire/equal.ts';

/** https://docs.slack.dev/authentication/verifying-requests-from-slack */
const TOLERANCE_MS = 5 * 60_000;

/** `X-Slack-Signature`: `v0=` and the HMAC-SHA256 of version, time and raw body. */
export function isSigned({ headers, body }: ReceiptRequest, signingSecret: Secret, now: number): boolean {
  const seconds = headers['x-slack-request-timestamp'] ?? '';
  if (!/^\d{1,12}$/.test(seconds) || Math.abs(now - Number(seconds) * 1_000) > TOLERANCE_MS) return false;
  const mac = createHmac('sha256', signingSecret.reveal())
    .update(`v0:${seconds}:`)
    .update(body)
    .digest('hex');
  return isEqual(headers['x-slack-signature'] ?? '', `v0=${mac}`);
}

/** The challenge with which Slack tries out an address: https://docs.slack.dev/reference/events/url_verification */
export function answerChallenge({ body }: ReceiptRequest): { contentType: string; body: string } | null {
  const post = parseObject(Buffer.from(body).toString());
  return post?.type === 'url_verification' && typeof post.challenge === 'string'
    ? { contentType: 'text/plain', body: post.challenge }
    : null;
}

/** What a person wrote to the bot itself: https://docs.slack.dev/reference/events/message.im */
export function parseEvent({ body }: ReceiptRequest): InboundMessage[] {
  const post = parseObject(Buffer.from(body).toString());
  const event = post?.type === 'event_callback' ? (post.event as Record<string, unknown> | null) : null;
  if (event?.type !== 'message' || event.channel_type !== 'im') return [];
  // Edits, deletions, and what bots wrote, ours too.
  if (event.subtype !== undefined || event.bot_id !== undefined) return [];
  const { user, text } = event;
  return typeof user === 'string' && user && typeof text === 'string' ? [{ from: user, text }] : [];
}
