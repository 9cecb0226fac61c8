import { randomBytes } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import { defineHttpProvider, type HttpResponse, type Message, type RequestContext } from '../contract.ts';
import { json } from '../wire/json.ts';
import { composeMail } from './mail/compose.ts';
import { formatMailbox, MAILBOX_PATTERN } from './mail/mailbox.ts';
import { outcomeOfAnswer } from './mailgun/errors.ts';
import { parseEvent } from './mailgun/events.ts';
import { isSigned } from './mailgun/signature.ts';

const DOCS = 'https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages';
const ERRORS = 'https://documentation.mailgun.com/docs/mailgun/api-reference/mg-errors';
const BASE_URL = 'https://api.mailgun.net';
const EU_BASE_URL = 'https://api.eu.mailgun.net';

/** Mailgun's messages API v3. */
export default defineHttpProvider({
  id: 'mailgun',
  channel: 'email',
  name: 'Mailgun',
  docs: DOCS,
  transport: 'http',
  baseUrl: BASE_URL,
  reaches: 'contact',
  fields: {
    apiKey: {
      label: 'API key',
      type: 'secret',
      required: true,
      help: 'Of the account, or the sending key of the domain.',
    },
    domain: {
      label: 'Sending domain',
      type: 'text',
      required: true,
      pattern: { regex: '[A-Za-z0-9.-]{1,253}', hint: 'a domain name such as mg.example.com' },
    },
    region: {
      label: 'Region',
      type: 'text',
      default: 'us',
      pattern: { regex: 'us|eu', hint: 'us or eu' },
      help: 'Where the domain was made. A domain of the other region is not found.',
    },
    from: { label: 'From', type: 'text', required: true, pattern: MAILBOX_PATTERN },
    replyTo: { label: 'Reply-To', type: 'text', pattern: MAILBOX_PATTERN },
    webhookSigningKey: {
      label: 'Webhook signing key',
      type: 'secret',
      help: 'Not the API key. Without it no receipt is believed.',
    },
    requireTls: { label: 'Require TLS', type: 'boolean', help: 'Mail servers without it get nothing.' },
    tracking: { label: 'Track opens and clicks', type: 'boolean' },
    testMode: {
      label: 'Test mode',
      type: 'boolean',
      help: 'Mailgun accepts (and charges) the mails, and delivers none.',
    },
  },
  // https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages
  limits: { payloadBytes: 25_000_000, connectTimeoutMs: 5_000, deadlineMs: 30_000, maxInFlight: 25 },
  supports: { dedupeKey: false, replaces: false, receipts: true, visits: true },

  testConfig: () => ({
    apiKey: new Secret(`key-${randomBytes(16).toString('hex')}`),
    domain: 'mg.example.com',
    region: 'us',
    from: 'Bellhop <bellhop@mg.example.com>',
    webhookSigningKey: new Secret(randomBytes(16).toString('hex')),
  }),

  request(message, config, context) {
    const { baseUrl } = context;
    const host = config.region === 'eu' && baseUrl === BASE_URL ? EU_BASE_URL : baseUrl;
    return {
      method: 'POST',
      url: `${host}/v3/${encodeURIComponent(config.domain)}/messages`,
      headers: {
        authorization: new Secret(`Basic ${btoa(`api:${config.apiKey.reveal()}`)}`),
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
      },
      body: buildForm(message, config, context).toString(),
    };
  },

  classify: (response, { now }) => outcomeOfAnswer(response, now),

  // Anything but a 200 is repeated, and a 406 never again.
  receipts: {
    proof: 'HMAC-SHA256 of time and token',
    verify: isSigned,
    parse: parseEvent,
    reply: { contentType: 'text/plain', body: 'OK' },
  },

  examples: {
    accepted: {
      reply: json(200, {
        id: '<20261121120000.1.5F1E0D2C3B4A5968@mg.example.com>',
        message: 'Queued. Thank you.',
      }),
      outcome: {
        kind: 'accepted',
        providerMessageId: '20261121120000.1.5F1E0D2C3B4A5968@mg.example.com',
      },
      source: DOCS,
    },
    rejected: {
      reply: refusal(400, "'to' parameter is not a valid address. please check documentation"),
      outcome: {
        kind: 'rejected',
        reason: 'recipient_invalid',
        code: '400',
        effect: { type: 'suppress-contact' },
      },
      source: ERRORS,
    },
    requestInvalid: {
      reply: refusal(400, "Need at least one of 'text', 'html' or 'template' parameters specified"),
      outcome: { kind: 'rejected', reason: 'request_invalid', code: '400' },
      source: ERRORS,
    },
    tooLarge: {
      reply: { status: 413, headers: {}, body: 'Request Entity Too Large' },
      outcome: { kind: 'rejected', reason: 'content_too_large' },
      source: ERRORS,
    },
    limitExceeded: {
      reply: refusal(
        429,
        'Domain mg.example.com is not allowed to send: request limit exceeded, try again after Sat, 21 Nov 2099 12:00:30 UTC',
      ),
      outcome: { kind: 'retry', reason: 'rate_limited', scope: 'connection' },
      source: ERRORS,
    },
    retry: {
      reply: refusal(429, 'Too many requests'),
      outcome: { kind: 'retry', reason: 'rate_limited', scope: 'connection', afterMs: 60_000 },
      source: ERRORS,
    },
    serverError: {
      reply: refusal(500, 'Internal Server Error'),
      outcome: { kind: 'retry', reason: 'provider_error' },
      source: ERRORS,
    },
    unavailable: {
      reply: { status: 401, headers: { 'content-type': 'text/plain' }, body: 'Forbidden' },
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: '401' },
      source: ERRORS,
    },
    senderNotAllowed: {
      reply: refusal(400, "'from' parameter is not a valid address. please check documentation"),
      outcome: { kind: 'unavailable', reason: 'sender_not_allowed' },
      source: ERRORS,
    },
    domainDisabled: {
      reply: refusal(403, 'Domain mg.example.com is not allowed to send: The domain is unverified'),
      outcome: { kind: 'unavailable', reason: 'sender_not_allowed', code: '403' },
      source: ERRORS,
    },
    sandbox: {
      reply: refusal(
        400,
        'Sandbox subdomains are for test purposes only. Please add your own domain or add the address to authorized recipients in Account Settings.',
      ),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured' },
      source: ERRORS,
    },
    unpaid: {
      reply: refusal(402, 'Payment Required'),
      outcome: { kind: 'unavailable', reason: 'account_suspended', code: '402' },
      source: ERRORS,
    },
    otherRegion: {
      reply: refusal(404, 'Domain not found: mg.example.com'),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured', code: '404' },
      source: ERRORS,
    },
    unknown: {
      reply: { status: 502, headers: {}, body: '<html>502 Bad Gateway</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

interface Options {
  from: string;
  replyTo?: string;
  requireTls?: boolean;
  tracking?: boolean;
  testMode?: boolean;
}

function buildForm(message: Message, options: Options, { deliveryId }: RequestContext): URLSearchParams {
  const { to, subject, text, html, replyTo, headers } = composeMail(message, options);
  const form = new URLSearchParams({ from: formatMailbox(options.from), to, subject, text, html });
  if (replyTo) form.set('h:Reply-To', replyTo);
  for (const [name, value] of Object.entries(headers)) form.set(`h:${name}`, value);
  // Comes back as a user variable in every event.
  form.set('v:bellhop_delivery', deliveryId);
  if (options.requireTls !== undefined) form.set('o:require-tls', yesOrNo(options.requireTls));
  if (options.tracking !== undefined) form.set('o:tracking', yesOrNo(options.tracking));
  if (options.testMode) form.set('o:testmode', 'yes');
  for (const [name, value] of Object.entries(message.content.passthrough?.mailgun ?? {})) {
    form.delete(name);
    // A list repeats the parameter, as `o:tag` may; an object (`t:variables`) is JSON text.
    for (const one of [value].flat())
      form.append(name, typeof one === 'object' ? JSON.stringify(one) : String(one));
  }
  return form;
}

function yesOrNo(value: boolean): string {
  return value ? 'yes' : 'no';
}

function refusal(status: number, message: string): HttpResponse {
  return json(status, { message });
}
