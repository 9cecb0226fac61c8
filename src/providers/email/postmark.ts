import { randomBytes, randomUUID } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import {
  type ConfigOf,
  defineHttpProvider,
  type Fields,
  type HttpRequest,
  type HttpResponse,
  type Message,
  type RequestContext,
} from '../contract.ts';
import { json } from '../wire/json.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import { composeMail } from './mail/compose.ts';
import { formatMailbox, MAILBOX_PATTERN } from './mail/mailbox.ts';
import { outcomeOfAnswer, outcomesOfBatch } from './postmark/errors.ts';
import { isAuthentic, parseRecord } from './postmark/receipts.ts';

const DOCS = 'https://postmarkapp.com/developer/api/email-api';
const ERRORS = 'https://postmarkapp.com/developer/api/overview#error-codes';

const FIELDS = {
  serverToken: { label: 'Server API token', type: 'secret', required: true },
  from: {
    label: 'From',
    type: 'text',
    required: true,
    pattern: MAILBOX_PATTERN,
    help: 'A confirmed sender signature, or an address of a verified domain.',
  },
  replyTo: { label: 'Reply-To', type: 'text', pattern: MAILBOX_PATTERN },
  messageStream: {
    label: 'Message stream',
    type: 'text',
    default: 'outbound',
    pattern: { regex: '[a-z0-9-]{1,30}', hint: 'the id of a stream, such as outbound or broadcast' },
  },
  trackOpens: { label: 'Track opens', type: 'boolean' },
  trackLinks: {
    label: 'Track links',
    type: 'text',
    pattern: {
      regex: 'None|HtmlAndText|HtmlOnly|TextOnly',
      hint: 'None, HtmlAndText, HtmlOnly or TextOnly',
    },
  },
  webhookUsername: {
    label: 'User name of the webhook',
    type: 'text',
    default: 'postmark',
    help: 'Postmark signs nothing: it sends the name and the password of HTTP authentication.',
  },
  webhookPassword: {
    label: 'Password of the webhook',
    type: 'secret',
    help: 'Without it, or the secret, no receipt is believed.',
  },
  webhookSecret: {
    label: 'Secret of the webhook',
    type: 'secret',
    help: 'Instead of the password: the value of a custom HTTP header named X-Bellhop-Secret.',
  },
} as const satisfies Fields;

/** Postmark's e-mail API. Its batches answer each mail for itself. */
export default defineHttpProvider({
  id: 'postmark',
  channel: 'email',
  name: 'Postmark',
  docs: DOCS,
  transport: 'http',
  baseUrl: 'https://api.postmarkapp.com',
  reaches: 'contact',
  fields: FIELDS,
  // A single mail with its attachments: https://postmarkapp.com/developer/user-guide/send-email-with-api
  limits: { payloadBytes: 10_000_000, connectTimeoutMs: 5_000, deadlineMs: 60_000, maxInFlight: 500 },
  supports: { dedupeKey: false, replaces: false, receipts: true, visits: true },

  testConfig: () => ({
    serverToken: new Secret(randomUUID()),
    from: 'Bellhop <bellhop@example.com>',
    messageStream: 'outbound',
    webhookUsername: 'postmark',
    webhookPassword: new Secret(randomBytes(18).toString('base64url')),
  }),

  request(message, config, context) {
    return post(config, context, '/email', mailOf(message, config, context));
  },

  classify: (response, { now }) => outcomeOfAnswer(response, now),

  // https://postmarkapp.com/developer/api/email-api#send-batch-emails
  batch: {
    // It takes 500, whose answers would be more than is read of an answer.
    max: 150,
    inFlight: 10,
    payloadBytes: 50_000_000,
    key: () => 'mails',
    request: (parts, config) =>
      post(
        config,
        parts[0]!.context,
        '/email/batch',
        parts.map(({ message, context }) => mailOf(message, config, context)),
      ),
    classify: (response, parts, { now }) => outcomesOfBatch(response, parts.length, now),
  },

  // Anything but a 200 is repeated.
  receipts: {
    proof: 'password or header',
    verify: isAuthentic,
    parse: parseRecord,
    reply: { contentType: 'text/plain', body: 'OK' },
  },

  examples: {
    accepted: {
      reply: json(200, {
        To: 'ann@example.org',
        SubmittedAt: '2026-11-21T12:00:00.0000000-05:00',
        MessageID: 'b7bc2f4a-e38e-4336-af7d-e6c392c2f817',
        ErrorCode: 0,
        Message: 'OK',
      }),
      outcome: { kind: 'accepted', providerMessageId: 'b7bc2f4a-e38e-4336-af7d-e6c392c2f817' },
      source: DOCS,
    },
    rejected: {
      reply: refusal(422, 300, "Invalid 'To' address: 'ann@'."),
      outcome: {
        kind: 'rejected',
        reason: 'recipient_invalid',
        code: '300',
        effect: { type: 'suppress-contact' },
      },
      source: ERRORS,
    },
    inactive: {
      reply: refusal(
        422,
        406,
        'You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: ann@example.org.',
      ),
      outcome: {
        kind: 'rejected',
        reason: 'recipient_opted_out',
        code: '406',
        effect: { type: 'suppress-contact' },
      },
      source: ERRORS,
    },
    inactiveWith200: {
      reply: refusal(200, 406, 'You tried to send to recipient(s) that have been marked as inactive.'),
      outcome: { kind: 'rejected', reason: 'recipient_opted_out', code: '406' },
      source: 'https://postmarkapp.com/developer/api/email-api#send-batch-emails',
    },
    requestInvalid: {
      reply: refusal(422, 300, 'Provide either email TextBody or HtmlBody or both.'),
      outcome: { kind: 'rejected', reason: 'request_invalid', code: '300' },
      source: ERRORS,
    },
    attachmentRefused: {
      reply: refusal(422, 411, "Attachment 'a.exe' has a forbidden type."),
      outcome: { kind: 'rejected', reason: 'content_invalid', code: '411' },
      source: ERRORS,
    },
    tooLarge: {
      reply: { status: 413, headers: {}, body: '' },
      outcome: { kind: 'rejected', reason: 'content_too_large', code: '413' },
      source: 'https://postmarkapp.com/developer/api/overview#response-codes',
    },
    retry: {
      reply: { status: 429, headers: {}, body: '' },
      outcome: { kind: 'retry', reason: 'rate_limited', scope: 'connection', afterMs: 1_000 },
      source: 'https://postmarkapp.com/developer/api/overview#response-codes',
    },
    maintenance: {
      reply: refusal(503, 100, 'The Postmark API is offline for maintenance.'),
      outcome: { kind: 'retry', reason: 'provider_unavailable', code: '100' },
      source: ERRORS,
    },
    unavailable: {
      reply: refusal(401, 10, 'Request does not contain a valid Server token.'),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: '10' },
      source: ERRORS,
    },
    senderNotAllowed: {
      reply: refusal(422, 400, 'The From address is not a Sender Signature on your account.'),
      outcome: { kind: 'unavailable', reason: 'sender_not_allowed', code: '400' },
      source: ERRORS,
    },
    creditsUsed: {
      reply: refusal(422, 405, 'Not allowed to send: you have run out of credits.'),
      outcome: { kind: 'unavailable', reason: 'quota_exhausted', code: '405' },
      source: ERRORS,
    },
    accountPending: {
      reply: refusal(
        422,
        412,
        'While your account is pending approval, all recipient addresses must share the domain.',
      ),
      outcome: { kind: 'unavailable', reason: 'account_suspended', code: '412' },
      source: ERRORS,
    },
    firewall: {
      reply: { status: 403, headers: { 'content-type': 'text/html' }, body: '<html>Forbidden</html>' },
      outcome: { kind: 'unavailable', reason: 'account_misconfigured', code: '403' },
    },
    unknown: {
      reply: { status: 502, headers: {}, body: '<html>502 Bad Gateway</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

function refusal(status: number, ErrorCode: number, Message: string): HttpResponse {
  return json(status, { ErrorCode, Message });
}

type Config = ConfigOf<typeof FIELDS>;

function mailOf(message: Message, config: Config, { deliveryId }: RequestContext): Record<string, unknown> {
  const { to, subject, text, html, replyTo, headers } = composeMail(message, config);
  const body = {
    From: formatMailbox(config.from),
    To: to,
    ...(replyTo && { ReplyTo: replyTo }),
    Subject: subject,
    TextBody: text,
    HtmlBody: html,
    Headers: Object.entries(headers).map(([Name, Value]) => ({ Name, Value })),
    // Names of at most 20 characters: https://postmarkapp.com/support/article/1125-custom-metadata-faq
    Metadata: { bellhop_delivery: deliveryId },
    MessageStream: config.messageStream,
    ...(config.trackOpens !== undefined && { TrackOpens: config.trackOpens }),
    ...(config.trackLinks && { TrackLinks: config.trackLinks }),
  };
  return mergePassthrough(body, message.content.passthrough?.postmark);
}

function post({ serverToken }: Config, { baseUrl }: RequestContext, path: string, body: object): HttpRequest {
  return {
    method: 'POST',
    url: `${baseUrl}${path}`,
    headers: {
      'x-postmark-server-token': serverToken,
      'content-type': 'application/json',
      accept: 'application/json',
    },
    body: JSON.stringify(body),
  };
}
