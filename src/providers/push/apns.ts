import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { buildUrl, Secret, secret } from '../../lib/secret.ts';
import { accepted, defineHttpProvider, type HttpResponse, parseObject } from '../contract.ts';
import { parseCode } from '../wire/parse-code.ts';
import { signJwt } from '../wire/sign-jwt.ts';
import { buildHeaders, buildPayload } from './apns/message.ts';
import { outcomeOf } from './apns/reasons.ts';

const RESPONSES =
  'https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns';
const PRODUCTION = 'https://api.push.apple.com';
const SANDBOX = 'https://api.sandbox.push.apple.com';

/** Apple refuses a token older than 60 minutes, and one made within 20 minutes of the one before. */
const TOKEN_LIFE_MS = 40 * 60_000;

/** Apple Push Notification service, with token authentication over HTTP/2. */
export default defineHttpProvider({
  id: 'apns',
  channel: 'push',
  name: 'Apple Push Notification service',
  docs: 'https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns',
  transport: 'http2',
  baseUrl: PRODUCTION,
  reaches: 'device',
  testDefault: true,
  fields: {
    teamId: {
      label: 'Team ID',
      type: 'text',
      required: true,
      pattern: { regex: '[A-Z0-9]{10}', hint: '10 capital letters and digits' },
    },
    keyId: {
      label: 'Key ID',
      type: 'text',
      required: true,
      pattern: { regex: '[A-Z0-9]{10}', hint: '10 capital letters and digits' },
    },
    privateKey: { label: 'Private key', type: 'pem', required: true, help: 'The .p8 file of the key.' },
    bundleId: {
      label: 'Bundle ID',
      type: 'text',
      required: true,
      help: 'The topic, such as com.example.app.',
    },
    environment: {
      label: 'Environment',
      type: 'text',
      default: 'production',
      pattern: { regex: 'production|sandbox', hint: 'production or sandbox' },
      help: 'sandbox for the tokens of development builds.',
    },
  },
  limits: { payloadBytes: 4_096, connectTimeoutMs: 3_000, deadlineMs: 10_000, maxInFlight: 1_000 },
  // `apns-id` names a push but does not stop a repeat; the collapse id lets the repeat take the place of the first.
  supports: { platforms: ['ios', 'macos'], dedupeKey: false, replaces: true, receipts: false },

  testConfig: () => ({
    teamId: 'TEAM000001',
    keyId: 'KEY0000001',
    privateKey: makeTestKey(),
    bundleId: 'com.example.app',
    environment: 'production',
  }),

  token: {
    sign({ teamId, keyId, privateKey }, { now }) {
      const claims = { iss: teamId, iat: Math.floor(now / 1000) };
      const jwt = signJwt({ alg: 'ES256', kid: keyId }, claims, parseKey(privateKey));
      return { value: new Secret(jwt), expiresAt: now + TOKEN_LIFE_MS };
    },
  },

  request(message, { bundleId, environment }, context) {
    const base = environment === 'sandbox' && context.baseUrl === PRODUCTION ? SANDBOX : context.baseUrl;
    return {
      method: 'POST',
      url: buildUrl(base, '3', 'device', new Secret(message.recipient.address)),
      headers: {
        ...(context.token && { authorization: secret`bearer ${context.token}` }),
        'apns-topic': bundleId,
        ...buildHeaders(message, context),
      },
      body: JSON.stringify(buildPayload(message)),
    };
  },

  classify({ status, headers, body }) {
    if (status >= 200 && status < 300) return accepted(headers['apns-id'] || null);
    const parsed = parseObject(body);
    const reason = parseCode(parsed?.reason);
    const timestamp = parseTimestamp(parsed?.timestamp);
    const outcome = outcomeOf(reason, status);
    if (outcome.kind === 'accepted') return outcome;
    const code = reason ?? String(status);
    // Apple documents the timestamp for 410 alone, in milliseconds.
    if (status === 410 && outcome.kind === 'rejected' && timestamp !== undefined)
      return { ...outcome, code, effect: { type: 'prune-device', invalidSince: timestamp } };
    return { ...outcome, code };
  },

  examples: {
    accepted: {
      reply: { status: 200, headers: { 'apns-id': 'eabeae54-14a8-11e5-b60b-1697f925ec7b' }, body: '' },
      outcome: { kind: 'accepted', providerMessageId: 'eabeae54-14a8-11e5-b60b-1697f925ec7b' },
      source: RESPONSES,
    },
    rejected: {
      reply: refusal(410, 'Unregistered', { timestamp: 1_454_948_015_990 }),
      outcome: {
        kind: 'rejected',
        reason: 'device_unregistered',
        code: 'Unregistered',
        effect: { type: 'prune-device', invalidSince: 1_454_948_015_990 },
      },
      source: RESPONSES,
    },
    badDeviceToken: {
      reply: refusal(400, 'BadDeviceToken'),
      outcome: { kind: 'rejected', reason: 'device_unregistered', effect: { type: 'prune-device' } },
      source: RESPONSES,
    },
    tooLarge: {
      reply: refusal(413, 'PayloadTooLarge'),
      outcome: { kind: 'rejected', reason: 'content_too_large' },
      source: RESPONSES,
    },
    tokenExpired: {
      reply: refusal(403, 'ExpiredProviderToken'),
      outcome: { kind: 'token-expired', code: 'ExpiredProviderToken' },
      source: RESPONSES,
    },
    retry: {
      reply: refusal(503, 'ServiceUnavailable'),
      outcome: { kind: 'retry', reason: 'provider_unavailable', scope: 'message' },
      source: RESPONSES,
    },
    throttled: {
      reply: refusal(429, 'TooManyRequests'),
      outcome: { kind: 'retry', reason: 'recipient_rate_limited', afterMs: 30_000, scope: 'message' },
      source: RESPONSES,
    },
    tokenUpdates: {
      reply: refusal(429, 'TooManyProviderTokenUpdates'),
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 1_200_000, scope: 'connection' },
      source: RESPONSES,
    },
    unavailable: {
      reply: refusal(403, 'InvalidProviderToken'),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: 'InvalidProviderToken' },
      source: RESPONSES,
    },
    topicDisallowed: {
      reply: refusal(400, 'TopicDisallowed'),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured' },
      source: RESPONSES,
    },
  },
});

const KEYS = new WeakMap<Secret, KeyObject>();

/** Parsing PEM costs more than signing, so a key is parsed once for each stored configuration. */
function parseKey(pem: Secret): KeyObject {
  const known = KEYS.get(pem);
  if (known) return known;
  const key = createPrivateKey(pem.reveal());
  KEYS.set(pem, key);
  return key;
}

let testKey: Secret | undefined;

function makeTestKey(): Secret {
  testKey ??= new Secret(
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    }) as string,
  );
  return testKey;
}

/** Milliseconds since the epoch, when they are a date at all. */
function parseTimestamp(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && !Number.isNaN(new Date(value).getTime())
    ? value
    : undefined;
}

function refusal(status: number, reason: string, extra: object = {}): HttpResponse {
  return { status, headers: {}, body: JSON.stringify({ reason, ...extra }) };
}
