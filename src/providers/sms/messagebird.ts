import { randomBytes } from 'node:crypto';
import { Secret, secret } from '../../lib/secret.ts';
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
import { judge } from './messagebird/errors.ts';
import { isSigned, parseReport } from './messagebird/receipts.ts';
import { toDigits } from './number/number.ts';

const REFERENCE = 'https://developers.messagebird.com/api/sms-messaging/';
const ERRORS = 'https://developers.messagebird.com/api/#api-errors';

/** Seconds. Three days are what networks keep a message at most; the API names no bound. */
const LONGEST_VALIDITY = 259_200;

/** SMS by the REST API at rest.messagebird.com, which accounts from before the Bird platform have. */
export default defineHttpProvider({
  id: 'messagebird',
  channel: 'sms',
  name: 'MessageBird',
  docs: REFERENCE,
  transport: 'http',
  baseUrl: 'https://rest.messagebird.com',
  reaches: 'contact',
  fields: {
    accessKey: { label: 'Access key', type: 'secret', required: true },
    originator: {
      label: 'Originator',
      type: 'text',
      required: true,
      pattern: { regex: '\\+?\\d{3,17}|.{1,11}', hint: 'a number, or at most 11 characters' },
      help: 'Number with its country code, or alphanumeric sender.',
    },
    signingKey: {
      label: 'Signing key',
      type: 'secret',
      help: 'Of the developer settings. Verifies receipts, which are refused without it.',
    },
    secondarySigningKey: {
      label: 'Secondary signing key',
      type: 'secret',
      help: 'Accepted on receipts too: for rotation.',
    },
  },
  limits: { ratePerSecond: 500, connectTimeoutMs: 5_000, deadlineMs: 30_000, maxInFlight: 50 },
  supports: { dedupeKey: false, replaces: false, receipts: true },

  testConfig: () => ({
    accessKey: new Secret(`test_${randomBytes(12).toString('hex')}`),
    originator: 'Bellhop',
    signingKey: new Secret(randomBytes(16).toString('hex')),
  }),

  request(message, { accessKey, originator }, context) {
    const extra = message.content.passthrough?.messagebird;
    return {
      method: 'POST',
      url: `${context.baseUrl}/messages`,
      headers: {
        authorization: secret`AccessKey ${accessKey}`,
        'content-type': 'application/json',
        accept: 'application/json',
      },
      body: JSON.stringify(mergePassthrough(buildBody(message, originator, context), extra)),
    };
  },

  classify(response, { now }) {
    const { status, headers } = response;
    const id = status >= 200 && status < 300 ? parseObject(response.body)?.id : undefined;
    if (typeof id === 'string' && id !== '') return accepted(id);
    const { outcome, code } = judge(response);
    return withDetails(outcome, { code, headers, now });
  },

  receipts: {
    proof: 'JWT over address and body',
    verify: (request, { signingKey, secondarySigningKey }, { now }) =>
      isSigned(
        request,
        [signingKey, secondarySigningKey].filter((key) => key !== undefined),
        now,
      ),
    parse: parseReport,
    reply: { contentType: 'text/plain', body: 'OK' },
  },

  examples: {
    accepted: {
      reply: json(201, {
        id: 'e8077d803532c0b5937c639b60216938',
        href: 'https://rest.messagebird.com/messages/e8077d803532c0b5937c639b60216938',
        direction: 'mt',
        type: 'sms',
        originator: 'Bellhop',
        body: 'This is a test message',
        reference: null,
        validity: null,
        recipients: {
          totalCount: 1,
          totalSentCount: 1,
          totalDeliveredCount: 0,
          totalDeliveryFailedCount: 0,
          items: [
            {
              recipient: 31612345678,
              status: 'sent',
              statusDatetime: '2016-05-03T14:26:57+00:00',
              messagePartCount: 1,
            },
          ],
        },
      }),
      outcome: { kind: 'accepted', providerMessageId: 'e8077d803532c0b5937c639b60216938' },
      source: REFERENCE,
    },
    rejected: {
      reply: refusal(422, 10, 'recipients is invalid', 'recipients'),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', effect: { type: 'suppress-contact' } },
      source: ERRORS,
    },
    missing: {
      reply: refusal(422, 9, 'body is empty', 'body'),
      outcome: { kind: 'rejected', reason: 'request_invalid', code: '9' },
      source: ERRORS,
    },
    retry: {
      reply: json(429, { errors: [] }),
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 1_000, scope: 'connection' },
      source: 'https://developers.messagebird.com/api/#rate-limiting',
    },
    serverError: {
      reply: refusal(500, 99, 'Internal error', null),
      outcome: { kind: 'retry', reason: 'provider_error', code: '99' },
      source: ERRORS,
    },
    unavailable: {
      reply: refusal(401, 2, 'Request not allowed (incorrect access_key)', 'access_key'),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: '2' },
      source: ERRORS,
    },
    noBalance: {
      reply: refusal(402, 25, 'Not enough balance', null),
      outcome: { kind: 'unavailable', reason: 'quota_exhausted', code: '25' },
      source: ERRORS,
    },
    senderNotAllowed: {
      reply: refusal(422, 10, 'originator is invalid', 'originator'),
      outcome: { kind: 'unavailable', reason: 'sender_not_allowed', code: '10' },
      source: ERRORS,
    },
    unknown: {
      reply: { status: 502, headers: {}, body: '<html>Bad Gateway</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

function buildBody(
  { recipient, content, expiresAt }: Message,
  originator: string,
  { deliveryId, callbackUrl, now }: RequestContext,
): Record<string, unknown> {
  const seconds = expiresAt === undefined ? undefined : Math.floor((expiresAt - now) / 1000);
  return {
    originator: toDigits(originator),
    recipients: [toDigits(recipient.address)],
    body: content.body ?? content.title ?? '',
    datacoding: 'auto',
    // Without a reference there are no reports.
    reference: deliveryId,
    ...(callbackUrl && { reportUrl: callbackUrl }),
    ...(seconds !== undefined && { validity: Math.min(Math.max(1, seconds), LONGEST_VALIDITY) }),
  };
}

function refusal(status: number, code: number, description: string, parameter: string | null): HttpResponse {
  return json(status, { errors: [{ code, description, parameter }] });
}
