import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Message, Outcome, RequestContext } from '../contract.ts';
import vonage from './vonage.ts';

const config = { apiKey: 'abcd1234', apiSecret: new Secret('s3cret'), from: '+447700900001' };
const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: '019aa6b0-0000-7000-8000-000000000001',
  baseUrl: 'https://api.nexmo.com',
};

function message(content: Message['content'], expiresAt?: number): Message {
  const recipient = { address: '+447700900000' };
  return { channel: 'sms', recipient, content, priority: 'high', category: 'otp', userId: 'u1', expiresAt };
}
const bodyOf = (one: Message, settings = config) =>
  JSON.parse(String(vonage.request(one, settings, context).body)) as Record<string, unknown>;

// ---------------------------------------------------------------------------------------------- request

conformance(vonage, {
  golden: [
    {
      name: 'a text with digits for numbers, our id, the callback and the time left',
      message: message({ body: 'Код: 1 "2"' }, context.now + 90_500),
      config,
      context: { callbackUrl: 'https://bellhop.example/v1/receipts/t1/c1?delivery=d1' },
      expected: {
        method: 'POST',
        url: 'https://api.nexmo.com/v1/messages',
        headers: {
          authorization: 'Basic YWJjZDEyMzQ6czNjcmV0',
          'content-type': 'application/json',
          accept: 'application/json',
        },
        body:
          '{"channel":"sms","message_type":"text","to":"447700900000","from":"447700900001","text":"Код: 1 \\"2\\"",' +
          '"ttl":90,"client_ref":"019aa6b0-0000-7000-8000-000000000001",' +
          '"webhook_url":"https://bellhop.example/v1/receipts/t1/c1?delivery=d1","webhook_version":"v1",' +
          '"sms":{"encoding_type":"auto"}}',
      },
    },
  ],
});

test('the time to live stays between 20 seconds and a week, and is left out when the message never expires', () => {
  const ttl = (ms: number) => bodyOf(message({ body: 'x' }, context.now + ms)).ttl;
  assert.deepEqual([ttl(-1), ttl(19_999), ttl(30_000), ttl(31_536_000_000)], [20, 20, 30, 604_800]);
  assert.equal('ttl' in bodyOf(message({ body: 'x' })), false);
});

test('a name as sender stays as it is, and without a public address there is no callback', () => {
  const body = bodyOf(message({ title: 'x' }), { ...config, from: 'Shop+1' });
  assert.deepEqual([body.from, body.text, 'webhook_url' in body], ['Shop+1', 'x', false]);
});

test('passthrough fields are merged into ours', () => {
  const vonageFields = { sms: { entity_id: '1101' }, client_ref: 'mine' };
  const body = bodyOf(message({ body: 'x', passthrough: { vonage: vonageFields } }));
  assert.deepEqual([body.sms, body.client_ref], [{ encoding_type: 'auto', entity_id: '1101' }, 'mine']);
});

// ---------------------------------------------------------------------------------------------- classify

const suppress = { effect: { type: 'suppress-contact' } } as const;
const CODES: [codes: string, outcome: Partial<Outcome>][] = [
  ['1170 1190 1300', { kind: 'rejected', reason: 'recipient_invalid', ...suppress }],
  ['1050 1240', { kind: 'rejected', reason: 'recipient_opted_out', ...suppress }],
  [
    '1040 1200 1250 1260 1270 1280 1290 1310 1360',
    { kind: 'rejected', reason: 'recipient_unreachable', effect: undefined },
  ],
  ['1180 1220 1230', { kind: 'retry', reason: 'recipient_unreachable' }],
  ['1241', { kind: 'retry', reason: 'recipient_rate_limited', scope: 'message' }],
  ['1340 1380 1381 1382', { kind: 'rejected', reason: 'content_invalid' }],
  ['1090', { kind: 'rejected', reason: 'content_too_large' }],
  ['1210', { kind: 'rejected', reason: 'content_refused' }],
  ['1010 1020 1021 1022 1130 1150', { kind: 'rejected', reason: 'request_invalid' }],
  ['1160', { kind: 'rejected', reason: 'account_misconfigured', effect: undefined }],
  ['1120', { kind: 'unavailable', reason: 'sender_not_allowed' }],
  ['1070', { kind: 'unavailable', reason: 'quota_exhausted' }],
  ['1060', { kind: 'unavailable', reason: 'account_suspended' }],
  ['1080 1140 1370', { kind: 'unavailable', reason: 'account_misconfigured' }],
  ['1000', { kind: 'retry', reason: 'rate_limited', afterMs: 1_000, scope: 'connection' }],
  ['1030 1100 1330 1331', { kind: 'retry', reason: 'provider_error' }],
];

for (const [codes, expected] of CODES) {
  for (const code of codes.split(' ')) {
    test(`${code}: ${expected.kind}, ${'reason' in expected && expected.reason}`, () => {
      const type = `https://developer.vonage.com/api-errors/messages#${code}`;
      for (const body of [{ title: code }, { title: Number(code) }, { title: 'Refused', type }]) {
        const reply = { status: 422, headers: {}, body: JSON.stringify(body) };
        assertOutcome(vonage.classify(reply, context), { ...expected, code });
      }
    });
  }
}

test('an answer without a code of the table goes by its status', () => {
  const cases: [number, Partial<Outcome>][] = [
    [400, { kind: 'rejected', reason: 'request_invalid' }],
    [401, { kind: 'unavailable', reason: 'credentials_invalid' }],
    [402, { kind: 'unavailable', reason: 'quota_exhausted' }],
    [403, { kind: 'unavailable', reason: 'account_misconfigured' }],
    [404, { kind: 'rejected', reason: 'request_invalid' }],
    [422, { kind: 'rejected', reason: 'request_invalid', effect: undefined }],
    [429, { kind: 'retry', reason: 'rate_limited', afterMs: 1_000, scope: 'connection' }],
    [503, { kind: 'retry', reason: 'provider_unavailable' }],
    [502, { kind: 'unknown', reason: 'provider_error' }],
    [301, { kind: 'unavailable', reason: 'account_misconfigured' }],
    [202, { kind: 'unknown', reason: 'response_unreadable' }],
  ];
  for (const [status, expected] of cases) {
    for (const body of ['', '<html>', '{}', '{"message_uuid":7}']) {
      assertOutcome(vonage.classify({ status, headers: {}, body }, context), {
        ...expected,
        code: `${status}`,
      });
    }
  }
});

test('a 5xx that the API itself wrote took nothing, so it is tried again', () => {
  const reply = { status: 500, headers: { 'retry-after': '2' }, body: '{"title":"Internal error"}' };
  assertOutcome(vonage.classify(reply, context), { kind: 'retry', reason: 'provider_error', afterMs: 2_000 });
});

test('a wrong sender in the request opens the breaker, a wrong recipient does not', () => {
  const body = (name: string) => JSON.stringify({ title: 'Invalid params', invalid_parameters: [{ name }] });
  assertOutcome(vonage.classify({ status: 422, headers: {}, body: body('from') }, context), {
    kind: 'unavailable',
    reason: 'sender_not_allowed',
  });
  assertOutcome(vonage.classify({ status: 422, headers: {}, body: body('to') }, context), {
    kind: 'rejected',
    reason: 'recipient_invalid',
    ...suppress,
  });
});
