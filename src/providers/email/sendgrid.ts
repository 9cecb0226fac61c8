import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { Secret, secret } from '../../lib/secret.ts';
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
import { MAILBOX_PATTERN, parseMailbox } from './mail/mailbox.ts';
import { outcomeOfAnswer, outcomesOfBatch } from './sendgrid/errors.ts';
import { isSigned, parseEvents } from './sendgrid/receipts.ts';

const DOCS = 'https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send';
const ERRORS = 'https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors';

/** Refused by SendGrid besides those that it writes itself: the page of mail-send, "headers". */
const RESERVED_HEADER = /^x-sg-e?id$/i;

const FIELDS = {
  apiKey: {
    label: 'API key',
    type: 'secret',
    required: true,
    help: 'With the permission Mail Send. A subuser in the EU also sets the base URL https://api.eu.sendgrid.com.',
  },
  from: {
    label: 'From',
    type: 'text',
    required: true,
    pattern: MAILBOX_PATTERN,
    help: 'A verified sender, or an address of an authenticated domain.',
  },
  replyTo: { label: 'Reply-To', type: 'text', pattern: MAILBOX_PATTERN },
  webhookPublicKey: {
    label: 'Verification key of the event webhook',
    type: 'text',
    pattern: { regex: '[A-Za-z0-9+/]{80,}={0,2}', hint: 'the base64 text that SendGrid shows' },
    help: 'Shown where Signed Event Webhook is switched on. Without it no receipt is believed.',
  },
  ipPool: { label: 'IP pool', type: 'text' },
  unsubscribeGroup: { label: 'Unsubscribe group', type: 'number', help: 'The id of an ASM group.' },
  sandbox: {
    label: 'Sandbox mode',
    type: 'boolean',
    help: 'SendGrid checks the request, and sends nothing.',
  },
} as const satisfies Fields;

/** Twilio SendGrid's Mail Send API v3. */
export default defineHttpProvider({
  id: 'sendgrid',
  channel: 'email',
  name: 'SendGrid',
  docs: DOCS,
  transport: 'http',
  baseUrl: 'https://api.sendgrid.com',
  reaches: 'contact',
  fields: FIELDS,
  // 30 MB with all attachments: the page of mail-send, "Limitations".
  limits: { payloadBytes: 30_000_000, connectTimeoutMs: 5_000, deadlineMs: 30_000, maxInFlight: 1_000 },
  supports: { dedupeKey: false, replaces: false, receipts: true, visits: true },

  testConfig: () => ({
    apiKey: new Secret(
      `SG.${randomBytes(16).toString('base64url')}.${randomBytes(32).toString('base64url')}`,
    ),
    from: 'Bellhop <bellhop@example.com>',
    webhookPublicKey: generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
      .publicKey.export({ type: 'spki', format: 'der' })
      .toString('base64'),
  }),

  request(message, config, context) {
    const { custom_args, to, headers } = personalize(message, context);
    const body = { personalizations: [{ to, custom_args }], ...mailOf(message, config), headers };
    return post(config, context, mergePassthrough(body, message.content.passthrough?.sendgrid));
  },

  classify: (response, { now }) => outcomeOfAnswer(response, now),

  // One mail to many: what differs is who gets it, and the headers.
  batch: {
    max: 1_000,
    inFlight: 20,
    payloadBytes: 30_000_000,
    key({ content }) {
      const { headers: _headers, passthrough, ...shared } = content;
      if (passthrough?.sendgrid) return null;
      return createHash('sha256').update(JSON.stringify(shared)).digest('base64');
    },
    request: (parts, config) =>
      post(config, parts[0]!.context, {
        personalizations: parts.map(({ message, context }) => personalize(message, context)),
        ...mailOf(parts[0]!.message, config),
      }),
    classify: outcomesOfBatch,
  },

  receipts: { proof: 'ECDSA of the body', verify: isSigned, parse: parseEvents },

  examples: {
    accepted: {
      reply: { status: 202, headers: { 'x-message-id': '14c5d75ce93dfd42a8f1b6' }, body: '' },
      outcome: { kind: 'accepted', providerMessageId: '14c5d75ce93dfd42a8f1b6' },
      source: DOCS,
    },
    sandbox: {
      reply: { status: 200, headers: {}, body: '' },
      outcome: { kind: 'accepted', providerMessageId: null },
      source: 'https://www.twilio.com/docs/sendgrid/for-developers/sending-email/sandbox-mode',
    },
    rejected: {
      reply: refusal(400, 'Does not contain a valid address.', 'personalizations.0.to.0.email'),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', effect: { type: 'suppress-contact' } },
      source: ERRORS,
    },
    contentInvalid: {
      reply: refusal(
        400,
        'The content value must be a string at least one character in length.',
        'content.0.value',
      ),
      outcome: { kind: 'rejected', reason: 'content_invalid', code: '400', effect: undefined },
      source: ERRORS,
    },
    requestInvalid: {
      reply: refusal(400, 'The send_at parameter is not valid.', 'send_at'),
      outcome: { kind: 'rejected', reason: 'request_invalid' },
      source: ERRORS,
    },
    notAcceptable: {
      reply: refusal(406, 'Missing Accept header.'),
      outcome: { kind: 'rejected', reason: 'request_invalid', code: '406' },
      source: ERRORS,
    },
    tooLarge: {
      reply: {
        status: 413,
        headers: {},
        body: '<html><head><title>413 Request Entity Too Large</title></head></html>',
      },
      outcome: { kind: 'rejected', reason: 'content_too_large', code: '413' },
      source: ERRORS,
    },
    retry: {
      reply: refusal(429, 'too many requests'),
      outcome: { kind: 'retry', reason: 'rate_limited', scope: 'connection', afterMs: 1_000 },
      source: ERRORS,
    },
    serverError: {
      reply: refusal(500, 'internal server error'),
      outcome: { kind: 'retry', reason: 'provider_error', code: '500' },
      source: ERRORS,
    },
    down: {
      reply: { status: 503, headers: { 'retry-after': '30' }, body: '' },
      outcome: { kind: 'retry', reason: 'provider_unavailable', afterMs: 30_000 },
      source: ERRORS,
    },
    unavailable: {
      reply: refusal(401, 'The provided authorization grant is invalid, expired, or revoked'),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: '401' },
      source: ERRORS,
    },
    creditsUsed: {
      reply: refusal(401, 'Maximum credits exceeded'),
      outcome: { kind: 'unavailable', reason: 'quota_exhausted' },
      source: ERRORS,
    },
    senderNotAllowed: {
      reply: refusal(
        403,
        'The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved.',
        'from',
      ),
      outcome: { kind: 'unavailable', reason: 'sender_not_allowed' },
      source: ERRORS,
    },
    scopeMissing: {
      reply: refusal(403, 'access forbidden'),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured', code: '403' },
      source: ERRORS,
    },
    unknown: {
      reply: { status: 504, headers: {}, body: '<html>504 Gateway Time-out</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

function refusal(status: number, message: string, field: string | null = null): HttpResponse {
  return json(status, { errors: [{ message, field, help: null }] });
}

type Config = ConfigOf<typeof FIELDS>;

/** What is one recipient's own. */
function personalize(message: Message, { deliveryId }: RequestContext) {
  const { to, headers } = composeMail(message);
  return {
    to: [{ email: to }],
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !RESERVED_HEADER.test(name))),
    // Flat in every event, which is how a receipt finds its delivery.
    custom_args: { bellhop_delivery: deliveryId },
  };
}

/** What is the same for all recipients of a mail. */
function mailOf(message: Message, config: Config): Record<string, unknown> {
  const { subject, text, html, replyTo } = composeMail(message, config);
  return {
    from: parseMailbox(config.from),
    ...(replyTo && { reply_to: parseMailbox(replyTo) }),
    subject,
    // In this order: SendGrid wants text/plain first, and refuses an empty part.
    content: [
      { type: 'text/plain', value: text || ' ' },
      { type: 'text/html', value: html || ' ' },
    ],
    ...(config.ipPool && { ip_pool_name: config.ipPool }),
    ...(config.unsubscribeGroup !== undefined && { asm: { group_id: config.unsubscribeGroup } }),
    ...(config.sandbox && { mail_settings: { sandbox_mode: { enable: true } } }),
  };
}

function post({ apiKey }: Config, { baseUrl }: RequestContext, body: object): HttpRequest {
  return {
    method: 'POST',
    url: `${baseUrl}/v3/mail/send`,
    headers: {
      authorization: secret`Bearer ${apiKey}`,
      'content-type': 'application/json',
      accept: 'application/json',
    },
    body: JSON.stringify(body),
  };
}
