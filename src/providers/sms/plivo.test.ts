import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Message, Outcome, RequestContext } from '../contract.ts';
import plivo from './plivo.ts';

const config = { authId: 'MAXXXXXXXXXXXXXXXXXX', authToken: new Secret('atok'), from: '+14155550101' };
const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: '019aa6b0-0000-7000-8000-000000000001',
  baseUrl: 'https://api.plivo.com',
};

function message(content: Message['content'], expiresAt?: number): Message {
  const recipient = { address: '+14155550100' };
  return { channel: 'sms', recipient, content, priority: 'high', category: 'otp', userId: 'u1', expiresAt };
}
const bodyOf = (one: Message, settings: object = {}) =>
  JSON.parse(String(plivo.request(one, { ...config, ...settings }, context).body));

// ---------------------------------------------------------------------------------------------- request

conformance(plivo, {
  golden: [
    {
      name: 'digits for the numbers, the text, the callback by POST and the time left',
      message: message({ body: 'Código: 1 & 2' }, context.now + 90_500),
      config,
      context: { callbackUrl: 'https://bellhop.example/v1/receipts/t1/c1?delivery=d1' },
      expected: {
        method: 'POST',
        url: 'https://api.plivo.com/v1/Account/MAXXXXXXXXXXXXXXXXXX/Message/',
        headers: {
          authorization: `Basic ${btoa('MAXXXXXXXXXXXXXXXXXX:atok')}`,
          'content-type': 'application/json',
          accept: 'application/json',
        },
        body:
          '{"src":"14155550101","dst":"14155550100","text":"Código: 1 & 2","type":"sms",' +
          '"url":"https://bellhop.example/v1/receipts/t1/c1?delivery=d1","method":"POST","message_expiry":90}',
      },
    },
  ],
});

test('a powerpack chooses the sender', () => {
  const body = bodyOf(message({ body: 'x' }), { powerpackUuid: 'p1' });
  assert.deepEqual(body, { powerpack_uuid: 'p1', dst: '14155550100', text: 'x', type: 'sms' });
});

test('the expiry stays between 5 seconds and 3 hours', () => {
  const expiry = (ms: number) => bodyOf(message({ body: 'x' }, context.now + ms)).message_expiry;
  assert.deepEqual([expiry(-1), expiry(60_000), expiry(86_400_000)], [5, 60, 10_800]);
});

test('passthrough fields replace ours', () => {
  const extra = { dlt_entity_id: '1101', type: 'mms' };
  const { type, dlt_entity_id } = bodyOf(message({ body: 'x', passthrough: { plivo: extra } }));
  assert.deepEqual([type, dlt_entity_id], ['mms', '1101']);
});

// ---------------------------------------------------------------------------------------------- classify

const suppress = { effect: { type: 'suppress-contact' } } as const;
const REFUSALS: [status: number, error: string, outcome: Partial<Outcome>][] = [
  [400, 'dst parameter is invalid', { kind: 'rejected', reason: 'recipient_invalid', ...suppress }],
  [400, 'src parameter is invalid', { kind: 'rejected', reason: 'request_invalid', effect: undefined }],
  [401, 'Authentication failed', { kind: 'unavailable', reason: 'credentials_invalid' }],
  [402, 'Insufficient credit', { kind: 'unavailable', reason: 'quota_exhausted' }],
  [403, 'Not allowed', { kind: 'unavailable', reason: 'account_misconfigured' }],
  [404, 'not found', { kind: 'unavailable', reason: 'account_misconfigured' }],
  [405, 'x', { kind: 'rejected', reason: 'request_invalid' }],
  [406, 'x', { kind: 'rejected', reason: 'request_invalid' }],
  [409, 'x', { kind: 'rejected', reason: 'request_invalid' }],
  [413, 'x', { kind: 'rejected', reason: 'content_too_large' }],
  [429, 'x', { kind: 'retry', reason: 'rate_limited', afterMs: 1_000, scope: 'connection' }],
  [500, 'x', { kind: 'retry', reason: 'provider_error' }],
  [503, 'x', { kind: 'retry', reason: 'provider_unavailable' }],
];

for (const [status, error, expected] of REFUSALS) {
  test(`${status} "${error}": ${expected.kind}`, () => {
    const body = JSON.stringify({ api_id: 'a', error });
    assertOutcome(plivo.classify({ status, headers: {}, body }, context), { ...expected, code: `${status}` });
  });
}

test('a 202 without an id may have been sent, unless the number is called invalid', () => {
  for (const body of ['', '{}', '{"message_uuid":[]}', '{"message_uuid":[7],"invalid_number":[]}'])
    assertOutcome(plivo.classify({ status: 202, headers: {}, body }, context), { kind: 'unknown' });
  const body = '{"message_uuid":[],"invalid_number":["14155550100"]}';
  assertOutcome(plivo.classify({ status: 202, headers: {}, body }, context), {
    kind: 'rejected',
    ...suppress,
  });
});

test('a gateway that answers 5xx cannot tell, and Retry-After is honoured', () => {
  assertOutcome(plivo.classify({ status: 502, headers: {}, body: '<html>' }, context), { kind: 'unknown' });
  const reply = { status: 429, headers: { 'retry-after': '4' }, body: '{}' };
  assertOutcome(plivo.classify(reply, context), { kind: 'retry', afterMs: 4_000 });
});

test('a text that is registered in India bears its ids', () => {
  const plivoText = {
    id: '1107161234567890123',
    parameters: { entity: '1101234560000012345', category: 'transactional' },
  };
  const content = { body: 'Your parcel is here', vendorTemplates: { plivo: plivoText } };
  const body = JSON.parse(String(plivo.request(message(content), config, context).body));
  assert.deepEqual(
    [body.dlt_template_id, body.dlt_entity_id, body.dlt_template_category, body.text],
    ['1107161234567890123', '1101234560000012345', 'transactional', 'Your parcel is here'],
  );
});
