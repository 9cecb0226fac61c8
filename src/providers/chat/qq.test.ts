import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome, revealAll } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Content, Outcome, RequestContext } from '../contract.ts';
import qq from './qq.ts';
import { chatTo, DELIVERY, NOW } from './weixin/testing.ts';

const config = { ...qq.testConfig(), clientSecret: new Secret('DG5g3B4j9X2KOErG') };
const context: RequestContext = {
  now: NOW,
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: DELIVERY,
  baseUrl: qq.baseUrl,
  token: new Secret('t'),
};

conformance(qq, {
  golden: [
    {
      name: 'a text to a person',
      message: chatTo('user:A1B2C3', { title: '快递', body: '已到', url: 'https://acme.org' }),
      expected: {
        method: 'POST',
        url: 'https://api.sgroup.qq.com/v2/users/A1B2C3/messages',
        headers: { authorization: 'QQBot token-of-the-suite', 'content-type': 'application/json' },
        body: '{"content":"快递\\n已到","msg_type":0}',
      },
    },
    {
      name: 'a text to a group',
      message: chatTo('group:G-1_x', { body: 'Hi' }),
      expected: {
        url: 'https://api.sgroup.qq.com/v2/groups/G-1_x/messages',
        body: { content: 'Hi', msg_type: 0 },
      },
    },
    {
      name: 'a text and an image into a channel',
      message: chatTo('channel:1234567', { body: 'Hi', image: 'https://acme.org/i.png' }),
      expected: {
        url: 'https://api.sgroup.qq.com/channels/1234567/messages',
        body: { content: 'Hi', image: 'https://acme.org/i.png' },
      },
    },
    {
      name: 'addresses, where their domains are registered',
      message: chatTo('user:A', {
        body: 'Hi',
        url: 'https://acme.org/o',
        fields: [{ title: 'Weight', value: '2 kg' }],
        actions: [
          { id: 'a', title: 'Track', url: 'https://acme.org/t' },
          { id: 'b', title: 'Later' },
        ],
      }),
      config: { showUrls: true },
      expected: {
        body: { content: 'Hi\nWeight: 2 kg\nTrack: https://acme.org/t\nhttps://acme.org/o', msg_type: 0 },
      },
    },
  ],
});

// ---------------------------------------------------------------------------------------------- request

const bodyOf = (address: string, content: Content, deliveryId = DELIVERY) =>
  JSON.parse(String(qq.request(chatTo(address, content), config, { ...context, deliveryId }).body));

test('an answer to a message has a number of its delivery, so that it is taken once', () => {
  const passthrough = { qq: { msg_id: 'M1' } };
  const [first, again] = [1, 2].map(() => bodyOf('user:A', { body: 'x', passthrough }));
  assert.ok(Number.isSafeInteger(first.msg_seq) && first.msg_seq > 0);
  assert.deepEqual(again, first);
  assert.notEqual(bodyOf('user:A', { body: 'x', passthrough }, 'another').msg_seq, first.msg_seq);
  assert.equal(bodyOf('group:A', { passthrough: { qq: { event_id: 'E1', msg_seq: 3 } } }).msg_seq, 3);
  assert.equal('msg_seq' in bodyOf('user:A', { body: 'x' }), false);
  assert.equal('msg_seq' in bodyOf('channel:1', { body: 'x', passthrough }), false);
});

test('markdown and buttons come by passthrough', () => {
  const markdown = { content: '# x' };
  assert.deepEqual(bodyOf('user:A', { body: 'x', passthrough: { qq: { msg_type: 2, markdown } } }), {
    content: 'x',
    msg_type: 2,
    markdown,
  });
});

test('nothing of the content mentions anybody', () => {
  const { content } = bodyOf('channel:1', {
    title: '<@!123> @everyone',
    body: '<qqbot-at-everyone /> <#5> <emoji:4> 1 < 2 @EveryOne',
    fields: [{ title: '<@1>', value: '@everyone' }],
  });
  assert.doesNotMatch(content, /<[@#a-z/!]|@everyone/i);
  assert.match(content, /1 < 2/);
});

test('an address of no known form is not tried', () => {
  const refuse = (address: string) => qq.refuse!(chatTo(address, { body: 'x' }), config);
  for (const address of [
    '',
    'A1B2',
    'user:',
    'User:A',
    'guild:1',
    'user:a/../b',
    'user:a b',
    'user:a\n',
    `user:${'x'.repeat(65)}`,
  ])
    assertOutcome(refuse(address)!, { kind: 'rejected', reason: 'recipient_invalid', effect: undefined });
  for (const address of ['user:A1B2', 'group:a-b_c', 'channel:9122821270554876574'])
    assert.equal(refuse(address), null);
});

// ---------------------------------------------------------------------------------------------- token

const source = qq.token as Extract<typeof qq.token, { parse: unknown }>;

test('the token is asked for at its own host', () => {
  assert.deepEqual(revealAll(source.request(config, { now: NOW, baseUrl: 'https://elsewhere.example' })), {
    method: 'POST',
    url: 'https://bots.qq.com/app/getAppAccessToken',
    headers: { 'content-type': 'application/json' },
    body: '{"appId":"102000001","clientSecret":"DG5g3B4j9X2KOErG"}',
  });
});

const fetched = (status: number, body: object) =>
  source.parse({ status, headers: {}, body: JSON.stringify(body) }, { now: NOW });

test('its life may be a number or a text, and it is used until 50 seconds before its end', () => {
  const life = (expires_in: unknown) => {
    const reply = fetched(200, { access_token: 'abcdefgh', expires_in });
    assert.ok('token' in reply);
    return reply.token.expiresAt - NOW;
  };
  assert.deepEqual(
    [life('7200'), life(7200), life('60'), life('x')],
    [7_150_000, 7_150_000, 30_000, 7_150_000],
  );
});

const UNFETCHED: [status: number, code: number, outcome: Partial<Outcome>][] = [
  [200, 100001, { kind: 'retry', reason: 'rate_limited', scope: 'connection' }],
  [200, 100007, { kind: 'unavailable', reason: 'account_suspended' }],
  [200, 100016, { kind: 'unavailable', reason: 'credentials_invalid' }],
  [400, 100016, { kind: 'unavailable', reason: 'credentials_invalid' }],
  [200, 123456, { kind: 'unavailable', reason: 'credentials_invalid' }],
  [500, 123456, { kind: 'retry', reason: 'response_unreadable', scope: 'connection' }],
];
for (const [status, code, expected] of UNFETCHED) {
  test(`no token: ${status} ${code}`, () => {
    const reply = fetched(status, { code, message: 'm' });
    assert.ok('outcome' in reply);
    assertOutcome(reply.outcome, { ...expected, code: `${code}` });
  });
}

// ---------------------------------------------------------------------------------------------- classify

const effect = { type: 'suppress-contact' } as const;
const REFUSALS: [codes: string, outcome: Partial<Outcome>][] = [
  ['11241 11243 11244', { kind: 'token-expired' }],
  ['10001 10003 10004 1100104 304034', { kind: 'rejected', reason: 'recipient_invalid', effect }],
  ['304025 304031 304064 40034101 40054003', { kind: 'rejected', reason: 'recipient_opted_out', effect }],
  ['40034102 40034105 304046 304048', { kind: 'rejected', reason: 'recipient_opted_out', effect: undefined }],
  ['40054002', { kind: 'rejected', reason: 'recipient_unreachable', effect: undefined }],
  ['50006', { kind: 'rejected', reason: 'content_invalid' }],
  ['40054007', { kind: 'rejected', reason: 'content_too_large' }],
  ['304003 40054010 1100101', { kind: 'rejected', reason: 'content_refused' }],
  ['50035 50037 50055 50056 50057 610013', { kind: 'rejected', reason: 'request_invalid' }],
  ['304026 304027 304103 40034005 40034024 40034128', { kind: 'rejected', reason: 'request_invalid' }],
  ['11251 11261 11275', { kind: 'unavailable', reason: 'credentials_invalid' }],
  ['11253 304018 40054016', { kind: 'unavailable', reason: 'account_misconfigured' }],
  ['11254 11265', { kind: 'unavailable', reason: 'account_suspended' }],
  ['11242 11252 11263 11281 304082 304083 50055001', { kind: 'retry', reason: 'provider_error' }],
  ['1100100 40034100', { kind: 'retry', reason: 'rate_limited', afterMs: 60_000, scope: 'connection' }],
  ['22009', { kind: 'retry', reason: 'rate_limited', afterMs: 60_000, scope: 'message' }],
  ['20028 1100308', { kind: 'retry', reason: 'recipient_rate_limited', afterMs: 60_000 }],
  [
    '304045 304047 304049 304050 304022',
    { kind: 'retry', reason: 'recipient_rate_limited', afterMs: 3_600_000 },
  ],
  // In no table.
  ['99999', { kind: 'rejected', reason: 'request_invalid' }],
];
const classify = (status: number, body: object, headers = {}) =>
  qq.classify({ status, headers, body: JSON.stringify(body) }, { now: NOW });
for (const [codes, expected] of REFUSALS) {
  for (const code of codes.split(' ')) {
    test(`400 with ${code}: ${expected.kind}`, () => {
      const body = { message: 'm', code: Number(code), err_code: Number(code) };
      assertOutcome(classify(400, body), { ...expected, code });
      assertOutcome(classify(200, body), { ...expected, code });
    });
  }
}

test('the closer code decides, and the other where that is unknown', () => {
  assertOutcome(classify(400, { code: 11255, err_code: 40054007 }), {
    reason: 'content_too_large',
    code: '40054007',
  });
  assertOutcome(classify(400, { code: 40054007, err_code: 99 }), {
    reason: 'content_too_large',
    code: '40054007',
  });
});

test('without a code the status decides', () => {
  assertOutcome(classify(401, {}), { kind: 'token-expired', code: '401' });
  assertOutcome(classify(429, {}, { 'retry-after': '7' }), {
    kind: 'retry',
    reason: 'rate_limited',
    afterMs: 7_000,
  });
  assertOutcome(classify(500, { code: 1 }), { kind: 'retry', reason: 'provider_error' });
  assertOutcome(classify(504, {}), { kind: 'unknown', reason: 'provider_error' });
  assertOutcome(classify(200, {}), { kind: 'unknown', reason: 'response_unreadable' });
});

test('what waits for an audit is taken, under the number of the audit', () => {
  assertOutcome(classify(202, { code: 304024, message: 'm', data: null }), {
    kind: 'accepted',
    providerMessageId: null,
  });
  const body = '{"code":304023,"data":{"message_audit":{"audit_id":9007199254740993}}}';
  assert.deepEqual(qq.classify({ status: 202, headers: {}, body }, { now: NOW }), {
    kind: 'accepted',
    providerMessageId: '9007199254740993',
  });
});

test('an answer that was known again was taken before', () => {
  assert.deepEqual(classify(400, { code: 40054005, message: '消息被去重' }), {
    kind: 'accepted',
    providerMessageId: null,
  });
});
