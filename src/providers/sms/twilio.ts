import { randomBytes } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import {
  accepted,
  defineHttpProvider,
  type HttpResponse,
  type Message,
  parseObject,
  parseRetryAfter,
  type RequestContext,
  unknown,
} from '../contract.ts';
import { json } from '../wire/json.ts';
import { outcomeOf, outcomeOfUnlisted } from './twilio/errors.ts';
import { isSigned, parseInbound, parseStatusCallback } from './twilio/receipts.ts';

/** https://www.twilio.com/docs/messaging/api/message-resource: the longest `ValidityPeriod`, in seconds. */
const LONGEST_VALIDITY = 36_000;

export default defineHttpProvider({
  id: 'twilio',
  channel: 'sms',
  name: 'Twilio',
  docs: 'https://www.twilio.com/docs/messaging/api/message-resource',
  transport: 'http',
  baseUrl: 'https://api.twilio.com',
  reaches: 'contact',
  testDefault: true,
  fields: {
    accountSid: {
      label: 'Account SID',
      type: 'text',
      required: true,
      pattern: { regex: 'AC[0-9a-fA-F]{32}', hint: 'AC and 32 hexadecimal digits' },
    },
    authToken: {
      label: 'Auth token',
      type: 'secret',
      help: 'Authenticates requests when there is no API key, and is what receipts are verified with.',
    },
    secondaryAuthToken: {
      label: 'Secondary auth token',
      type: 'secret',
      help: 'Accepted on receipts too: for rotation.',
    },
    apiKeySid: {
      label: 'API key SID',
      type: 'text',
      pattern: { regex: 'SK[0-9a-fA-F]{32}', hint: 'SK and 32 hexadecimal digits' },
    },
    apiKeySecret: { label: 'API key secret', type: 'secret' },
    from: { label: 'From', type: 'text', help: 'E.164 number, short code or alphanumeric sender.' },
    messagingServiceSid: {
      label: 'Messaging service SID',
      type: 'text',
      pattern: { regex: 'MG[0-9a-fA-F]{32}', hint: 'MG and 32 hexadecimal digits' },
      help: 'Chooses the sender instead of From.',
    },
  },
  limits: { connectTimeoutMs: 5_000, deadlineMs: 30_000, maxInFlight: 25 },
  supports: { dedupeKey: false, replaces: false, receipts: true },

  testConfig: () => ({
    accountSid: `AC${randomBytes(16).toString('hex')}`,
    authToken: new Secret(randomBytes(16).toString('hex')),
    // https://www.twilio.com/docs/iam/test-credentials: the sender that works.
    from: '+15005550006',
  }),

  request(message, config, context) {
    const { accountSid, authToken, apiKeySid, apiKeySecret } = config;
    return {
      method: 'POST',
      url: `${context.baseUrl}/2010-04-01/Accounts/${accountSid}/Messages.json`,
      headers: {
        authorization:
          apiKeySid && apiKeySecret ? basic(apiKeySid, apiKeySecret) : basic(accountSid, authToken),
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
      },
      body: buildForm(message, config, context).toString(),
    };
  },

  classify(response, { now }) {
    const { status, headers } = response;
    const body = parseObject(response.body);
    if (status >= 200 && status < 300) {
      return typeof body?.sid === 'string'
        ? accepted(body.sid)
        : unknown('response_unreadable', { code: `${status}` });
    }
    const code = typeof body?.code === 'number' ? `${body.code}` : `${status}`;
    const outcome = outcomeOf(code) ?? outcomeOfUnlisted(status, code);
    const afterMs = parseRetryAfter(headers['retry-after'], now);
    if (outcome.kind === 'retry') return { ...outcome, code, ...(afterMs !== undefined && { afterMs }) };
    return outcome.kind === 'accepted' ? outcome : { ...outcome, code };
  },

  receipts: {
    proof: 'HMAC-SHA1 of address and form',
    verify: (request, { authToken, secondaryAuthToken }) =>
      isSigned(
        request,
        [authToken, secondaryAuthToken].filter((token) => token !== undefined),
      ),
    parse: parseStatusCallback,
    inbound: { parse: parseInbound, reply: { contentType: 'text/xml', body: '<Response/>' } },
  },

  examples: {
    accepted: {
      reply: json(201, {
        sid: 'SM0123456789abcdef0123456789abcdef',
        status: 'queued',
        num_segments: '1',
        error_code: null,
        error_message: null,
        price: null,
      }),
      outcome: { kind: 'accepted', providerMessageId: 'SM0123456789abcdef0123456789abcdef' },
      source: 'https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource',
    },
    rejected: {
      reply: refusal(400, 21211, "The 'To' number +1500555000 is not a valid phone number."),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', effect: { type: 'suppress-contact' } },
      source: 'https://www.twilio.com/docs/api/errors/21211',
    },
    optedOut: {
      reply: refusal(400, 21610, 'Attempt to send to unsubscribed recipient'),
      outcome: { kind: 'rejected', reason: 'recipient_opted_out', effect: { type: 'suppress-contact' } },
      source: 'https://www.twilio.com/docs/api/errors/21610',
    },
    regionOff: {
      reply: refusal(
        400,
        21408,
        "Permission to send an SMS has not been enabled for the region indicated by the 'To' number",
      ),
      outcome: { kind: 'rejected', reason: 'account_misconfigured' },
      source: 'https://www.twilio.com/docs/api/errors/21408',
    },
    tooLong: {
      reply: refusal(400, 21617, 'The concatenated message body exceeds the 1600 character limit'),
      outcome: { kind: 'rejected', reason: 'content_too_large' },
      source: 'https://www.twilio.com/docs/api/errors/21617',
    },
    retry: {
      reply: refusal(429, 20429, 'Too Many Requests'),
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 1_000, scope: 'connection' },
      source: 'https://www.twilio.com/docs/api/errors/20429',
    },
    queueFull: {
      reply: refusal(429, 21611, 'This From number has exceeded the maximum number of queued messages'),
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 60_000 },
      source: 'https://www.twilio.com/docs/api/errors/21611',
    },
    unavailable: {
      reply: refusal(401, 20003, 'Authenticate'),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: '20003' },
      source: 'https://www.twilio.com/docs/api/errors/20003',
    },
    senderNotAllowed: {
      reply: refusal(
        400,
        21606,
        "The 'From' phone number provided is not a valid message-capable Twilio phone number",
      ),
      outcome: { kind: 'unavailable', reason: 'sender_not_allowed' },
      source: 'https://www.twilio.com/docs/api/errors/21606',
    },
    dailyCap: {
      reply: refusal(429, 63038, 'Account exceeded the daily messages limit'),
      outcome: { kind: 'unavailable', reason: 'quota_exhausted' },
      source: 'https://www.twilio.com/docs/api/errors/63038',
    },
    unknown: {
      reply: { status: 504, headers: {}, body: '<html>Gateway Timeout</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

function buildForm(
  { recipient, content, expiresAt }: Message,
  { from, messagingServiceSid }: { from?: string; messagingServiceSid?: string },
  { callbackUrl, now }: RequestContext,
): URLSearchParams {
  const form = new URLSearchParams({ To: recipient.address });
  if (messagingServiceSid) form.set('MessagingServiceSid', messagingServiceSid);
  else if (from) form.set('From', from);
  const approved = content.vendorTemplates?.twilio;
  if (approved) {
    // https://www.twilio.com/docs/content/send-templates-created-with-the-content-template-builder
    form.set('ContentSid', approved.id);
    form.set('ContentVariables', JSON.stringify(approved.parameters));
  } else form.set('Body', content.body ?? content.title ?? '');
  if (callbackUrl) form.set('StatusCallback', callbackUrl);
  if (expiresAt !== undefined) {
    const seconds = Math.floor((expiresAt - now) / 1000);
    form.set('ValidityPeriod', String(Math.min(Math.max(1, seconds), LONGEST_VALIDITY)));
  }
  for (const [name, value] of Object.entries(content.passthrough?.twilio ?? {})) {
    form.delete(name);
    // A list repeats the parameter, as `MediaUrl` may; an object (`ContentVariables`) is JSON text.
    for (const one of [value].flat())
      form.append(name, typeof one === 'object' ? JSON.stringify(one) : String(one));
  }
  return form;
}

function basic(username: string, password = new Secret('')): Secret {
  return new Secret(`Basic ${Buffer.from(`${username}:${password.reveal()}`).toString('base64')}`);
}

/** An error of Twilio's API: https://www.twilio.com/docs/usage/twilios-response#response-formats-exceptions */
function refusal(status: number, code: number, message: string): HttpResponse {
  return json(status, { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status });
}
