import { randomBytes } from 'node:crypto';
import { isUuid, uuidv7Time } from '../../lib/ids.ts';
import { MaskedUrl, Secret } from '../../lib/secret.ts';
import { signWebhook } from '../../lib/standard-webhooks.ts';
import {
  accepted,
  defineHttpProvider,
  type HttpResponse,
  type Message,
  type Outcome,
  parseRetryAfter,
  rejected,
  retry,
  unavailable,
} from '../contract.ts';

const SPECIFICATION =
  'https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md';

const signingSecret = {
  regex: 'whsec_[A-Za-z0-9+/]{32,88}={0,2}',
  hint: 'whsec_ and 24 to 64 random bytes in base64',
};

/** A signed POST to the receiver's own endpoint, by Standard Webhooks 1.0.0. */
export default defineHttpProvider({
  id: 'webhook',
  channel: 'webhook',
  name: 'Webhook',
  docs: SPECIFICATION,
  transport: 'http',
  baseUrl: 'https://webhook.example.com',
  reaches: 'connection',
  testDefault: true,
  fields: {
    url: { label: 'URL', type: 'url', required: true },
    secret: { label: 'Signing secret', type: 'secret', required: true, pattern: signingSecret },
    secondarySecret: {
      label: 'Secondary signing secret',
      type: 'secret',
      pattern: signingSecret,
      help: 'While set, every request carries a signature of each secret, so that receivers can change over.',
    },
  },
  limits: { connectTimeoutMs: 5_000, deadlineMs: 20_000, maxInFlight: 10 },
  // `webhook-id` stays the same over all attempts: it is the receiver's idempotency key.
  supports: { dedupeKey: true, replaces: false, receipts: false },

  testConfig: () => ({
    url: 'https://webhook.example.com/hook',
    secret: new Secret(`whsec_${randomBytes(24).toString('base64')}`),
  }),

  request(message, { url, secret, secondarySecret }, { deliveryId, now }) {
    const target = message.recipient.address || url;
    const body = JSON.stringify(buildPayload(message, isUuid(deliveryId) ? uuidv7Time(deliveryId) : now));
    const secrets = secondarySecret ? [secret, secondarySecret] : [secret];
    return {
      method: 'POST',
      // Receivers like to put a key into the path or the query.
      url: new MaskedUrl(target, `${URL.parse(target)?.origin ?? ''}/***`),
      headers: { 'content-type': 'application/json', ...signWebhook({ id: deliveryId, body, now }, secrets) },
      body,
    };
  },

  classify({ status, headers }, { now }) {
    const code = String(status);
    if (status >= 200 && status < 300) return accepted(null);
    const outcome = OUTCOMES[status] ?? byDefault(status);
    const afterMs = parseRetryAfter(headers['retry-after'], now);
    if (outcome.kind === 'retry') return { ...outcome, code, ...(afterMs !== undefined && { afterMs }) };
    return outcome.kind === 'accepted' ? outcome : { ...outcome, code };
  },

  examples: {
    accepted: {
      reply: reply(204),
      outcome: { kind: 'accepted', providerMessageId: null },
      source: SPECIFICATION,
    },
    rejected: { reply: reply(413), outcome: { kind: 'rejected', reason: 'content_too_large' } },
    retry: {
      reply: reply(500, 'Internal Server Error'),
      outcome: { kind: 'retry', reason: 'provider_error' },
    },
    moved: {
      reply: reply(301, '', { location: 'https://elsewhere.example.com/' }),
      outcome: { kind: 'retry', reason: 'account_misconfigured' },
      source: SPECIFICATION,
    },
    throttled: {
      reply: reply(429, '', { 'retry-after': '30' }),
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 30_000, scope: 'connection' },
      source: SPECIFICATION,
    },
    overloaded: {
      reply: reply(502),
      outcome: { kind: 'retry', reason: 'provider_unavailable', scope: 'connection' },
      source: SPECIFICATION,
    },
    unavailable: {
      reply: reply(410),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured', code: '410' },
      source: SPECIFICATION,
    },
    signatureRefused: { reply: reply(401), outcome: { kind: 'retry', reason: 'credentials_invalid' } },
  },
});

/** `occurredAt` in milliseconds: the delivery's own time, so that a later attempt carries the same payload. */
function buildPayload({ userId, category, priority, content }: Message, occurredAt: number): object {
  const { title, subtitle, body, url, image, icon, actions, collapseKey, data, passthrough } = content;
  return {
    type: 'notification.message',
    timestamp: new Date(occurredAt).toISOString(),
    data: { userId, category, priority, title, subtitle, body, url, image, icon, actions, collapseKey, data },
    ...passthrough?.webhook,
  };
}

/** Anything but 2xx is a failure to try again, and trying again is safe; only 410 asks to stop altogether. */
const OUTCOMES: Record<number, Outcome> = {
  401: retry('credentials_invalid'),
  403: retry('credentials_invalid'),
  404: retry('account_misconfigured'),
  405: retry('account_misconfigured'),
  408: retry('timeout'),
  410: unavailable('account_misconfigured'),
  // The payload does not shrink by waiting.
  413: rejected('content_too_large'),
  422: retry('content_invalid'),
  429: retry('rate_limited', { scope: 'connection' }),
  502: retry('provider_unavailable', { scope: 'connection' }),
  503: retry('provider_unavailable', { scope: 'connection' }),
  504: retry('provider_unavailable', { scope: 'connection' }),
};

function byDefault(status: number): Outcome {
  if (status < 200) return retry('response_unreadable');
  // Redirects are not followed: the URL has to be put right, which may happen while the schedule runs.
  if (status < 400) return retry('account_misconfigured');
  return status < 500 ? retry('request_invalid') : retry('provider_error');
}

function reply(status: number, body = '', headers: Record<string, string> = {}): HttpResponse {
  return { status, headers, body };
}
