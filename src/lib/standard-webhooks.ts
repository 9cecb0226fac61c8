import { createHmac, randomBytes } from 'node:crypto';
import type { Secret } from './secret.ts';

/**
 * The headers of a Standard Webhooks request: https://github.com/standard-webhooks/standard-webhooks. `id` stays the
 * same over all attempts and must not contain a full stop. Each secret (`whsec_` and base64) adds a signature, so that
 * a receiver can change over from one to the next. `now` in milliseconds since the epoch.
 */
export function signWebhook(
  { id, body, now }: { id: string; body: string; now: number },
  secrets: Secret[],
): Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string> {
  const timestamp = String(Math.floor(now / 1000));
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.reveal().replace(/^whsec_/, ''), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}

/** Between 24 and 64 bytes: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
const SECRET_BYTES = { min: 24, max: 64, ours: 32 };

export function makeWebhookSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES.ours).toString('base64')}`;
}

/** The rule that a secret (`whsec_` and base64) breaks, or null. */
export function checkWebhookSecret(secret: string): string | null {
  const { length } = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const { min, max } = SECRET_BYTES;
  return length < min || length > max ? `must hold ${min} to ${max} bytes` : null;
}
