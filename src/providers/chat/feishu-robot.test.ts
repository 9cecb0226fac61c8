import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { conformance } from '../conformance.ts';
import type { Content, Message, RequestContext } from '../contract.ts';
import robot, { sign } from './feishu-robot.ts';

const config = { hookToken: new Secret('0a1b2c3d-token'), secret: new Secret('demo'), openLabel: 'Open' };
const context: RequestContext = {
  now: 1_599_360_473_900,
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: '019aa6b0-0000-7000-8000-000000000001',
  baseUrl: 'https://open.feishu.cn',
};

function message(content: Content): Message {
  const recipient = { address: '' };
  return { channel: 'chat', recipient, content, priority: 'normal', category: 'news', userId: 'u1' };
}

conformance(robot, {
  golden: [
    {
      name: 'a signed post, in which mentions are words',
      message: message({
        title: 'Parcel',
        body: 'It is here\n<at user_id="all">all</at>',
        url: 'https://a.example/7',
        fields: [{ title: 'No', value: '7' }],
      }),
      config,
      context,
      expected: {
        method: 'POST',
        url: 'https://open.feishu.cn/open-apis/bot/v2/hook/0a1b2c3d-token',
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body:
          '{"timestamp":"1599360473","sign":"l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8=","msg_type":"post",' +
          '"content":{"post":{"zh_cn":{"title":"Parcel","content":[[{"tag":"text","text":"It is here"}],' +
          '[{"tag":"text","text":"<at user_id=\\"all\\">all</at>"}],[{"tag":"text","text":"No: 7"}],' +
          '[{"tag":"a","text":"Open","href":"https://a.example/7"}]]}}}}',
      },
    },
  ],
});

test('time and secret are the key of the signature, and nothing is signed', () => {
  assert.equal(sign(new Secret('demo'), 1_599_360_473), 'l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8=');
});

test('the token is masked in print, and without a secret nothing is signed', () => {
  const { url, body } = robot.request(message({ body: 'x' }), { ...config, secret: undefined }, context);
  assert.ok(!`${url}`.includes('0a1b2c3d'));
  assert.deepEqual(Object.keys(JSON.parse(String(body))), ['msg_type', 'content']);
});

test('a title alone still has a line', () => {
  const { body } = robot.request(message({ title: 'T' }), config, context);
  assert.deepEqual(JSON.parse(String(body)).content.post.zh_cn.content, [[{ tag: 'text', text: 'T' }]]);
});
