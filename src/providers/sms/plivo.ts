import { randomBytes } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import {
  accepted,
  type Content,
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
import { judge } from './plivo/errors.ts';
import { isSigned, parseInbound, parseStatus } from './plivo/receipts.ts';

const REFERENCE = 'https://www.plivo.com/docs/messaging/api/message/send-message';
const API_ID = '50f8d1e6-6a4c-11ee-8c99-0242ac120002';
const MESSAGE_UUID = 'db3ce55a-7f1d-11e1-8ea7-1231380bc196';

/** Seconds that Plivo keeps a message in its queue; its default is the longest. */
const EXPIRY = { min: 5, max: 10_800 };

export default defineHttpProvider({
  id: 'plivo',
  channel: 'sms',
  name: 'Plivo',
  docs: REFERENCE,
  transport: 'http',
  baseUrl: 'https://api.plivo.com',
  reaches: 'contact',
  fields: {
    authId: {
      label: 'Auth ID',
      type: 'text',
      required: true,
      pattern: { regex: '[A-Za-z0-9]{8,40}', hint: 'letters and digits, as on the console' },
    },
    authToken: {
      label: 'Auth token',
      type: 'secret',
      required: true,
      help: 'Authenticates requests, and is what receipts are verified with.',
    },
    secondaryAuthToken: {
      label: 'Secondary auth token',
      type: 'secret',
      help: 'Accepted on receipts too: for rotation, or that of the main account of a sub-account.',
    },
    from: { label: 'From', type: 'text', help: 'Number with its country code, or alphanumeric sender.' },
    powerpackUuid: { label: 'Powerpack UUID', type: 'text', help: 'Chooses the sender instead of From.' },
  },
  limits: { connectTimeoutMs: 5_000, deadlineMs: 30_000, maxInFlight: 25 },
  supports: { dedupeKey: false, replaces: false, receipts: true },

  testConfig: () => ({
    authId: `MA${randomBytes(9).toString('hex').toUpperCase()}`,
    authToken: new Secret(randomBytes(20).toString('hex')),
    from: '+14155550101',
  }),

  request(message, config, context) {
    const { authId, authToken } = config;
    const body = mergePassthrough(buildBody(message, config, context), message.content.passthrough?.plivo);
    const credentials = Buffer.from(`${authId}:${authToken.reveal()}`).toString('base64');
    return {
      method: 'POST',
      // The slash at the end matters to Plivo.
      url: `${context.baseUrl}/v1/Account/${encodeURIComponent(authId)}/Message/`,
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
    const ids = status >= 200 && status < 300 ? parseObject(response.body)?.message_uuid : undefined;
    const id: unknown = Array.isArray(ids) ? ids[0] : undefined;
    if (typeof id === 'string' && id !== '') return accepted(id);
    const { outcome, code } = judge(response);
    return withDetails(outcome, { code, headers, now });
  },

  receipts: {
    proof: 'HMAC-SHA256 of address and form',
    verify: (request, { authToken, secondaryAuthToken }) =>
      isSigned(
        request,
        [authToken, secondaryAuthToken].filter((token) => token !== undefined),
      ),
    parse: parseStatus,
    inbound: { parse: parseInbound, reply: { contentType: 'text/xml', body: '<Response></Response>' } },
  },

  examples: {
    accepted: {
      reply: json(202, { message: 'message(s) queued', message_uuid: [MESSAGE_UUID], api_id: API_ID }),
      outcome: { kind: 'accepted', providerMessageId: MESSAGE_UUID },
      source: REFERENCE,
    },
    rejected: {
      reply: json(202, {
        message: 'message(s) queued',
        message_uuid: [],
        api_id: API_ID,
        invalid_number: ['14155550100'],
      }),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', effect: { type: 'suppress-contact' } },
      source: REFERENCE,
    },
    invalidDestination: {
      reply: refusal(400, 'dst parameter is invalid'),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', effect: { type: 'suppress-contact' } },
      source: REFERENCE,
    },
    badRequest: {
      reply: refusal(400, 'text parameter is missing'),
      outcome: { kind: 'rejected', reason: 'request_invalid', code: '400' },
      source: REFERENCE,
    },
    retry: {
      reply: refusal(429, 'Too many requests'),
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 1_000, scope: 'connection' },
      source: REFERENCE,
    },
    serverError: {
      reply: refusal(500, 'Internal server error'),
      outcome: { kind: 'retry', reason: 'provider_error', code: '500' },
      source: REFERENCE,
    },
    unavailable: {
      reply: { status: 401, headers: { 'content-type': 'text/html' }, body: 'Could not verify your access' },
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: '401' },
      source: REFERENCE,
    },
    noCredit: {
      reply: refusal(402, 'Insufficient credit'),
      outcome: { kind: 'unavailable', reason: 'quota_exhausted', code: '402' },
      source: REFERENCE,
    },
    notPermitted: {
      reply: refusal(403, 'The source number is not allowed'),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured', code: '403' },
      source: REFERENCE,
    },
    unknown: {
      reply: { status: 504, headers: {}, body: '<html>Gateway Timeout</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

function buildBody(
  { recipient, content, expiresAt }: Message,
  { from, powerpackUuid }: { from?: string; powerpackUuid?: string },
  { callbackUrl, now }: RequestContext,
): Record<string, unknown> {
  const seconds = expiresAt === undefined ? undefined : Math.floor((expiresAt - now) / 1000);
  return {
    ...(powerpackUuid ? { powerpack_uuid: powerpackUuid } : from && { src: toDigits(from) }),
    dst: toDigits(recipient.address),
    text: content.body ?? content.title ?? '',
    type: 'sms',
    ...registrationOf(content),
    ...(callbackUrl && { url: callbackUrl, method: 'POST' }),
    ...(seconds !== undefined && { message_expiry: Math.min(Math.max(EXPIRY.min, seconds), EXPIRY.max) }),
  };
}

/** India wants the text and its sender registered (DLT): the template's id, with `entity` and `category` as parameters. */
function registrationOf({ vendorTemplates }: Content): Record<string, string> {
  const registered = vendorTemplates?.plivo;
  if (!registered) return {};
  const { entity, category } = registered.parameters;
  return {
    dlt_template_id: registered.id,
    ...(entity && { dlt_entity_id: entity }),
    ...(category && { dlt_template_category: category }),
  };
}

function refusal(status: number, error: string): HttpResponse {
  return json(status, { api_id: API_ID, error });
}
