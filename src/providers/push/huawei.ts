import { randomBytes } from 'node:crypto';
import { Secret, secret } from '../../lib/secret.ts';
import { defineHttpProvider, type HttpResponse } from '../contract.ts';
import { json } from '../wire/json.ts';
import { buildTokenRequest, parseTokenResponse } from './huawei/access-token.ts';
import { judge } from './huawei/errors.ts';
import { buildMessage } from './huawei/message.ts';
import { isSigned, parseReceipts } from './huawei/receipts.ts';

const REFERENCE =
  'https://developer.huawei.com/consumer/en/doc/HMSCore-References/https-send-api-0000001050986197';
const TOKEN_URL = 'https://oauth-login.cloud.huawei.com/oauth2/v3/token';
const prune = { effect: { type: 'prune-device' } } as const;

/** Huawei Push Kit, for apps with HMS Core on Android: one token to a request. */
export default defineHttpProvider({
  id: 'huawei',
  channel: 'push',
  name: 'Huawei Push Kit',
  docs: REFERENCE,
  transport: 'http',
  baseUrl: 'https://push-api.cloud.huawei.com',
  reaches: 'device',
  needsApp: true,
  fields: {
    appId: {
      label: 'App ID',
      type: 'text',
      required: true,
      pattern: { regex: '\\d{5,20}', hint: '5 to 20 digits' },
      help: 'Of AppGallery Connect. Also the client ID, where that is not set.',
    },
    clientSecret: { label: 'Client secret', type: 'secret', required: true },
    clientId: {
      label: 'Client ID',
      type: 'text',
      help: 'When the access token is not that of the app but of the project.',
    },
    projectId: {
      label: 'Project ID',
      type: 'text',
      pattern: { regex: '\\d{5,30}', hint: '5 to 30 digits' },
      help: 'Sends by the second version of the API, which names the project in place of the app.',
    },
    tokenUrl: {
      label: 'URL of the OAuth server',
      type: 'url',
      default: TOKEN_URL,
      help: 'Other regions of Huawei have their own.',
    },
    badgeClass: {
      label: 'Entry activity',
      type: 'text',
      help: 'Class of the app by which Huawei finds the icon whose badge it sets.',
    },
    callbackUsername: {
      label: 'Callback user name',
      type: 'text',
      help: 'As entered for message receipts in AppGallery Connect. Without it and the key no receipt is believed.',
    },
    callbackKey: { label: 'Callback key', type: 'secret' },
  },
  limits: { payloadBytes: 4_096, connectTimeoutMs: 5_000, deadlineMs: 15_000, maxInFlight: 100 },
  // The tag lets a repeat take the place of the first; Huawei itself does not recognise it.
  supports: { platforms: ['android'], dedupeKey: false, replaces: true, receipts: true },

  testConfig: () => ({
    appId: '100000001',
    clientSecret: new Secret(randomBytes(32).toString('hex')),
    tokenUrl: TOKEN_URL,
    callbackUsername: 'bellhop',
    callbackKey: new Secret(randomBytes(24).toString('hex')),
  }),

  token: {
    request: ({ appId, clientId = appId, clientSecret, tokenUrl }) =>
      buildTokenRequest(tokenUrl, clientId, clientSecret),
    parse: (response, { now }) => parseTokenResponse(response, now),
  },
  tokenExample: json(200, {
    access_token: 'CgB6e3x9pzAkPRexampleaccesstoken',
    expires_in: 3600,
    token_type: 'Bearer',
  }),

  request(message, { appId, projectId, badgeClass }, { baseUrl, token, now, deliveryId }) {
    return {
      method: 'POST',
      url: projectId ? `${baseUrl}/v2/${projectId}/messages:send` : `${baseUrl}/v1/${appId}/messages:send`,
      headers: {
        ...(token && { authorization: secret`Bearer ${token}` }),
        'content-type': 'application/json; charset=UTF-8',
      },
      body: JSON.stringify({ message: buildMessage(message, { now, deliveryId, badgeClass }) }),
    };
  },

  classify: (response, { now }) => judge(response, now),

  receipts: {
    proof: 'HMAC-SHA256 of time and user name',
    verify: (request, { callbackUsername, callbackKey }, { now }) =>
      isSigned(request, { username: callbackUsername, key: callbackKey, now }),
    parse: parseReceipts,
    reply: { contentType: 'application/json', body: '{"code":"0","message":"success"}' },
  },

  examples: {
    accepted: {
      reply: said('80000000', 'Success'),
      outcome: { kind: 'accepted', providerMessageId: '157440955549500001002006' },
      source: REFERENCE,
    },
    rejected: {
      reply: said('80300007', 'All the tokens are invalid'),
      outcome: { kind: 'rejected', reason: 'device_unregistered', code: '80300007', ...prune },
      source: REFERENCE,
    },
    illegalToken: {
      reply: said('80100000', '{"success":0,"failure":1,"illegal_tokens":["token"]}'),
      outcome: { kind: 'rejected', reason: 'device_unregistered', code: '80100000', ...prune },
      source: REFERENCE,
    },
    badParameter: {
      reply: said('80100003', 'Illegal payload', 400),
      outcome: { kind: 'rejected', reason: 'request_invalid', code: '80100003' },
      source: REFERENCE,
    },
    sensitive: {
      reply: said('80100016', 'Message contains sensitive information', 400),
      outcome: { kind: 'rejected', reason: 'content_refused' },
      source: REFERENCE,
    },
    tooLarge: {
      reply: said('80300008', 'The size of message body exceeds the default value', 400),
      outcome: { kind: 'rejected', reason: 'content_too_large' },
      source: REFERENCE,
    },
    tokenExpired: {
      reply: said('80200003', 'OAuth token expired', 401),
      outcome: { kind: 'token-expired', code: '80200003' },
      source: REFERENCE,
    },
    retry: {
      reply: said('81000001', 'System inner error', 500),
      outcome: { kind: 'retry', reason: 'provider_error', code: '81000001', scope: 'message' },
      source: REFERENCE,
    },
    overloaded: {
      reply: { status: 503, headers: { 'retry-after': '5' }, body: '' },
      outcome: { kind: 'retry', reason: 'provider_unavailable', afterMs: 5_000 },
      source: REFERENCE,
    },
    throttled: {
      reply: said('80100017', 'Too many topic messages', 429),
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 60_000, scope: 'connection' },
      source: REFERENCE,
    },
    unavailable: {
      reply: said('80300002', 'No permission to send message to these tokens', 403),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured', code: '80300002' },
      source: REFERENCE,
    },
    unknown: {
      reply: { status: 200, headers: {}, body: '<html>' },
      outcome: { kind: 'unknown', reason: 'response_unreadable' },
    },
  },
});

function said(code: string, msg: string, status = 200): HttpResponse {
  return json(status, { code, msg, requestId: '157440955549500001002006' });
}
