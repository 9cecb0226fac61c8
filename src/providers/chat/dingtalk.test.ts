import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MaskedUrl, Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Content, Message, Outcome, RequestContext, TokenSource } from '../contract.ts';
import dingtalk from './dingtalk.ts';

const config = {
  appKey: 'dingkey',
  appSecret: new Secret('s3cret-of-the-app'),
  agentId: '1234567890123456789',
  openLabel: 'Open',
  showTime: true,
};
const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  // Made at 2026-11-21T07:04:05Z.
  deliveryId: `${Date.UTC(2026, 10, 21, 7, 4, 5)
    .toString(16)
    .padStart(12, '0')
    .replace(/^(.{8})/, '$1-')}-7000-8000-000000000001`,
  baseUrl: 'https://oapi.dingtalk.com',
  token: new Secret('t0ken-of-the-app'),
};

function message(content: Content, address = 'manager4220'): Message {
  return {
    channel: 'chat',
    recipient: { address },
    content,
    priority: 'normal',
    category: 'news',
    userId: 'u1',
  };
}
const msgOf = (content: Content, settings: object = {}) =>
  JSON.parse(String(dingtalk.request(message(content), { ...config, ...settings }, context).body)).msg;

conformance(dingtalk, {
  golden: [
    {
      name: 'a text to one person, with the time in China at which it was made',
      message: message({ title: 'Parcel', body: 'It is here' }),
      config,
      context,
      expected: {
        method: 'POST',
        url: 'https://oapi.dingtalk.com/topapi/message/corpconversation/asyncsend_v2?access_token=t0ken-of-the-app',
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body:
          '{"agent_id":"1234567890123456789","userid_list":"manager4220",' +
          '"msg":{"msgtype":"text","text":{"content":"Parcel\\nIt is here\\n2026-11-21 15:04:05"}}}',
      },
    },
  ],
});

test('the token is fetched with key and secret in the query, which is masked', () => {
  const source = dingtalk.token as Extract<TokenSource<typeof config>, { request: unknown }>;
  const { url, method } = source.request(config, context);
  assert.equal(method, 'GET');
  assert.equal(
    (url as MaskedUrl).reveal(),
    'https://oapi.dingtalk.com/gettoken?appkey=dingkey&appsecret=s3cret-of-the-app',
  );
  assert.ok(!`${url}`.includes('s3cret'));
  const reply = (body: object) => ({ status: 200, headers: {}, body: JSON.stringify(body) });
  const fetched = source.parse(reply({ errcode: 0, access_token: 'abcdefgh', expires_in: 7200 }), context);
  assert.deepEqual('token' in fetched && fetched.token.expiresAt, context.now + 6_900_000);
  const refused = source.parse(reply({ errcode: 40089, errmsg: 'bad key' }), context);
  assert.deepEqual(refused, {
    outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: '40089' },
  });
});

test('without the time, the words alone are sent', () => {
  assert.deepEqual(msgOf({ body: 'Hi' }, { showTime: false }), { msgtype: 'text', text: { content: 'Hi' } });
});

test('an address makes a card with one button, actions make several', () => {
  assert.deepEqual(msgOf({ title: 'T', body: 'b', url: 'https://a.example/' }, { showTime: false }), {
    msgtype: 'action_card',
    action_card: {
      title: 'T',
      markdown: '### T\n\nb',
      single_title: 'Open',
      single_url: 'https://a.example/',
    },
  });
  const actions = ['1', '2'].map((id) => ({ id, title: id, url: `https://a.example/${id}` }));
  assert.deepEqual(msgOf({ body: 'b', actions }, { showTime: false }).action_card.btn_json_list, [
    { title: '1', action_url: 'https://a.example/1' },
    { title: '2', action_url: 'https://a.example/2' },
  ]);
});

test('the longest texts still end with the time', () => {
  const { content } = msgOf({ body: 'x'.repeat(9_000) }).text;
  assert.equal(content.length, 5_000);
  assert.ok(content.endsWith('…\n2026-11-21 15:04:05'));
});

test('a list of people is no person', () => {
  assert.equal(dingtalk.refuse!(message({ body: 'x' }), config), null);
  for (const address of ['a,b', '', 'a b', 'a|b'])
    assertOutcome(dingtalk.refuse!(message({ body: 'x' }, address), config)!, {
      kind: 'rejected',
      reason: 'recipient_invalid',
    });
});

const CODES: [number, Partial<Outcome>][] = [
  [40014, { kind: 'token-expired' }],
  [42001, { kind: 'token-expired' }],
  [33001, { kind: 'rejected', reason: 'recipient_invalid' }],
  [143103, { kind: 'retry', reason: 'recipient_rate_limited', afterMs: 60_000, scope: 'message' }],
  [143104, { kind: 'retry', reason: 'recipient_rate_limited', afterMs: 60_000 }],
  [143105, { kind: 'retry', reason: 'recipient_rate_limited', afterMs: 3_600_000 }],
  [143106, { kind: 'rejected', reason: 'content_refused' }],
  [1430002, { kind: 'rejected', reason: 'content_refused' }],
  [1430000, { kind: 'rejected', reason: 'content_invalid' }],
  [90002, { kind: 'retry', reason: 'rate_limited', scope: 'connection' }],
  [90019, { kind: 'retry', reason: 'rate_limited', scope: 'connection' }],
  [777, { kind: 'rejected', reason: 'request_invalid' }],
];
for (const [errcode, outcome] of CODES) {
  test(`errcode ${errcode}: ${outcome.kind}`, () => {
    const reply = { status: 200, headers: {}, body: JSON.stringify({ errcode, errmsg: 'x' }) };
    assertOutcome(dingtalk.classify(reply, context), { ...outcome, code: `${errcode}` } as never);
  });
}
