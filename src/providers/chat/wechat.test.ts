import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome, revealAll } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Content, Outcome, RequestContext } from '../contract.ts';
import wechat from './wechat.ts';
import { chatTo, DELIVERY, NOW, OPENID } from './weixin/testing.ts';

const config = {
  ...wechat.testConfig(),
  appId: 'wx1234567890abcdef',
  appSecret: new Secret('s3cret-of-the-app'),
};
const context: RequestContext = {
  now: NOW,
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: DELIVERY,
  baseUrl: 'https://api.weixin.qq.com',
  token: new Secret('tok/en'),
};
const TEMPLATE: Content = {
  body: 'shown by others',
  url: 'https://acme.org/o/7',
  vendorTemplates: {
    wechat: {
      id: 'ngqIpbwh8bUfcSsECmogfXcV14J0tQlEpBO27izEYtY',
      parameters: { thing1: '茶', time2: '2026-11-21 15:04' },
    },
  },
};

conformance(wechat, {
  golden: [
    {
      name: 'a template message',
      message: chatTo(OPENID, TEMPLATE),
      config,
      expected: {
        method: 'POST',
        url: 'https://api.weixin.qq.com/cgi-bin/message/template/send?access_token=token-of-the-suite',
        headers: { 'content-type': 'application/json' },
        body:
          '{"touser":"OPENID_Rq0aUa0393vr31","template_id":"ngqIpbwh8bUfcSsECmogfXcV14J0tQlEpBO27izEYtY",' +
          '"url":"https://acme.org/o/7","client_msg_id":"019aa6b00000700080000000000000' +
          '01","data":{"thing1":{"value":"茶"},"time2":{"value":"2026-11-21 15:04"}}}',
      },
    },
    {
      name: 'a subscribe message of a connection for them',
      message: chatTo(OPENID, TEMPLATE),
      config: { ...config, product: 'subscribe' },
      expected: {
        url: 'https://api.weixin.qq.com/cgi-bin/message/subscribe/bizsend?access_token=token-of-the-suite',
        body: {
          touser: OPENID,
          template_id: 'ngqIpbwh8bUfcSsECmogfXcV14J0tQlEpBO27izEYtY',
          page: 'https://acme.org/o/7',
          data: { thing1: { value: '茶' }, time2: { value: '2026-11-21 15:04' } },
        },
      },
    },
  ],
});

// ---------------------------------------------------------------------------------------------- request

const made = (content: Content) => {
  const { url, body } = wechat.request(chatTo(OPENID, content), config, context);
  return { url: String(revealAll(url)), shown: String(url), body: JSON.parse(String(body)) };
};

test('the token is in the query, and in print is not', () => {
  const { url, shown } = made(TEMPLATE);
  assert.match(url, /\?access_token=tok%2Fen$/);
  assert.match(shown, /\?access_token=\*\*\*$/);
});

test('a mini program, colours and the product of one message come by passthrough', () => {
  const miniprogram = { appid: 'wx0', pagepath: 'index?a=1' };
  const data = { thing1: { color: '#ff0000' } };
  const { url, body } = made({
    ...TEMPLATE,
    passthrough: { wechat: { product: 'subscribe', miniprogram, data } },
  });
  assert.match(url, /\/subscribe\/bizsend\?/);
  assert.deepEqual(body.miniprogram, miniprogram);
  assert.deepEqual(body.data.thing1, { value: '茶', color: '#ff0000' });
  assert.equal('product' in body, false);
});

test('a product that there is not is none', () => {
  const { url, body } = made({ ...TEMPLATE, passthrough: { wechat: { product: 'constructor' } } });
  assert.match(url, /\/template\/send\?/);
  assert.equal('product' in body, false);
});

test('what has no template that WeChat approved is not tried', () => {
  const refused = (content: Content) => wechat.refuse!(chatTo(OPENID, content), config);
  assertOutcome(refused({ body: 'Hi' })!, {
    kind: 'rejected',
    reason: 'content_invalid',
    code: 'vendorTemplates.wechat is missing',
  });
  const other = { 'wechat-mini': { id: 'x', parameters: {} } };
  assert.equal(refused({ vendorTemplates: other })?.kind, 'rejected');
  assert.equal(refused(TEMPLATE), null);
});

test('a value that its place can not hold is not tried', () => {
  const wechatTemplate = {
    id: 'x',
    parameters: { thing1: 'x'.repeat(99), character_string2: 'x'.repeat(33) },
  };
  assertOutcome(wechat.refuse!(chatTo(OPENID, { vendorTemplates: { wechat: wechatTemplate } }), config)!, {
    kind: 'rejected',
    reason: 'content_too_large',
    code: 'character_string2 does not fit its kind',
  });
});

// ---------------------------------------------------------------------------------------------- token

const source = wechat.token as Extract<typeof wechat.token, { parse: unknown }>;

test('the stable token is asked for, not by force', () => {
  assert.deepEqual(revealAll(source.request(config, { now: NOW, baseUrl: context.baseUrl })), {
    method: 'POST',
    url: 'https://api.weixin.qq.com/cgi-bin/stable_token',
    headers: { 'content-type': 'application/json' },
    body: '{"grant_type":"client_credential","appid":"wx1234567890abcdef","secret":"s3cret-of-the-app"}',
  });
});

const fetched = (body: object, status = 200) =>
  source.parse({ status, headers: {}, body: JSON.stringify(body) }, { now: NOW });

test('a token is used until five minutes before its end, a short one until half of it is over', () => {
  const life = (expires_in: unknown) => {
    const reply = fetched({ access_token: '86_abcdefgh', expires_in });
    assert.ok('token' in reply);
    return reply.token.expiresAt - NOW;
  };
  assert.equal(life(7200), 6_900_000);
  assert.equal(life(240), 120_000);
  for (const odd of [undefined, -1, 1e12, 'x']) assert.equal(life(odd), 6_900_000);
});

const UNFETCHED: [codes: string, outcome: Partial<Outcome>][] = [
  ['40001 40125 40013 41002 41004', { kind: 'unavailable', reason: 'credentials_invalid' }],
  ['40164 61004 40002', { kind: 'unavailable', reason: 'account_misconfigured' }],
  ['45009', { kind: 'unavailable', reason: 'quota_exhausted' }],
  ['45011', { kind: 'retry', reason: 'rate_limited', afterMs: 60_000, scope: 'connection' }],
  ['-1', { kind: 'retry', reason: 'provider_error', scope: 'connection' }],
  // In no table.
  ['99999', { kind: 'unavailable', reason: 'credentials_invalid' }],
];
for (const [codes, expected] of UNFETCHED) {
  for (const code of codes.split(' ')) {
    test(`no token with ${code}: ${expected.kind}`, () => {
      const reply = fetched({ errcode: Number(code), errmsg: 'm' });
      assert.ok('outcome' in reply);
      assertOutcome(reply.outcome, { ...expected, code });
    });
  }
}

test('no token in an answer that is unreadable, or is none of the vendor’s, is tried again', () => {
  for (const reply of [
    fetched({}),
    fetched({ errcode: 0 }),
    fetched({ access_token: 'a b' }),
    fetched({}, 502),
  ]) {
    assert.ok('outcome' in reply);
    assertOutcome(reply.outcome, { kind: 'retry', reason: 'response_unreadable', scope: 'connection' });
  }
});

// ---------------------------------------------------------------------------------------------- classify

const effect = { type: 'suppress-contact' } as const;
const REFUSALS: [codes: string, outcome: Partial<Outcome>][] = [
  ['40001 40014 42001', { kind: 'token-expired' }],
  ['40003', { kind: 'rejected', reason: 'recipient_invalid', effect: undefined }],
  ['46004', { kind: 'rejected', reason: 'recipient_invalid', effect }],
  ['43004 50005 48002', { kind: 'rejected', reason: 'recipient_opted_out', effect }],
  ['43101 43019', { kind: 'rejected', reason: 'recipient_opted_out', effect: undefined }],
  ['40037 41030 40033 47003', { kind: 'rejected', reason: 'content_invalid' }],
  ['45002', { kind: 'rejected', reason: 'content_too_large' }],
  ['45168', { kind: 'rejected', reason: 'content_refused' }],
  [
    '47001 44002 43005 41001 41002 41003 41004 41005 41006 41007 41008 41009',
    { kind: 'rejected', reason: 'request_invalid' },
  ],
  ['40013', { kind: 'unavailable', reason: 'credentials_invalid' }],
  ['48001 40164 61004', { kind: 'unavailable', reason: 'account_misconfigured' }],
  ['48004 43107 50001 50002', { kind: 'unavailable', reason: 'account_suspended' }],
  ['-1', { kind: 'retry', reason: 'provider_error', scope: 'message' }],
  ['43108', { kind: 'retry', reason: 'recipient_rate_limited', scope: 'message' }],
  ['40241', { kind: 'retry', reason: 'recipient_rate_limited', afterMs: 60_000 }],
  ['45011', { kind: 'retry', reason: 'rate_limited', afterMs: 60_000, scope: 'connection' }],
  ['40038', { kind: 'retry', reason: 'rate_limited', afterMs: 3_600_000, scope: 'message' }],
  ['45009', { kind: 'unavailable', reason: 'quota_exhausted', afterMs: 3_600_000 }],
  // In no table.
  ['99999', { kind: 'rejected', reason: 'request_invalid' }],
];
for (const [codes, expected] of REFUSALS) {
  for (const code of codes.split(' ')) {
    test(`200 with ${code}: ${expected.kind}`, () => {
      const body = `{"errcode":${code},"errmsg":"m"}`;
      assertOutcome(wechat.classify({ status: 200, headers: {}, body }, context), { ...expected, code });
    });
  }
}

test('the id is kept digit by digit', () => {
  const body = '{"errcode":0,"errmsg":"ok","msgid":1864323726461255680}';
  assert.deepEqual(wechat.classify({ status: 200, headers: {}, body }, context), {
    kind: 'accepted',
    providerMessageId: '1864323726461255680',
  });
});

test('without a code nobody can tell, whatever else is said', () => {
  for (const body of ['', '{}', '{"errmsg":"ok"}', '{"errcode":"0"}', '{"msgid":1}'])
    assertOutcome(wechat.classify({ status: 200, headers: {}, body }, context), { kind: 'unknown' });
});
