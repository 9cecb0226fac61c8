import { randomBytes } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import { defineHttpProvider, type HttpResponse } from '../contract.ts';
import { json } from '../wire/json.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import { composeMail } from './mail/compose.ts';
import { MAILBOX_PATTERN, parseMailbox } from './mail/mailbox.ts';
import { outcomeOfAnswer } from './mailchimp/errors.ts';
import { isSigned, parseEvents } from './mailchimp/receipts.ts';

const DOCS = 'https://mailchimp.com/developer/transactional/api/messages/send-new-message/';
const ERRORS = 'https://mailchimp.com/developer/transactional/docs/error-glossary/';

/** Mailchimp Transactional, known as Mandrill. */
export default defineHttpProvider({
  id: 'mailchimp',
  channel: 'email',
  name: 'Mailchimp Transactional',
  docs: DOCS,
  transport: 'http',
  baseUrl: 'https://mandrillapp.com',
  reaches: 'contact',
  fields: {
    apiKey: { label: 'API key', type: 'secret', required: true },
    from: {
      label: 'From',
      type: 'text',
      required: true,
      pattern: MAILBOX_PATTERN,
      help: 'An address of a domain with verified DKIM.',
    },
    replyTo: { label: 'Reply-To', type: 'text', pattern: MAILBOX_PATTERN },
    subaccount: { label: 'Subaccount', type: 'text' },
    ipPool: { label: 'IP pool', type: 'text' },
    trackOpens: { label: 'Track opens', type: 'boolean' },
    trackClicks: { label: 'Track clicks', type: 'boolean' },
    webhookKey: {
      label: 'Key of the webhook',
      type: 'secret',
      help: 'Shown beside the webhook. Without it no receipt is believed.',
    },
    webhookUrl: {
      label: 'URL of the webhook',
      type: 'url',
      help: 'As it was entered at Mailchimp, letter for letter: it is signed. Default: the address that was called.',
    },
  },
  // https://mailchimp.com/developer/transactional/docs/sending-mail/
  limits: { payloadBytes: 25_000_000, connectTimeoutMs: 5_000, deadlineMs: 30_000, maxInFlight: 25 },
  supports: { dedupeKey: false, replaces: false, receipts: true, visits: true },

  testConfig: () => ({
    apiKey: new Secret(`md-${randomBytes(16).toString('base64url')}`),
    from: 'Bellhop <bellhop@example.com>',
    webhookKey: new Secret(randomBytes(16).toString('base64url')),
  }),

  request(message, config, { baseUrl, deliveryId }) {
    const { to, subject, text, html, replyTo, headers } = composeMail(message, config);
    const { email, name } = parseMailbox(config.from);
    const body = {
      message: {
        html,
        text,
        subject,
        from_email: email,
        ...(name && { from_name: name }),
        to: [{ email: to, type: 'to' }],
        headers: { ...headers, ...(replyTo && { 'Reply-To': replyTo }) },
        // Comes back in every event.
        metadata: { bellhop_delivery: deliveryId },
        ...(config.trackOpens !== undefined && { track_opens: config.trackOpens }),
        ...(config.trackClicks !== undefined && { track_clicks: config.trackClicks }),
        ...(config.subaccount && { subaccount: config.subaccount }),
      },
      // The answer tells what became of the one recipient.
      async: false,
      ...(config.ipPool && { ip_pool: config.ipPool }),
    };
    const whole = mergePassthrough(body, message.content.passthrough?.mailchimp);
    return {
      method: 'POST',
      url: `${baseUrl}/api/1.0/messages/send.json`,
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      // The API knows no header for the key.
      body: new Secret(JSON.stringify({ ...whole, key: config.apiKey.reveal() })),
    };
  },

  classify: (response, { now }) => outcomeOfAnswer(response, now),

  // Anything but a 200 is repeated.
  receipts: {
    proof: 'HMAC-SHA1 of address and form',
    verify: isSigned,
    parse: parseEvents,
    reply: { contentType: 'text/plain', body: 'OK' },
  },

  examples: {
    accepted: {
      reply: json(200, [
        {
          email: 'ann@example.org',
          status: 'sent',
          _id: '5a8f2b1c0d9e4f3a7b6c5d4e3f2a1b0c',
          reject_reason: null,
          queued_reason: null,
        },
      ]),
      outcome: { kind: 'accepted', providerMessageId: '5a8f2b1c0d9e4f3a7b6c5d4e3f2a1b0c' },
      source: DOCS,
    },
    queued: {
      reply: verdict('queued', { queued_reason: 'hourly-quota-exhausted' }),
      outcome: { kind: 'accepted', providerMessageId: '7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f' },
      source: DOCS,
    },
    rejected: {
      reply: verdict('rejected', { reject_reason: 'hard-bounce' }),
      outcome: {
        kind: 'rejected',
        reason: 'recipient_invalid',
        code: 'hard-bounce',
        effect: { type: 'suppress-contact' },
      },
      source: DOCS,
    },
    addressInvalid: {
      reply: verdict('invalid'),
      outcome: {
        kind: 'rejected',
        reason: 'recipient_invalid',
        code: 'invalid',
        effect: { type: 'suppress-contact' },
      },
      source: DOCS,
    },
    optedOut: {
      reply: verdict('rejected', { reject_reason: 'unsub' }),
      outcome: { kind: 'rejected', reason: 'recipient_opted_out', effect: { type: 'suppress-contact' } },
      source: DOCS,
    },
    softBounce: {
      reply: verdict('rejected', { reject_reason: 'soft-bounce' }),
      outcome: { kind: 'rejected', reason: 'recipient_unreachable', effect: undefined },
      source: DOCS,
    },
    senderNotAllowed: {
      reply: verdict('rejected', { reject_reason: 'unsigned' }),
      outcome: { kind: 'unavailable', reason: 'sender_not_allowed', code: 'unsigned' },
      source: DOCS,
    },
    requestInvalid: {
      reply: refusal(500, -2, 'ValidationError', 'You must specify a message value'),
      outcome: { kind: 'rejected', reason: 'request_invalid', code: 'ValidationError' },
      source: ERRORS,
    },
    retry: {
      reply: { status: 429, headers: {}, body: '' },
      outcome: { kind: 'retry', reason: 'rate_limited', scope: 'connection', afterMs: 30_000 },
      source: ERRORS,
    },
    generalError: {
      reply: refusal(500, -99, 'GeneralError', 'An unexpected error occurred.'),
      outcome: { kind: 'retry', reason: 'provider_error', code: 'GeneralError' },
      source: ERRORS,
    },
    unavailable: {
      reply: refusal(500, -1, 'Invalid_Key', 'Invalid API key'),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: 'Invalid_Key' },
      source: ERRORS,
    },
    unpaid: {
      reply: refusal(500, 10, 'PaymentRequired', 'The requested feature requires payment.'),
      outcome: { kind: 'unavailable', reason: 'account_suspended' },
      source: ERRORS,
    },
    subaccountUnknown: {
      reply: refusal(500, 12, 'Unknown_Subaccount', "No subaccount exists with the id 'customer-123'"),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured' },
      source: ERRORS,
    },
    unknown: {
      reply: { status: 502, headers: {}, body: '<html>502 Bad Gateway</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

function verdict(
  status: string,
  reasons: { reject_reason?: string; queued_reason?: string } = {},
): HttpResponse {
  return json(200, [
    {
      email: 'ann@example.org',
      status,
      _id: '7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f',
      reject_reason: null,
      queued_reason: null,
      ...reasons,
    },
  ]);
}

function refusal(status: number, code: number, name: string, message: string): HttpResponse {
  return json(status, { status: 'error', code, name, message });
}
