import { randomBytes } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import { accepted, defineHttpProvider, type HttpResponse } from '../contract.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import { withDetails } from '../wire/with-details.ts';
import { cardOf } from './card/card.ts';
import { ownUrl } from './own-url/own-url.ts';
import { buildMessage } from './slack/blocks.ts';
import { judgeWebhook } from './slack/errors.ts';

const REFERENCE = 'https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks';
const BASE_URL = 'https://hooks.slack.com';

/** An incoming webhook of Slack: one channel, which was chosen when the webhook was made. */
export default defineHttpProvider({
  id: 'slack-webhook',
  channel: 'chat',
  name: 'Slack webhook',
  docs: REFERENCE,
  transport: 'http',
  baseUrl: BASE_URL,
  reaches: 'connection',
  testDefault: true,
  fields: {
    url: {
      label: 'Webhook URL',
      type: 'secret',
      required: true,
      pattern: {
        regex: 'https://hooks\\.slack(-gov)?\\.com/services/[A-Za-z0-9/]+',
        hint: 'the address that Slack shows: https://hooks.slack.com/services/T…/B…/…',
      },
    },
  },
  // About one message a second: https://docs.slack.dev/apis/web-api/rate-limits
  limits: { ratePerSecond: 1, connectTimeoutMs: 5_000, deadlineMs: 30_000, maxInFlight: 2 },
  supports: { dedupeKey: false, replaces: false, receipts: false },

  testConfig: () => ({
    url: new Secret(`${BASE_URL}/services/T00000000/B00000000/${randomBytes(12).toString('hex')}`),
  }),

  request({ content }, { url }, { baseUrl }) {
    const body = mergePassthrough(buildMessage(cardOf(content)), content.passthrough?.['slack-webhook']);
    return {
      method: 'POST',
      url: ownUrl(url, { baseUrl, vendorUrl: BASE_URL }),
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify(body),
    };
  },

  classify(response, { now }) {
    const { status, headers, body } = response;
    if (status === 200 && body.trim() === 'ok') return accepted(null);
    const { outcome, code } = judgeWebhook(response);
    return withDetails(outcome, { code, headers, now });
  },

  examples: {
    accepted: {
      reply: text(200, 'ok'),
      outcome: { kind: 'accepted', providerMessageId: null },
      source: REFERENCE,
    },
    rejected: {
      reply: text(400, 'invalid_blocks'),
      outcome: { kind: 'rejected', reason: 'content_invalid', code: 'invalid_blocks' },
      source: REFERENCE,
    },
    retry: {
      reply: { ...text(429, 'rate_limited'), headers: { 'retry-after': '30' } },
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 30_000, scope: 'connection' },
      source: 'https://docs.slack.dev/apis/web-api/rate-limits',
    },
    rollup: {
      reply: text(500, 'rollup_error'),
      outcome: { kind: 'retry', reason: 'provider_error', code: 'rollup_error' },
      source: REFERENCE,
    },
    unavailable: {
      reply: text(404, 'no_service'),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured', code: 'no_service' },
      source: REFERENCE,
    },
    archived: {
      reply: text(410, 'channel_is_archived'),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured' },
      source: REFERENCE,
    },
    revoked: {
      reply: text(403, 'invalid_token'),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid' },
      source: REFERENCE,
    },
    unknown: {
      reply: text(502, '<html>Bad Gateway</html>'),
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

function text(status: number, body: string): HttpResponse {
  return { status, headers: { 'content-type': 'text/html' }, body };
}
