import { randomBytes } from 'node:crypto';
import { Secret, secret } from '../../lib/secret.ts';
import { defineHttpProvider, type HttpResponse } from '../contract.ts';
import { json } from '../wire/json.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import { composeMail } from './mail/compose.ts';
import { formatMailbox, MAILBOX_PATTERN } from './mail/mailbox.ts';
import { outcomeOfAnswer } from './resend/errors.ts';
import { isSigned, parseEvent } from './resend/receipts.ts';

const DOCS = 'https://resend.com/docs/api-reference/emails/send-email';
const ERRORS = 'https://resend.com/docs/api-reference/errors';

/** Resend's e-mail API. */
export default defineHttpProvider({
  id: 'resend',
  channel: 'email',
  name: 'Resend',
  docs: DOCS,
  transport: 'http',
  baseUrl: 'https://api.resend.com',
  reaches: 'contact',
  fields: {
    apiKey: { label: 'API key', type: 'secret', required: true, help: 'With sending access.' },
    from: {
      label: 'From',
      type: 'text',
      required: true,
      pattern: MAILBOX_PATTERN,
      help: 'An address of a verified domain.',
    },
    replyTo: { label: 'Reply-To', type: 'text', pattern: MAILBOX_PATTERN },
    topicId: {
      label: 'Topic',
      type: 'text',
      help: 'The id of a topic whose subscribers alone get the mails.',
    },
    webhookSecret: {
      label: 'Signing secret of the webhook',
      type: 'secret',
      pattern: { regex: 'whsec_[A-Za-z0-9+/]+={0,2}', hint: 'whsec_ and base64' },
      help: 'Without it no receipt is believed.',
    },
    secondaryWebhookSecret: {
      label: 'Former signing secret',
      type: 'secret',
      pattern: { regex: 'whsec_[A-Za-z0-9+/]+={0,2}', hint: 'whsec_ and base64' },
      help: 'Accepted on receipts too: for rotation.',
    },
  },
  // 40 MB of mail after encoding; 10 requests a second for a team, whose headers and 429s steer.
  limits: { payloadBytes: 40_000_000, connectTimeoutMs: 5_000, deadlineMs: 30_000, maxInFlight: 10 },
  // https://resend.com/docs/dashboard/emails/idempotency-keys: kept for 24 hours.
  supports: { dedupeKey: true, replaces: false, receipts: true, visits: true },

  testConfig: () => ({
    apiKey: new Secret(`re_${randomBytes(18).toString('base64url')}`),
    from: 'Bellhop <onboarding@resend.dev>',
    webhookSecret: new Secret(`whsec_${randomBytes(24).toString('base64')}`),
  }),

  request(message, config, { baseUrl, deliveryId }) {
    const { to, subject, text, html, replyTo, headers } = composeMail(message, config);
    const body = {
      from: formatMailbox(config.from),
      to: [to],
      ...(replyTo && { reply_to: replyTo }),
      subject,
      text,
      html,
      headers,
      // Values of ASCII letters, digits, `_` and `-`, which an id of ours is.
      tags: [{ name: 'bellhop_delivery', value: deliveryId }],
      ...(config.topicId && { topic_id: config.topicId }),
    };
    return {
      method: 'POST',
      url: `${baseUrl}/emails`,
      headers: {
        authorization: secret`Bearer ${config.apiKey}`,
        'content-type': 'application/json',
        accept: 'application/json',
        'idempotency-key': deliveryId,
        // Refused at the edge without one: https://resend.com/docs/knowledge-base/403-error-1010
        'user-agent': 'bellhop',
      },
      body: JSON.stringify(mergePassthrough(body, message.content.passthrough?.resend)),
    };
  },

  classify: (response, { now }) => outcomeOfAnswer(response, now),

  receipts: { proof: 'HMAC-SHA256 of the body', verify: isSigned, parse: parseEvent },

  examples: {
    accepted: {
      reply: json(200, { id: '49a3999c-0ce1-4ea6-ab68-afcd6dc2e794' }),
      outcome: { kind: 'accepted', providerMessageId: '49a3999c-0ce1-4ea6-ab68-afcd6dc2e794' },
      source: DOCS,
    },
    rejected: {
      reply: refusal(
        400,
        'validation_error',
        'Invalid `to` field. The email address needs to follow the `email@example.com` or `Name <email@example.com>` format.',
      ),
      outcome: {
        kind: 'rejected',
        reason: 'recipient_invalid',
        code: 'validation_error',
        effect: { type: 'suppress-contact' },
      },
      source: ERRORS,
    },
    requestInvalid: {
      reply: refusal(422, 'missing_required_field', 'Missing `subject` field.'),
      outcome: { kind: 'rejected', reason: 'request_invalid', code: 'missing_required_field' },
      source: ERRORS,
    },
    attachmentInvalid: {
      reply: refusal(422, 'invalid_attachment', 'Attachment must have either a `content` or `path`.'),
      outcome: { kind: 'rejected', reason: 'content_invalid' },
      source: ERRORS,
    },
    otherBody: {
      reply: refusal(
        409,
        'invalid_idempotent_request',
        'Same idempotency key used with a different payload.',
      ),
      outcome: { kind: 'rejected', reason: 'request_invalid', code: 'invalid_idempotent_request' },
      source: ERRORS,
    },
    underWay: {
      reply: refusal(409, 'concurrent_idempotent_requests', 'The original request is still in progress.'),
      outcome: { kind: 'retry', reason: 'provider_unavailable', scope: 'message', afterMs: 2_000 },
      source: ERRORS,
    },
    retry: {
      reply: refusal(429, 'rate_limit_exceeded', 'Too many requests.', { 'retry-after': '3' }),
      outcome: { kind: 'retry', reason: 'rate_limited', scope: 'connection', afterMs: 3_000 },
      source: 'https://resend.com/docs/api-reference/rate-limit',
    },
    serverError: {
      reply: refusal(500, 'internal_server_error', 'An unexpected error occurred.'),
      outcome: { kind: 'retry', reason: 'provider_error' },
      source: ERRORS,
    },
    down: {
      reply: refusal(503, 'service_unavailable', 'Service unavailable.'),
      outcome: { kind: 'retry', reason: 'provider_unavailable' },
      source: ERRORS,
    },
    gateway: {
      reply: { status: 504, headers: {}, body: '<html>504 Gateway Time-out</html>' },
      outcome: { kind: 'retry', reason: 'provider_error' },
    },
    unavailable: {
      reply: refusal(401, 'missing_api_key', 'Missing API key in the authorization header.'),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: 'missing_api_key' },
      source: ERRORS,
    },
    domainNotVerified: {
      reply: refusal(
        403,
        'validation_error',
        'The example.com domain is not verified. Please, add and verify your domain.',
      ),
      outcome: { kind: 'unavailable', reason: 'sender_not_allowed' },
      source: ERRORS,
    },
    testMode: {
      reply: refusal(
        403,
        'validation_error',
        'You can only send testing emails to your own email address (you@example.com).',
      ),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured' },
      source: ERRORS,
    },
    quotaUsed: {
      reply: refusal(429, 'daily_quota_exceeded', 'You have reached your daily email sending quota.'),
      outcome: { kind: 'unavailable', reason: 'quota_exhausted', afterMs: 3_600_000 },
      source: ERRORS,
    },
    unknown: {
      reply: { status: 200, headers: {}, body: '' },
      outcome: { kind: 'unknown', reason: 'response_unreadable' },
    },
  },
});

/** https://resend.com/docs/api-reference/errors */
function refusal(
  statusCode: number,
  name: string,
  message: string,
  headers: Record<string, string> = {},
): HttpResponse {
  return json(statusCode, { statusCode, name, message }, headers);
}
