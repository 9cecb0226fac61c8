import { randomBytes } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import { measureSms } from '../../lib/sms-segments.ts';
import { accepted, defineHttpProvider } from '../contract.ts';
import { idOf, parseExactObject } from '../wire/exact-json.ts';
import { json } from '../wire/json.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import { withDetails } from '../wire/with-details.ts';
import { toDigits } from './number/number.ts';
import { judge } from './termii/errors.ts';
import { isSigned, parseInbound, parseReport } from './termii/receipts.ts';

const REFERENCE = 'https://developers.termii.com/messaging-api';

/** SMS in Africa. Termii gives no way to name a message ourselves: its reports find theirs by Termii's id. */
export default defineHttpProvider({
  id: 'termii',
  channel: 'sms',
  name: 'Termii',
  docs: REFERENCE,
  transport: 'http',
  // Each account has its own, on its dashboard: newer ones https://v3.api.termii.com.
  baseUrl: 'https://api.ng.termii.com',
  reaches: 'contact',
  fields: {
    apiKey: { label: 'API key', type: 'secret', required: true },
    from: {
      label: 'From',
      type: 'text',
      required: true,
      pattern: {
        regex: '[A-Za-z0-9 ._-]{3,11}|\\+?\\d{3,15}',
        hint: '3 to 11 letters and digits, or a number',
      },
      help: 'Sender ID that Termii has approved.',
    },
    channel: {
      label: 'Channel',
      type: 'text',
      default: 'generic',
      pattern: { regex: 'generic|dnd', hint: 'generic or dnd' },
      help: 'dnd also reaches numbers that are on the do-not-disturb list, and must be enabled by Termii.',
    },
    secretKey: {
      label: 'Secret key',
      type: 'secret',
      help: 'Of the dashboard, not the API key. Verifies receipts, which are refused without it.',
    },
    secondarySecretKey: {
      label: 'Secondary secret key',
      type: 'secret',
      help: 'Accepted on receipts too: for rotation.',
    },
  },
  limits: { connectTimeoutMs: 5_000, deadlineMs: 30_000, maxInFlight: 10 },
  supports: { dedupeKey: false, replaces: false, receipts: true },

  testConfig: () => ({
    apiKey: new Secret(`TL${randomBytes(20).toString('hex')}`),
    from: 'Bellhop',
    channel: 'generic',
    secretKey: new Secret(`tsk_${randomBytes(20).toString('hex')}`),
  }),

  request({ recipient, content }, { apiKey, from, channel }, { baseUrl }) {
    const text = content.body ?? content.title ?? '';
    const body = {
      api_key: apiKey.reveal(),
      to: toDigits(recipient.address),
      from: toDigits(from),
      sms: text,
      type: measureSms(text).encoding === 'GSM-7' ? 'plain' : 'unicode',
      channel,
    };
    return {
      method: 'POST',
      url: `${baseUrl}/api/sms/send`,
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: new Secret(JSON.stringify(mergePassthrough(body, content.passthrough?.termii))),
    };
  },

  classify(response, { now }) {
    const { status, headers } = response;
    const body = status >= 200 && status < 300 ? parseExactObject(response.body) : null;
    // Where both are there, the text has digits that the number has lost on its way through Termii.
    const id = body?.code === 'ok' ? (idOf(body.message_id_str) ?? idOf(body.message_id)) : undefined;
    if (id !== undefined) return accepted(id);
    const { outcome, code } = judge(response);
    return withDetails(outcome, { code, headers, now });
  },

  receipts: {
    proof: 'HMAC-SHA512 of the body',
    byVendorId: true,
    verify: (request, { secretKey, secondarySecretKey }) =>
      isSigned(
        request,
        [secretKey, secondarySecretKey].filter((key) => key !== undefined),
      ),
    parse: parseReport,
    inbound: { parse: parseInbound, reply: { contentType: 'text/plain', body: '' } },
  },

  examples: {
    accepted: {
      reply: json(200, {
        code: 'ok',
        message_id: '9122821270554876574',
        message: 'Successfully Sent',
        balance: 9,
        user: 'Peter Mcleish',
      }),
      outcome: { kind: 'accepted', providerMessageId: '9122821270554876574' },
      source: REFERENCE,
    },
    rejected: {
      reply: json(400, { code: 'error', message: 'Invalid phone number' }),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', effect: undefined },
      source: 'https://developers.termii.com/errors',
    },
    refusedWithOk: {
      reply: json(200, { code: 'error', message: 'The message could not be processed' }),
      outcome: { kind: 'rejected', reason: 'request_invalid', code: 'error' },
    },
    countryOff: {
      reply: json(404, { message: 'Country not enabled on your account' }),
      outcome: { kind: 'rejected', reason: 'account_misconfigured', code: '404' },
      source: 'https://developers.termii.com/errors',
    },
    retry: {
      reply: json(429, { message: 'Too Many Requests' }),
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 1_000, scope: 'connection' },
      source: 'https://developers.termii.com/errors',
    },
    serverError: {
      reply: json(500, { message: 'Internal Server Error' }),
      outcome: { kind: 'retry', reason: 'provider_error', code: '500' },
      source: 'https://developers.termii.com/errors',
    },
    unavailable: {
      reply: json(401, { message: 'Invalid API key' }),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: '401' },
      source: 'https://developers.termii.com/errors',
    },
    noBalance: {
      reply: json(400, { message: 'Insufficient balance' }),
      outcome: { kind: 'unavailable', reason: 'quota_exhausted', code: '400' },
      source: 'https://developers.termii.com/errors',
    },
    senderNotAllowed: {
      reply: json(404, { message: 'Sender ID not approved' }),
      outcome: { kind: 'unavailable', reason: 'sender_not_allowed', code: '404' },
      source: 'https://developers.termii.com/errors',
    },
    unknown: {
      reply: { status: 502, headers: {}, body: '<html>Bad Gateway</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});
