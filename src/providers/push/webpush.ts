import { createECDH, createPrivateKey, type KeyObject } from 'node:crypto';
import { MaskedUrl, Secret, secret } from '../../lib/secret.ts';
import { accepted, defineHttpProvider, type Message, type RequestContext } from '../contract.ts';
import { json } from '../wire/json.ts';
import { signJwt } from '../wire/sign-jwt.ts';
import { encrypt } from './webpush/encryption.ts';
import { outcomeOfError } from './webpush/errors.ts';
import { buildHeaders, buildPayload, parseKeys } from './webpush/message.ts';

const RFC_8030 = 'https://www.rfc-editor.org/rfc/rfc8030';
const MOZILLA = 'https://mozilla-services.github.io/autopush-rs/errors.html';
const APPLE =
  'https://developer.apple.com/documentation/usernotifications/sending-web-push-notifications-in-web-apps-and-browsers';
const GOOGLE = 'https://web.dev/articles/push-notifications-common-issues-and-reporting-bugs';

/** RFC 8292, 2 allows 24 hours; half of that forgives a clock that is wrong. */
const JWT_LIFE_MS = 12 * 3_600_000;
const TOKEN_LIFE_MS = 11 * 3_600_000;
const prune = { effect: { type: 'prune-device' } } as const;

/** Web Push: RFC 8030, encrypted by RFC 8291, with VAPID (RFC 8292). */
export default defineHttpProvider({
  id: 'webpush',
  channel: 'push',
  name: 'Web Push',
  docs: RFC_8030,
  transport: 'http',
  // Never requested: every subscription brings its own URL, at the push service of its browser.
  baseUrl: 'https://push.invalid',
  reaches: 'device',
  testDefault: true,
  fields: {
    publicKey: {
      label: 'VAPID public key',
      type: 'text',
      required: true,
      pattern: { regex: 'B[A-Za-z0-9_-]{86}', hint: '65 bytes in base64url, without padding' },
      help: 'The applicationServerKey with which the site subscribes.',
    },
    privateKey: {
      label: 'VAPID private key',
      type: 'secret',
      required: true,
      pattern: { regex: '[A-Za-z0-9_-]{43}', hint: '32 bytes in base64url, without padding' },
    },
    subject: {
      label: 'Contact',
      type: 'text',
      required: true,
      pattern: {
        regex: 'mailto:[^@\\s]+@[^@\\s]+|https://\\S+',
        hint: 'a mailto: or https: address',
      },
      help: 'Where the push services reach you. Apple refuses localhost.',
    },
  },
  limits: { payloadBytes: 4_096, connectTimeoutMs: 5_000, deadlineMs: 10_000, maxInFlight: 200 },
  // Topic and tag let a repeat take the place of the first; no service recognises it as a repeat.
  supports: { platforms: ['web'], dedupeKey: false, replaces: true, receipts: false, beacons: true },

  testConfig: makeTestConfig,

  token: {
    audience: ({ recipient }) => URL.parse(recipient.address)?.origin ?? '',
    sign({ publicKey, privateKey, subject }, { now, audience }) {
      const claims = { aud: audience, exp: Math.floor((now + JWT_LIFE_MS) / 1000), sub: subject };
      const jwt = signJwt({ typ: 'JWT', alg: 'ES256' }, claims, parseKey(publicKey, privateKey));
      return { value: new Secret(jwt), expiresAt: now + TOKEN_LIFE_MS };
    },
  },

  request(message, { publicKey }, context) {
    const { address } = message.recipient;
    const body = encryptPayload(message, context);
    return {
      method: 'POST',
      // Who knows an endpoint's path can try to push to it.
      url: new MaskedUrl(address, `${URL.parse(address)?.origin ?? ''}/***`),
      headers: {
        ...(context.token && { authorization: secret`vapid t=${context.token}, k=${publicKey}` }),
        ...buildHeaders(message, context),
        ...(body && { 'content-encoding': 'aes128gcm', 'content-type': 'application/octet-stream' }),
      },
      // Without keys the browser can still be woken, with nothing to read: RFC 8030, 5.
      body: body ?? '',
    };
  },

  classify(response, { now }) {
    const { status, headers } = response;
    // 201; 202 where receipts were asked for. The message's own URL is its only name, and Apple adds an id.
    if (status >= 200 && status < 300) return accepted(headers.location || headers['apns-id'] || null);
    return outcomeOfError(response, now);
  },

  examples: {
    accepted: {
      reply: {
        status: 201,
        headers: { location: 'https://push.example.net/message/qDIYHNcfAIPP_5ITvURr-d6BGt', ttl: '15' },
        body: '',
      },
      outcome: {
        kind: 'accepted',
        providerMessageId: 'https://push.example.net/message/qDIYHNcfAIPP_5ITvURr-d6BGt',
      },
      source: `${RFC_8030}#section-5`,
    },
    rejected: {
      reply: json(410, { code: 410, errno: 106, error: 'Gone', message: 'Subscription has expired.' }),
      outcome: { kind: 'rejected', reason: 'device_unregistered', code: '106', ...prune },
      source: MOZILLA,
    },
    notFound: {
      reply: { status: 404, headers: {}, body: '' },
      outcome: { kind: 'rejected', reason: 'device_unregistered', code: '404', ...prune },
      source: `${RFC_8030}#section-7.3`,
    },
    otherKeyGoogle: {
      reply: {
        status: 403,
        headers: { 'content-type': 'text/plain' },
        body: 'the VAPID credentials in the authorization header do not correspond to the credentials used to create the subscriptions.',
      },
      outcome: { kind: 'rejected', reason: 'device_unregistered', ...prune },
      source: GOOGLE,
    },
    otherKeyApple: {
      reply: json(400, { reason: 'VapidPkHashMismatch' }),
      outcome: { kind: 'rejected', reason: 'device_unregistered', code: 'VapidPkHashMismatch', ...prune },
      source: APPLE,
    },
    tooLarge: {
      reply: json(413, {
        code: 413,
        errno: 104,
        error: 'Payload Too Large',
        message: 'Data payload too large',
      }),
      outcome: { kind: 'rejected', reason: 'content_too_large', code: '104' },
      source: MOZILLA,
    },
    ttlMissing: {
      reply: json(400, { code: 400, errno: 111, error: 'Bad Request', message: 'Missing TTL header' }),
      outcome: { kind: 'rejected', reason: 'request_invalid', code: '111' },
      source: MOZILLA,
    },
    retry: {
      reply: json(503, {
        code: 503,
        errno: 201,
        error: 'Service Unavailable',
        message: 'Use exponential back-off',
      }),
      outcome: { kind: 'retry', reason: 'provider_unavailable', code: '201', afterMs: 60_000 },
      source: MOZILLA,
    },
    throttled: {
      reply: { status: 429, headers: { 'retry-after': '120' }, body: '' },
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 120_000, scope: 'message' },
      source: `${RFC_8030}#section-8.4`,
    },
    unavailable: {
      reply: json(403, { reason: 'BadJwtToken' }),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: 'BadJwtToken' },
      source: APPLE,
    },
    vapidRefused: {
      reply: json(401, { code: 401, errno: 109, error: 'Unauthorized', message: 'Invalid authentication' }),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: '109' },
      source: MOZILLA,
    },
  },
});

function encryptPayload(message: Message, context: RequestContext): Uint8Array | null {
  const keys = parseKeys(message.recipient);
  return (
    keys &&
    encrypt(buildPayload(message, context.deliveryId), keys, {
      privateKey: context.random(32),
      salt: context.random(16),
    })
  );
}

const KEYS = new WeakMap<Secret, KeyObject>();

/** The pair as a key object, made once for each stored configuration. */
function parseKey(publicKey: string, privateKey: Secret): KeyObject {
  const known = KEYS.get(privateKey);
  if (known) return known;
  const point = Buffer.from(publicKey, 'base64url');
  const x = point.subarray(1, 33).toString('base64url');
  const y = point.subarray(33).toString('base64url');
  const jwk = { kty: 'EC', crv: 'P-256', x, y, d: privateKey.reveal() };
  const key = createPrivateKey({ key: jwk, format: 'jwk' });
  KEYS.set(privateKey, key);
  return key;
}

function makeTestConfig() {
  const pair = createECDH('prime256v1');
  const publicKey = pair.generateKeys().toString('base64url');
  // OpenSSL drops leading zeros; the format does not.
  const scalar = Buffer.concat([Buffer.alloc(32), pair.getPrivateKey()]).subarray(-32);
  const privateKey = new Secret(scalar.toString('base64url'));
  return { publicKey, privateKey, subject: 'mailto:push@example.com' };
}
