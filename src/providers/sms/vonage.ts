import { randomBytes } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import {
  accepted,
  defineHttpProvider,
  type HttpResponse,
  type Message,
  parseObject,
  type RequestContext,
} from '../contract.ts';
import { json } from '../wire/json.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import { withDetails } from '../wire/with-details.ts';
import { toDigits } from './number/number.ts';
import { judge } from './vonage/errors.ts';
import { isSigned, parseInbound, parseStatus } from './vonage/receipts.ts';

const REFERENCE = 'https://developer.vonage.com/en/api/messages-olympus';
const ERRORS = 'https://developer.vonage.com/api-errors/messages';

/** Seconds: what the network below the Messages API takes (as the `ttl` of the SMS API, in milliseconds there). */
const TTL = { min: 20, max: 604_800 };

/** SMS by the Messages API, which Vonage prefers to its older SMS API. */
export default defineHttpProvider({
  id: 'vonage',
  channel: 'sms',
  name: 'Vonage',
  docs: REFERENCE,
  transport: 'http',
  // An account of a region has `https://api-eu.vonage.com` or `https://api-us.vonage.com` as its base URL.
  baseUrl: 'https://api.nexmo.com',
  reaches: 'contact',
  fields: {
    apiKey: { label: 'API key', type: 'text', required: true },
    apiSecret: { label: 'API secret', type: 'secret', required: true },
    from: {
      label: 'From',
      type: 'text',
      required: true,
      help: 'Number with its country code, short code or alphanumeric sender.',
    },
    signatureSecret: {
      label: 'Signature secret',
      type: 'secret',
      help: 'Of the account settings. Verifies receipts, which are refused without it.',
    },
    secondarySignatureSecret: {
      label: 'Secondary signature secret',
      type: 'secret',
      help: 'Accepted on receipts too: for rotation.',
    },
  },
  limits: { ratePerSecond: 30, connectTimeoutMs: 5_000, deadlineMs: 30_000, maxInFlight: 30 },
  supports: { dedupeKey: false, replaces: false, receipts: true },

  testConfig: () => ({
    apiKey: randomBytes(4).toString('hex'),
    apiSecret: new Secret(randomBytes(12).toString('base64url')),
    from: 'Bellhop',
    signatureSecret: new Secret(randomBytes(24).toString('base64url')),
  }),

  request(message, { apiKey, apiSecret, from }, context) {
    const body = mergePassthrough(buildBody(message, from, context), message.content.passthrough?.vonage);
    const credentials = Buffer.from(`${apiKey}:${apiSecret.reveal()}`).toString('base64');
    return {
      method: 'POST',
      url: `${context.baseUrl}/v1/messages`,
      headers: {
        authorization: new Secret(`Basic ${credentials}`),
        'content-type': 'application/json',
        accept: 'application/json',
      },
      body: JSON.stringify(body),
    };
  },

  classify(response, { now }) {
    const { status, headers } = response;
    const id = status >= 200 && status < 300 ? parseObject(response.body)?.message_uuid : undefined;
    if (typeof id === 'string' && id !== '') return accepted(id);
    const { outcome, code } = judge(response);
    return withDetails(outcome, { code, headers, now });
  },

  receipts: {
    proof: 'JWT over the body',
    verify: (request, { apiKey, signatureSecret, secondarySignatureSecret }, { now }) => {
      const secrets = [signatureSecret, secondarySignatureSecret].filter((secret) => secret !== undefined);
      return isSigned(request, { apiKey, secrets }, now);
    },
    parse: parseStatus,
    inbound: { parse: parseInbound, reply: { contentType: 'text/plain', body: '' } },
  },

  examples: {
    accepted: {
      reply: json(202, { message_uuid: 'aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab' }),
      outcome: { kind: 'accepted', providerMessageId: 'aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab' },
      source: REFERENCE,
    },
    rejected: {
      reply: json(422, {
        type: 'https://developer.vonage.com/api-errors#invalid-params',
        title: 'Invalid params',
        detail: 'The value of one or more parameters is invalid.',
        instance: 'bf0ca0bf927b3b52e3cb03217e1a1ddf',
        invalid_parameters: [{ name: 'to', reason: 'must be a phone number' }],
      }),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', effect: { type: 'suppress-contact' } },
      source: REFERENCE,
    },
    optedOut: {
      reply: problem(422, '1240', 'The recipient has opted out.'),
      outcome: { kind: 'rejected', reason: 'recipient_opted_out', effect: { type: 'suppress-contact' } },
      source: `${ERRORS}#1240`,
    },
    tooLong: {
      reply: problem(422, '1090', 'The message is too long.'),
      outcome: { kind: 'rejected', reason: 'content_too_large', code: '1090' },
      source: `${ERRORS}#1090`,
    },
    retry: {
      reply: { ...problem(429, '1000', 'Throttled'), headers: { 'retry-after': '3' } },
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 3_000, scope: 'connection' },
      source: `${ERRORS}#1000`,
    },
    serverError: {
      reply: problem(500, '1030', 'Internal error'),
      outcome: { kind: 'retry', reason: 'provider_error', code: '1030' },
      source: `${ERRORS}#1030`,
    },
    unavailable: {
      reply: json(401, {
        type: 'https://developer.vonage.com/api-errors#unauthorized',
        title: 'Unauthorized',
        detail: 'You did not provide correct credentials.',
        instance: 'bf0ca0bf927b3b52e3cb03217e1a1ddf',
      }),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: '401' },
      source: REFERENCE,
    },
    noCredit: {
      reply: json(402, {
        type: 'https://developer.vonage.com/api-errors#low-balance',
        title: 'Low balance',
        detail: 'This request could not be performed due to your account balance being low.',
        instance: 'bf0ca0bf927b3b52e3cb03217e1a1ddf',
      }),
      outcome: { kind: 'unavailable', reason: 'quota_exhausted', code: '402' },
      source: REFERENCE,
    },
    senderNotAllowed: {
      reply: problem(422, '1120', 'Illegal sender address.'),
      outcome: { kind: 'unavailable', reason: 'sender_not_allowed', code: '1120' },
      source: `${ERRORS}#1120`,
    },
    unknown: {
      reply: { status: 504, headers: {}, body: '<html>Gateway Timeout</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

function buildBody(
  { recipient, content, expiresAt }: Message,
  from: string,
  { now, deliveryId, callbackUrl }: RequestContext,
): Record<string, unknown> {
  const seconds = expiresAt === undefined ? undefined : Math.floor((expiresAt - now) / 1000);
  return {
    channel: 'sms',
    message_type: 'text',
    to: toDigits(recipient.address),
    from: toDigits(from),
    text: content.body ?? content.title ?? '',
    ...(seconds !== undefined && { ttl: Math.min(Math.max(TTL.min, seconds), TTL.max) }),
    client_ref: deliveryId,
    ...(callbackUrl && { webhook_url: callbackUrl, webhook_version: 'v1' }),
    sms: { encoding_type: 'auto' },
  };
}

/** An error of the Messages API that has a code: the title, and the end of the type. */
function problem(status: number, code: string, detail: string): HttpResponse {
  const instance = 'bf0ca0bf927b3b52e3cb03217e1a1ddf';
  return json(status, { type: `${ERRORS}#${code}`, title: code, detail, instance });
}
