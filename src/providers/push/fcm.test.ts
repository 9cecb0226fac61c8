import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Content, HttpResponse, Message, Outcome, RequestContext } from '../contract.ts';
import fcm from './fcm.ts';

conformance(fcm);

const DELIVERY = '019aa6b0-0000-7000-8000-000000000001';
const config = fcm.testConfig();
const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: DELIVERY,
  baseUrl: fcm.baseUrl,
};

function build(content: Content, extra: Partial<Message> = {}) {
  const recipient = { address: 'tok:en', platform: 'android' as const };
  const message = {
    channel: 'push',
    recipient,
    content,
    priority: 'high',
    category: 'c',
    userId: 'u1',
  } as const;
  return fcm.request({ ...message, ...extra }, config, { ...context, token: new Secret('ya29') });
}
const messageOf = (content: Content, extra?: Partial<Message>) =>
  JSON.parse(String(build(content, extra).body)).message;

// ---------------------------------------------------------------------------------------------- request

test("a message goes to the service account's project", () => {
  const { method, url, headers } = build({ body: 'B' });
  assert.equal(method, 'POST');
  assert.equal(url, 'https://fcm.googleapis.com/v1/projects/bellhop-test/messages:send');
  assert.equal((headers.authorization as Secret).reveal(), 'Bearer ya29');
});

test('a message carries the notification, and data as text', () => {
  const content = {
    title: 'T',
    body: 'B',
    image: 'https://a.org/i.png',
    icon: 'ic_bell',
    badge: 3,
    url: 'app://1',
    data: { s: 'x', n: 1, b: false, o: { p: [2] }, none: null },
  };
  assert.deepEqual(messageOf(content, { expiresAt: context.now + 90_500 }), {
    token: 'tok:en',
    notification: { title: 'T', body: 'B', image: 'https://a.org/i.png' },
    data: { s: 'x', n: '1', b: 'false', o: '{"p":[2]}', url: 'app://1' },
    android: {
      priority: 'HIGH',
      ttl: '90s',
      notification: { tag: DELIVERY, sound: 'default', icon: 'ic_bell', notification_count: 3 },
    },
  });
});

test('a silent message has data alone', () => {
  assert.deepEqual(messageOf({ silent: true, title: 'T', data: { a: 1 } }, { priority: 'low' }), {
    token: 'tok:en',
    data: { a: '1' },
    android: { priority: 'NORMAL' },
  });
});

test('a collapse key is the tag too; the icon of other platforms stays behind', () => {
  const { android } = messageOf({ collapseKey: 'order-7', icon: 'https://a.org/i.png' });
  assert.equal(android.collapse_key, 'order-7');
  assert.deepEqual(android.notification, { tag: 'order-7', sound: 'default' });
});

test('the time to live stays between 0 and 28 days', () => {
  const ttl = (ms: number) => messageOf({}, { expiresAt: context.now + ms }).android.ttl;
  assert.equal(ttl(-5_000), '0s');
  assert.equal(ttl(40 * 86_400_000), '2419200s');
});

test('passthrough is merged to any depth', () => {
  const passthrough = {
    fcm: { android: { notification: { channel_id: 'x' } }, fcm_options: { analytics_label: 'l' } },
  };
  const { android, fcm_options } = messageOf({ passthrough });
  assert.deepEqual(android.notification, { tag: DELIVERY, sound: 'default', channel_id: 'x' });
  assert.deepEqual(fcm_options, { analytics_label: 'l' });
});

// ---------------------------------------------------------------------------------------------- classify

interface ErrorOf {
  status?: string;
  errorCode?: string;
  message?: string;
  field?: string;
  quota?: string;
}

function refusal(
  httpStatus: number,
  { status, errorCode, message = 'm', field, quota }: ErrorOf,
): HttpResponse {
  const type = 'type.googleapis.com';
  const details = [
    field && { '@type': `${type}/google.rpc.BadRequest`, fieldViolations: [{ field, description: 'd' }] },
    quota && { '@type': `${type}/google.rpc.QuotaFailure`, violations: [{ subject: quota }] },
    errorCode && { '@type': `${type}/google.firebase.fcm.v1.FcmError`, errorCode },
  ].filter(Boolean);
  const body = JSON.stringify({ error: { code: httpStatus, message, status, details } });
  return { status: httpStatus, headers: {}, body };
}

const gone = { kind: 'rejected', reason: 'device_unregistered', effect: { type: 'prune-device' } } as const;
const invalid = { status: 'INVALID_ARGUMENT', errorCode: 'INVALID_ARGUMENT' };
const quota = { status: 'RESOURCE_EXHAUSTED', errorCode: 'QUOTA_EXCEEDED' };
const limited = { kind: 'retry', reason: 'rate_limited', afterMs: 60_000 } as const;

const REFUSALS: [fact: string, httpStatus: number, error: ErrorOf, outcome: Partial<Outcome>][] = [
  ['unregistered', 404, { status: 'NOT_FOUND', errorCode: 'UNREGISTERED' }, gone],
  ['project missing', 404, { status: 'NOT_FOUND' }, { kind: 'unavailable', reason: 'account_misconfigured' }],
  ['token field', 400, { ...invalid, field: 'message.token' }, gone],
  ['token field, no code', 400, { status: 'INVALID_ARGUMENT', field: 'message.token' }, gone],
  [
    'token text',
    400,
    { ...invalid, message: 'The registration token is not a valid FCM registration token' },
    gone,
  ],
  ['too big', 400, { ...invalid, message: 'Android message is too big' }, { reason: 'content_too_large' }],
  ['data field', 400, { ...invalid, field: 'message.data[0].value' }, { reason: 'content_invalid' }],
  ['other argument', 400, invalid, { kind: 'rejected', reason: 'request_invalid' }],
  ['other project', 403, { status: 'PERMISSION_DENIED', errorCode: 'SENDER_ID_MISMATCH' }, gone],
  ['no role', 403, { status: 'PERMISSION_DENIED' }, { kind: 'unavailable', reason: 'account_misconfigured' }],
  ['token old', 401, { status: 'UNAUTHENTICATED' }, { kind: 'token-expired', code: 'UNAUTHENTICATED' }],
  [
    'APNs key missing',
    401,
    { status: 'UNAUTHENTICATED', errorCode: 'THIRD_PARTY_AUTH_ERROR' },
    { kind: 'rejected', reason: 'account_misconfigured', code: 'THIRD_PARTY_AUTH_ERROR' },
  ],
  ['project quota', 429, quota, { ...limited, scope: 'connection' }],
  [
    'device quota',
    429,
    { ...quota, message: 'Device message rate exceeded' },
    { ...limited, reason: 'recipient_rate_limited', scope: 'message' },
  ],
  [
    'device quota in details',
    429,
    { ...quota, quota: 'device:x' },
    { ...limited, reason: 'recipient_rate_limited', scope: 'message' },
  ],
  ['exhausted, no code', 429, { status: 'RESOURCE_EXHAUSTED' }, { ...limited, scope: 'connection' }],
  [
    'internal',
    500,
    { status: 'INTERNAL', errorCode: 'INTERNAL' },
    { kind: 'retry', reason: 'provider_error' },
  ],
  ['unspecified', 500, { errorCode: 'UNSPECIFIED_ERROR' }, { kind: 'retry', reason: 'provider_error' }],
  [
    'overloaded',
    503,
    { status: 'UNAVAILABLE', errorCode: 'UNAVAILABLE' },
    { kind: 'retry', reason: 'provider_unavailable', afterMs: 10_000 },
  ],
];

for (const [fact, httpStatus, error, expected] of REFUSALS) {
  test(`${httpStatus} ${fact}: ${expected.kind ?? 'rejected'}`, () => {
    assertOutcome(fcm.classify(refusal(httpStatus, error), context), expected);
  });
}

test('Retry-After is honoured in both forms', () => {
  const afterMs = (value: string) => {
    const reply = { ...refusal(503, { errorCode: 'UNAVAILABLE' }), headers: { 'retry-after': value } };
    const outcome = fcm.classify(reply, context);
    return 'afterMs' in outcome ? outcome.afterMs : undefined;
  };
  assert.equal(afterMs('7'), 7_000);
  assert.equal(afterMs(new Date(context.now + 90_000).toUTCString()), 90_000);
});

test('an answer without an error goes by its status', () => {
  const cases: [number, Partial<Outcome>][] = [
    [400, { kind: 'rejected', reason: 'request_invalid', code: '400' }],
    [401, { kind: 'token-expired' }],
    [403, { kind: 'unavailable', reason: 'account_misconfigured' }],
    [404, { kind: 'unavailable', reason: 'account_misconfigured' }],
    [413, { kind: 'rejected', reason: 'content_too_large' }],
    [429, { kind: 'retry', reason: 'rate_limited' }],
    [500, { kind: 'retry', reason: 'provider_error' }],
    [502, { kind: 'retry', reason: 'provider_unavailable' }],
    [599, { kind: 'retry', reason: 'provider_error' }],
    [301, { kind: 'unavailable', reason: 'account_misconfigured' }],
    [200, { kind: 'unknown', reason: 'response_unreadable' }],
  ];
  for (const [status, expected] of cases) {
    for (const body of [
      '',
      '<html>',
      '[]',
      '{"error":null}',
      '{"error":{"details":[null],"status":"toString"}}',
    ]) {
      const { code, ...rest } = expected as { code?: string };
      const outcome = fcm.classify({ status, headers: {}, body }, context);
      assertOutcome(outcome, body === '' ? expected : rest);
    }
  }
});
