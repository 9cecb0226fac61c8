import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MaskedUrl, Secret } from '../../lib/secret.ts';
import { assertOutcome, revealAll } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Outcome } from '../contract.ts';
import wecom from './wecom.ts';
import {
  call,
  callbackToken,
  chatTo,
  encodingAesKey,
  eventXml,
  NOW,
  plainPost,
  seal,
  securePost,
} from './weixin/testing.ts';

const config = {
  ...wecom.testConfig(),
  corpId: 'ww1234567890abcdef',
  secret: new Secret('sec/ret of the app'),
  callbackToken,
  encodingAesKey,
};

conformance(wecom, {
  golden: [
    {
      name: 'a text to a member',
      message: chatTo('ZhangSan', { title: '快递', body: '已到' }),
      expected: {
        method: 'POST',
        url: 'https://qyapi.weixin.qq.com/cgi-bin/message/send?access_token=token-of-the-suite',
        headers: { 'content-type': 'application/json' },
        body: '{"msgtype":"text","text":{"content":"快递\\n已到"},"agentid":1000002,"touser":"ZhangSan"}',
      },
    },
    {
      name: 'what the vendor knows besides, to nobody else',
      message: chatTo('ZhangSan', {
        body: 'x',
        passthrough: {
          wecom: { touser: '@all', msgtype: 'markdown', markdown: { content: '**x**' }, safe: 1 },
        },
      }),
      expected: {
        body: {
          msgtype: 'markdown',
          text: { content: 'x' },
          markdown: { content: '**x**' },
          agentid: 1_000_002,
          safe: 1,
          touser: 'ZhangSan',
        },
      },
    },
  ],
});

test('an address that is no user id, above all one that means everybody, is not tried', () => {
  for (const address of ['@all', '@ALL', 'a|b', '', ' a', 'a b', '-a', 'x'.repeat(65)]) {
    const refusal = wecom.refuse!(chatTo(address, { body: 'x' }), config)!;
    assertOutcome(refusal, {
      kind: 'rejected',
      reason: 'recipient_invalid',
      code: 'no_user_id',
      effect: undefined,
    });
  }
  for (const address of ['a', '1', 'Zhang_San-1@acme.org', 'x'.repeat(64)])
    assert.equal(wecom.refuse!(chatTo(address, { body: 'x' }), config), null);
});

test('the token is asked for with the secret in the query, which is not printed', () => {
  const source = wecom.token as Extract<typeof wecom.token, { parse: unknown }>;
  const { method, url } = source.request(config, { now: NOW, baseUrl: wecom.baseUrl });
  assert.equal(method, 'GET');
  assert.ok(url instanceof MaskedUrl);
  const gettoken = 'https://qyapi.weixin.qq.com/cgi-bin/gettoken?corpid=ww1234567890abcdef&corpsecret=';
  assert.equal(revealAll(url), `${gettoken}sec%2Fret%20of%20the%20app`);
  assert.equal(String(url), `${gettoken}***`);
});

test('no token for a secret that is wrong or an address that is not trusted', () => {
  const source = wecom.token as Extract<typeof wecom.token, { parse: unknown }>;
  const cases: [code: number, outcome: Partial<Outcome>][] = [
    [40001, { kind: 'unavailable', reason: 'credentials_invalid' }],
    [40013, { kind: 'unavailable', reason: 'credentials_invalid' }],
    [60020, { kind: 'unavailable', reason: 'account_misconfigured' }],
    [45009, { kind: 'retry', reason: 'rate_limited', scope: 'connection', afterMs: 60_000 }],
    [-1, { kind: 'retry', reason: 'provider_error', scope: 'connection' }],
  ];
  for (const [errcode, expected] of cases) {
    const reply = source.parse(
      { status: 200, headers: {}, body: JSON.stringify({ errcode, errmsg: 'm', access_token: '' }) },
      { now: NOW },
    );
    assert.ok('outcome' in reply);
    assertOutcome(reply.outcome, { ...expected, code: `${errcode}` });
  }
});

// ---------------------------------------------------------------------------------------------- classify

const REFUSALS: [codes: string, outcome: Partial<Outcome>][] = [
  ['40014 42001', { kind: 'token-expired' }],
  ['60111 46004', { kind: 'rejected', reason: 'recipient_invalid', effect: { type: 'suppress-contact' } }],
  ['81013 40003', { kind: 'rejected', reason: 'recipient_invalid', effect: undefined }],
  ['50002', { kind: 'rejected', reason: 'recipient_unreachable', effect: undefined }],
  ['82001 82002 82003 40008 40058', { kind: 'rejected', reason: 'request_invalid' }],
  ['40033 44004', { kind: 'rejected', reason: 'content_invalid' }],
  ['45002', { kind: 'rejected', reason: 'content_too_large' }],
  ['85002', { kind: 'rejected', reason: 'content_refused' }],
  ['40001 40013', { kind: 'unavailable', reason: 'credentials_invalid' }],
  ['40056 301002 48002 60011 60020', { kind: 'unavailable', reason: 'account_misconfigured' }],
  ['48004 50003', { kind: 'unavailable', reason: 'account_suspended' }],
  ['-1 6000', { kind: 'retry', reason: 'provider_error', scope: 'message' }],
  ['45009', { kind: 'retry', reason: 'rate_limited', afterMs: 60_000, scope: 'connection' }],
  ['45033', { kind: 'retry', reason: 'rate_limited', afterMs: 1_000, scope: 'connection' }],
  // In no table.
  ['99999', { kind: 'rejected', reason: 'request_invalid' }],
];
const classify = (body: object) =>
  wecom.classify({ status: 200, headers: {}, body: JSON.stringify(body) }, { now: NOW });
for (const [codes, expected] of REFUSALS) {
  for (const code of codes.split(' ')) {
    test(`200 with ${code}: ${expected.kind}`, () => {
      assertOutcome(classify({ errcode: Number(code), errmsg: 'Warning: wrong json format' }), {
        ...expected,
        code,
      });
    });
  }
}

test('taken for nobody is not taken', () => {
  const ok = { errcode: 0, errmsg: 'ok', msgid: 'm1' };
  assertOutcome(classify({ ...ok, invaliduser: '', unlicenseduser: '', invalidparty: '' }), {
    kind: 'accepted',
  });
  assertOutcome(classify({ ...ok, invaliduser: 'zhangsan' }), {
    reason: 'recipient_invalid',
    effect: undefined,
  });
  assertOutcome(classify({ ...ok, unlicenseduser: 'zhangsan' }), { reason: 'recipient_unreachable' });
});

// ---------------------------------------------------------------------------------------------- callback

const { verify, handshake, parse, inbound } = wecom.receipts!;

test('a trial of the address gets back the text that was encrypted for the corporation', () => {
  const { encrypted, signature } = seal('1616140317555161061', config.corpId);
  const request = call('GET', { msg_signature: signature, echostr: encrypted });
  const verified = verify(request, config, { now: NOW });
  assert.equal(verified, true);
  assert.deepEqual(handshake!(request, config, { now: NOW, verified }), {
    contentType: 'text/plain',
    body: '1616140317555161061',
  });
  assert.equal(handshake!(request, config, { now: NOW, verified: false }), null);
});

test('members who come, go and write are heard; nothing of it is a receipt', () => {
  const heard = (xml: string) => {
    const post = securePost(xml, config.corpId);
    assert.equal(verify(post, config, { now: NOW }), true);
    assert.deepEqual(parse(post, config), []);
    return inbound!.parse(post, config);
  };
  assert.deepEqual(heard(eventXml('subscribe', '', 'ZhangSan')), [
    { from: 'ZhangSan', text: '', wish: 'start' },
  ]);
  assert.deepEqual(heard(eventXml('unsubscribe', '', 'ZhangSan')), [
    { from: 'ZhangSan', text: '', wish: 'stop' },
  ]);
  const text = eventXml('', '<Content>Hi</Content>', 'ZhangSan').replace('CDATA[event]', 'CDATA[text]');
  assert.deepEqual(heard(text), [{ from: 'ZhangSan', text: 'Hi' }]);
  assert.deepEqual(heard(eventXml('enter_agent', '', 'ZhangSan')), []);
});

test('posts that are not encrypted, or for another corporation, are not heard', () => {
  assert.equal(verify(plainPost(eventXml('unsubscribe')), config, { now: NOW }), false);
  assert.deepEqual(inbound!.parse(securePost(eventXml('unsubscribe'), 'ww0'), config), []);
});
