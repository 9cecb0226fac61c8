import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Message, Outcome, RequestContext } from '../contract.ts';
import messagebird from './messagebird.ts';

const config = { accessKey: new Secret('live_key'), originator: '+31612345670' };
const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: '019aa6b0-0000-7000-8000-000000000001',
  baseUrl: 'https://rest.messagebird.com',
};

function message(content: Message['content'], expiresAt?: number): Message {
  const recipient = { address: '+31612345678' };
  return { channel: 'sms', recipient, content, priority: 'high', category: 'otp', userId: 'u1', expiresAt };
}
const bodyOf = (one: Message) => JSON.parse(String(messagebird.request(one, config, context).body));

// ---------------------------------------------------------------------------------------------- request

conformance(messagebird, {
  golden: [
    {
      name: 'digits for the numbers, the text, our id as reference, the report’s address and the time left',
      message: message({ body: 'Jouw code: "1" €' }, context.now + 90_500),
      config,
      context: { callbackUrl: 'https://bellhop.example/v1/receipts/t1/c1?delivery=d1' },
      expected: {
        method: 'POST',
        url: 'https://rest.messagebird.com/messages',
        headers: {
          authorization: 'AccessKey live_key',
          'content-type': 'application/json',
          accept: 'application/json',
        },
        body:
          '{"originator":"31612345670","recipients":["31612345678"],"body":"Jouw code: \\"1\\" €",' +
          '"datacoding":"auto","reference":"019aa6b0-0000-7000-8000-000000000001",' +
          '"reportUrl":"https://bellhop.example/v1/receipts/t1/c1?delivery=d1","validity":90}',
      },
    },
  ],
});

test('the validity stays between a second and three days', () => {
  const validity = (ms: number) => bodyOf(message({ body: 'x' }, context.now + ms)).validity;
  assert.deepEqual([validity(-1), validity(60_000), validity(31_536_000_000)], [1, 60, 259_200]);
});

test('passthrough fields replace ours', () => {
  const { type, reference } = bodyOf(message({ body: 'x', passthrough: { messagebird: { type: 'flash' } } }));
  assert.deepEqual([type, reference], ['flash', context.deliveryId]);
});

// ---------------------------------------------------------------------------------------------- classify

const suppress = { effect: { type: 'suppress-contact' } } as const;
const REFUSALS: [status: number, code: number, parameter: string | null, outcome: Partial<Outcome>][] = [
  [401, 2, 'access_key', { kind: 'unavailable', reason: 'credentials_invalid' }],
  [422, 9, 'originator', { kind: 'rejected', reason: 'request_invalid' }],
  [422, 10, 'recipients', { kind: 'rejected', reason: 'recipient_invalid', ...suppress }],
  [422, 10, 'recipient', { kind: 'rejected', reason: 'recipient_invalid', ...suppress }],
  [422, 10, 'originator', { kind: 'unavailable', reason: 'sender_not_allowed' }],
  [422, 10, 'body', { kind: 'rejected', reason: 'content_invalid' }],
  [422, 10, 'validity', { kind: 'rejected', reason: 'request_invalid', effect: undefined }],
  [422, 10, null, { kind: 'rejected', reason: 'request_invalid' }],
  [404, 20, null, { kind: 'rejected', reason: 'request_invalid' }],
  [402, 25, null, { kind: 'unavailable', reason: 'quota_exhausted' }],
  [422, 25, null, { kind: 'unavailable', reason: 'quota_exhausted' }],
  [500, 98, null, { kind: 'retry', reason: 'provider_error' }],
  [500, 99, null, { kind: 'retry', reason: 'provider_error' }],
];

for (const [status, code, parameter, expected] of REFUSALS) {
  test(`${status} ${code} of ${parameter}: ${expected.kind}`, () => {
    // One that is not known comes first.
    const errors = [{ code: 77 }, { code, description: 'd', parameter }];
    const reply = { status, headers: {}, body: JSON.stringify({ errors }) };
    assertOutcome(messagebird.classify(reply, context), { ...expected, code: `${code}` });
  });
}

test('an answer without a known code goes by its status', () => {
  const cases: [number, Partial<Outcome>][] = [
    [401, { kind: 'unavailable', reason: 'credentials_invalid' }],
    [402, { kind: 'unavailable', reason: 'quota_exhausted' }],
    [404, { kind: 'unavailable', reason: 'account_misconfigured' }],
    [422, { kind: 'rejected', reason: 'request_invalid' }],
    [429, { kind: 'retry', reason: 'rate_limited', scope: 'connection' }],
    [503, { kind: 'retry', reason: 'provider_unavailable' }],
    [500, { kind: 'unknown', reason: 'provider_error' }],
    [201, { kind: 'unknown', reason: 'response_unreadable' }],
  ];
  for (const [status, expected] of cases) {
    for (const body of ['', '<html>', '{}', '{"errors":{}}', '{"errors":[null,7]}', '{"id":7}'])
      assertOutcome(messagebird.classify({ status, headers: {}, body }, context), {
        ...expected,
        code: `${status}`,
      });
  }
});

test('a 429 took nothing, whatever its body says, and Retry-After is honoured', () => {
  const reply = { status: 429, headers: { 'retry-after': '2' }, body: '{"errors":[{"code":25}]}' };
  assertOutcome(messagebird.classify(reply, context), {
    kind: 'retry',
    reason: 'rate_limited',
    afterMs: 2_000,
  });
});
