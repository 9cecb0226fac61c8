import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Content } from '../contract.ts';
import wechatMini from './wechat-mini.ts';
import {
  callbackToken,
  chatTo,
  encodingAesKey,
  eventXml,
  NOW,
  OPENID,
  securePost,
} from './weixin/testing.ts';

const config = wechatMini.testConfig();
const parameters = { thing1: '奶茶', number2: '339208499' };
const TEMPLATE: Content = { vendorTemplates: { 'wechat-mini': { id: 'TEMPLATE_ID', parameters } } };

conformance(wechatMini, {
  golden: [
    {
      name: 'a template with its values, in the version and the language of the connection',
      message: chatTo(OPENID, { ...TEMPLATE, url: '/pages/order?id=7' }),
      config: { ...config, miniprogramState: 'trial' },
      expected: {
        method: 'POST',
        url: 'https://api.weixin.qq.com/cgi-bin/message/subscribe/send?access_token=token-of-the-suite',
        headers: { 'content-type': 'application/json' },
        body:
          '{"touser":"OPENID_Rq0aUa0393vr31","template_id":"TEMPLATE_ID","page":"pages/order?id=7",' +
          '"data":{"thing1":{"value":"奶茶"},"number2":{"value":"339208499"}},' +
          '"miniprogram_state":"trial","lang":"zh_CN"}',
      },
    },
  ],
});

function bodyOf(content: Content): Record<string, unknown> {
  const context = { now: NOW, random: () => new Uint8Array(), deliveryId: 'd', baseUrl: 'https://a.example' };
  return JSON.parse(String(wechatMini.request(chatTo(OPENID, content), config, context).body));
}

test('the page comes by passthrough, or from a url that is one', () => {
  assert.equal(
    bodyOf({ ...TEMPLATE, passthrough: { 'wechat-mini': { page: 'index?a=1' } } }).page,
    'index?a=1',
  );
  assert.equal(bodyOf({ ...TEMPLATE, url: 'index' }).page, 'index');
  for (const url of ['https://acme.org/o/7', 'weixin://dl/business'])
    assert.equal('page' in bodyOf({ ...TEMPLATE, url }), false);
});

test('a template may name its language', () => {
  const template = { id: 'T', language: 'en_US', parameters };
  assert.equal(bodyOf({ vendorTemplates: { 'wechat-mini': template } }).lang, 'en_US');
});

test('what has no template that WeChat approved is not tried', () => {
  const refusal = wechatMini.refuse!(
    chatTo(OPENID, { body: 'Hi', vendorTemplates: { wechat: { id: 'x', parameters } } }),
    config,
  );
  assertOutcome(refusal!, {
    kind: 'rejected',
    reason: 'content_invalid',
    code: 'vendorTemplates.wechat-mini is missing',
  });
  assert.equal(wechatMini.refuse!(chatTo(OPENID, TEMPLATE), config), null);
});

test('reports of the mini program are read with its own id', () => {
  const settings = { ...config, callbackToken, encodingAesKey };
  const inside =
    '<SubscribeMsgSentEvent><List><MsgID>7</MsgID><ErrorCode>0</ErrorCode></List></SubscribeMsgSentEvent>';
  const post = securePost(eventXml('subscribe_msg_sent_event', inside), config.appId);
  assert.equal(wechatMini.receipts!.verify(post, settings, { now: NOW }), true);
  assert.equal(wechatMini.receipts!.parse(post, settings)[0]?.providerMessageId, '7');
  assert.deepEqual(wechatMini.receipts!.parse(post, { ...settings, appId: 'wx0000000000000000' }), []);
});
