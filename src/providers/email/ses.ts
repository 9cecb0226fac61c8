import { randomBytes } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import { defineHttpProvider, type HttpResponse } from '../contract.ts';
import { json } from '../wire/json.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import { signAwsRequest } from '../wire/sigv4.ts';
import { composeMail } from './mail/compose.ts';
import { encodeWords, formatMailbox, MAILBOX_PATTERN } from './mail/mailbox.ts';
import { outcomeOfAnswer } from './ses/errors.ts';
import { parseNotification } from './ses/events.ts';
import { certificateUrlOf, isSigned, subscribeUrlOf } from './ses/sns.ts';

const DOCS = 'https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html';
const ERRORS = 'https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html';
const BASE_URL = 'https://email.us-east-1.amazonaws.com';

/** Amazon SES, API v2; its events come through Amazon SNS. */
export default defineHttpProvider({
  id: 'ses',
  channel: 'email',
  name: 'Amazon SES',
  docs: DOCS,
  transport: 'http',
  baseUrl: BASE_URL,
  reaches: 'contact',
  fields: {
    region: {
      label: 'Region',
      type: 'text',
      required: true,
      pattern: { regex: '[a-z]{2}(-[a-z]+)+-\\d', hint: 'a region such as eu-central-1' },
    },
    accessKeyId: {
      label: 'Access key id',
      type: 'text',
      required: true,
      pattern: { regex: '[A-Z0-9]{16,128}', hint: 'capital letters and digits, such as AKIA…' },
    },
    secretAccessKey: { label: 'Secret access key', type: 'secret', required: true },
    sessionToken: {
      label: 'Session token',
      type: 'secret',
      help: 'Of temporary credentials, which somebody has to renew here before they end.',
    },
    from: {
      label: 'From',
      type: 'text',
      required: true,
      pattern: MAILBOX_PATTERN,
      help: 'A verified address, or an address of a verified domain.',
    },
    fromArn: {
      label: 'ARN of the identity',
      type: 'text',
      help: "When the identity is another account's.",
    },
    replyTo: { label: 'Reply-To', type: 'text', pattern: MAILBOX_PATTERN },
    configurationSet: {
      label: 'Configuration set',
      type: 'text',
      pattern: { regex: '[A-Za-z0-9_-]{1,64}', hint: 'letters, digits, _ and -' },
      help: 'Sends events to the SNS topic.',
    },
    topicArn: {
      label: 'ARN of the SNS topic',
      type: 'text',
      pattern: { regex: 'arn:aws[a-z-]*:sns:[a-z0-9-]+:\\d{12}:[A-Za-z0-9_.-]+', hint: 'arn:aws:sns:…' },
      help: 'Posts of other topics are refused, and without it all are.',
    },
    sha256Only: {
      label: 'SHA-256 signatures only',
      type: 'boolean',
      help: 'For topics whose SignatureVersion is 2; others sign with SHA-1.',
    },
  },
  // 40 MB by this API; 14 requests a second and more by account, whose 429s steer.
  limits: { payloadBytes: 40_000_000, connectTimeoutMs: 5_000, deadlineMs: 30_000, maxInFlight: 25 },
  supports: { dedupeKey: false, replaces: false, receipts: true, visits: true },

  testConfig: () => ({
    region: 'us-east-1',
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: new Secret(randomBytes(30).toString('base64')),
    from: 'Bellhop <bellhop@example.com>',
    topicArn: 'arn:aws:sns:us-east-1:123456789012:bellhop',
  }),

  request(message, config, { baseUrl, deliveryId, now }) {
    const { region, configurationSet, fromArn } = config;
    const { to, subject, text, html, replyTo, headers } = composeMail(message, config);
    const whole = {
      FromEmailAddress: formatMailbox(config.from, encodeWords),
      ...(fromArn && { FromEmailAddressIdentityArn: fromArn }),
      Destination: { ToAddresses: [to] },
      ...(replyTo && { ReplyToAddresses: [formatMailbox(replyTo, encodeWords)] }),
      Content: {
        Simple: {
          Subject: utf8(subject),
          Body: { Text: utf8(text), Html: utf8(html) },
          // Printable ASCII only.
          Headers: Object.entries(headers).map(([Name, value]) => ({ Name, Value: encodeWords(value) })),
        },
      },
      // Comes back with every event of a configuration set.
      EmailTags: [{ Name: 'bellhop_delivery', Value: deliveryId }],
      ...(configurationSet && { ConfigurationSetName: configurationSet }),
    };
    const request = {
      method: 'POST' as const,
      url: `${baseUrl === BASE_URL ? endpointOf(region) : baseUrl}/v2/email/outbound-emails`,
      body: JSON.stringify(mergePassthrough(whole, message.content.passthrough?.ses)),
    };
    const signed = { 'content-type': 'application/json' };
    const scope = { region, service: 'ses', now };
    return {
      ...request,
      headers: { ...signed, ...signAwsRequest({ ...request, headers: signed }, config, scope) },
    };
  },

  classify: (response, { now }) => outcomeOfAnswer(response, now),

  receipts: {
    proof: 'RSA by a certificate of AWS',
    verify: isSigned,
    certificateUrl: certificateUrlOf,
    confirmationUrl: subscribeUrlOf,
    parse: parseNotification,
  },

  examples: {
    accepted: {
      reply: json(200, { MessageId: '0100018f2a3b4c5d-0a1b2c3d-4e5f-6a7b-8c9d-0e1f2a3b4c5d-000000' }),
      outcome: {
        kind: 'accepted',
        providerMessageId: '0100018f2a3b4c5d-0a1b2c3d-4e5f-6a7b-8c9d-0e1f2a3b4c5d-000000',
      },
      source: DOCS,
    },
    rejected: {
      reply: refusal(400, 'BadRequestException', "Missing final '@domain'"),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', code: 'BadRequestException' },
      source: DOCS,
    },
    requestInvalid: {
      reply: refusal(400, 'BadRequestException', 'Invalid header name.'),
      outcome: { kind: 'rejected', reason: 'request_invalid' },
      source: DOCS,
    },
    contentRefused: {
      reply: refusal(400, 'MessageRejected', 'Message content was refused.'),
      outcome: { kind: 'rejected', reason: 'content_refused', code: 'MessageRejected' },
      source: DOCS,
    },
    retry: {
      reply: refusal(429, 'TooManyRequestsException', 'Maximum sending rate exceeded.'),
      outcome: { kind: 'retry', reason: 'rate_limited', scope: 'connection', afterMs: 1_000 },
      source: DOCS,
    },
    throttled: {
      reply: refusal(400, 'ThrottlingException', 'Rate exceeded'),
      outcome: { kind: 'retry', reason: 'rate_limited', scope: 'connection' },
      source: ERRORS,
    },
    serverError: {
      reply: refusal(500, 'InternalFailure', ''),
      outcome: { kind: 'retry', reason: 'provider_error' },
      source: ERRORS,
    },
    down: {
      reply: refusal(503, 'ServiceUnavailable', ''),
      outcome: { kind: 'retry', reason: 'provider_unavailable' },
      source: ERRORS,
    },
    unavailable: {
      reply: refusal(403, 'SignatureDoesNotMatch', 'The request signature we calculated does not match.'),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: 'SignatureDoesNotMatch' },
      source: ERRORS,
    },
    credentialsEnded: {
      reply: refusal(403, 'ExpiredTokenException', 'The security token included in the request is expired'),
      outcome: { kind: 'unavailable', reason: 'credentials_expired' },
      source: ERRORS,
    },
    notVerified: {
      reply: refusal(
        400,
        'MessageRejected',
        'Email address is not verified. The following identities failed the check in region US-EAST-1: bellhop@example.com',
      ),
      outcome: { kind: 'unavailable', reason: 'sender_not_allowed' },
      source: 'https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html',
    },
    paused: {
      reply: refusal(400, 'SendingPausedException', 'Email sending is disabled.'),
      outcome: { kind: 'unavailable', reason: 'account_suspended' },
      source: DOCS,
    },
    quotaUsed: {
      reply: refusal(429, 'TooManyRequestsException', 'Daily message quota exceeded.'),
      outcome: { kind: 'unavailable', reason: 'quota_exhausted', afterMs: 3_600_000 },
      source: 'https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html',
    },
    configurationSetMissing: {
      reply: refusal(404, 'NotFoundException', 'Configuration set <x> does not exist.'),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured' },
      source: DOCS,
    },
    unknown: {
      reply: { status: 504, headers: {}, body: '' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

function utf8(Data: string): { Data: string; Charset: 'UTF-8' } {
  return { Data, Charset: 'UTF-8' };
}

/** https://docs.aws.amazon.com/general/latest/gr/ses.html */
function endpointOf(region: string): string {
  return `https://email.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

/** The type comes in a header, sometimes with the address of its schema behind a colon. */
function refusal(status: number, type: string, message: string): HttpResponse {
  return json(
    status,
    { message },
    { 'x-amzn-errortype': `${type}:http://internal.amazon.com/coral/com.amazonaws/` },
  );
}
