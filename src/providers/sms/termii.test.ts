import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Message, Outcome, RequestContext } from '../contract.ts';
import termii from './termii.ts';

const config = { apiKey: new Secret('TLkey'), from: 'Shop', channel: 'dnd' };
const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: '019aa6b0-0000-7000-8000-000000000001',
  baseUrl: 'https://v3.api.termii.com',
};

function message(content: Message['content']): Message {
  const recipient = { address: '+2348012345678' };
  return { channel: 'sms', recipient, content, priority: 'high', category: 'otp', userId: 'u1' };
}
const bodyOf = (content: Message['content']) =>
  JSON.parse((termii.request(message(content), config, context).body as Secret).reveal());

// ---------------------------------------------------------------------------------------------- request

conformance(termii, {
  golden: [
    {
      name: 'the key, digits for the number, the text and the channel, at the account’s own host',
      message: message({ body: 'Your code: "1"' }),
      config,
      context: { baseUrl: 'https://v3.api.termii.com' },
      expected: {
        method: 'POST',
        url: 'https://v3.api.termii.com/api/sms/send',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body:
          '{"api_key":"TLkey","to":"2348012345678","from":"Shop","sms":"Your code: \\"1\\"","type":"plain",' +
          '"channel":"dnd"}',
      },
    },
  ],
});

test('a text that GSM-7 cannot write goes as unicode', () => {
  assert.equal(bodyOf({ body: 'Ẹ káàbọ̀' }).type, 'unicode');
  assert.equal(bodyOf({ body: 'Price: 5€ [today]' }).type, 'plain');
});

test('passthrough fields replace ours', () => {
  const { type, channel } = bodyOf({ body: 'x', passthrough: { termii: { type: 'encrypted' } } });
  assert.deepEqual([type, channel], ['encrypted', 'dnd']);
});

// ---------------------------------------------------------------------------------------------- classify

test('the id is kept digit by digit, however it is written', () => {
  const bodies = [
    '{"code":"ok","message_id":9122821270554876574}',
    '{"code":"ok","message_id":"9122821270554876574"}',
    '{"code":"ok","message_id":9122821270554876000,"message_id_str":"9122821270554876574"}',
  ];
  for (const body of bodies) {
    assert.deepEqual(termii.classify({ status: 200, headers: {}, body }, context), {
      kind: 'accepted',
      providerMessageId: '9122821270554876574',
    });
  }
});

const SAID: [status: number, said: string, outcome: Partial<Outcome>][] = [
  [401, 'Invalid API key', { kind: 'unavailable', reason: 'credentials_invalid' }],
  [200, 'Invalid API Key', { kind: 'unavailable', reason: 'credentials_invalid' }],
  [402, 'x', { kind: 'unavailable', reason: 'quota_exhausted' }],
  [400, 'Insufficient balance', { kind: 'unavailable', reason: 'quota_exhausted' }],
  [200, 'Insufficient balance', { kind: 'unavailable', reason: 'quota_exhausted' }],
  [404, 'Sender ID not approved', { kind: 'unavailable', reason: 'sender_not_allowed' }],
  [404, 'ApplicationSenderId not found', { kind: 'unavailable', reason: 'sender_not_allowed' }],
  [404, 'Route not found', { kind: 'unavailable', reason: 'sender_not_allowed' }],
  [404, 'Country not enabled', { kind: 'rejected', reason: 'account_misconfigured' }],
  [400, 'DND Active on Phone Number', { kind: 'rejected', reason: 'recipient_unreachable' }],
  [400, 'Invalid phone number', { kind: 'rejected', reason: 'recipient_invalid', effect: undefined }],
  [422, 'The to field is invalid', { kind: 'rejected', reason: 'recipient_invalid', effect: undefined }],
  [400, 'The sms field is required', { kind: 'rejected', reason: 'request_invalid' }],
  [422, 'The channel is wrong', { kind: 'rejected', reason: 'request_invalid' }],
  [200, 'Something else', { kind: 'rejected', reason: 'request_invalid' }],
  [403, 'Forbidden', { kind: 'unavailable', reason: 'account_misconfigured' }],
  [429, 'Insufficient balance', { kind: 'retry', reason: 'rate_limited', scope: 'connection' }],
  [500, 'Invalid API key', { kind: 'retry', reason: 'provider_error' }],
  [503, 'x', { kind: 'retry', reason: 'provider_unavailable' }],
];

for (const [status, said, expected] of SAID) {
  test(`${status} "${said}": ${expected.kind}`, () => {
    const body = JSON.stringify({ message: said });
    assertOutcome(termii.classify({ status, headers: {}, body }, context), {
      ...expected,
      code: `${status}`,
    });
  });
}

test('a success without an id, or an answer that is no JSON, may have been sent', () => {
  for (const body of ['', '<html>', '{}', '{"code":"ok"}', '{"code":"ok","message":"Successfully Sent"}']) {
    assertOutcome(termii.classify({ status: 200, headers: {}, body }, context), {
      kind: 'unknown',
      reason: 'response_unreadable',
    });
  }
});

test('Retry-After is honoured before our own pause', () => {
  const reply = { status: 429, headers: { 'retry-after': '9' }, body: '{}' };
  assertOutcome(termii.classify(reply, context), { kind: 'retry', afterMs: 9_000 });
});
