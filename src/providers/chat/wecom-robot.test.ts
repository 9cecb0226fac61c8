import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Outcome } from '../contract.ts';
import wecomRobot from './wecom-robot.ts';
import { chatTo, DELIVERY, NOW } from './weixin/testing.ts';

const config = { key: new Secret('693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa') };

conformance(wecomRobot, {
  golden: [
    {
      name: 'a text into the group',
      message: chatTo('', { title: '告警', body: '磁盘 95%' }),
      config,
      expected: {
        method: 'POST',
        url: 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa',
        headers: { 'content-type': 'application/json' },
        body: '{"msgtype":"text","text":{"content":"告警\\n磁盘 95%"}}',
      },
    },
    {
      name: 'people to be mentioned, who are named by passthrough alone',
      message: chatTo('', {
        body: 'Look <@all>',
        passthrough: { 'wecom-robot': { text: { mentioned_list: ['wangqing', '@all'] } } },
      }),
      expected: {
        body: { msgtype: 'text', text: { content: 'Look ＜@all>', mentioned_list: ['wangqing', '@all'] } },
      },
    },
  ],
});

test('the key is not printed with the address', () => {
  const context = {
    now: NOW,
    random: () => new Uint8Array(),
    deliveryId: DELIVERY,
    baseUrl: wecomRobot.baseUrl,
  };
  const { url } = wecomRobot.request(chatTo('', { body: 'x' }), config, context);
  assert.equal(String(url), 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=***');
});

const REFUSALS: [codes: string, outcome: Partial<Outcome>][] = [
  ['93000', { kind: 'unavailable', reason: 'account_misconfigured' }],
  ['40033 44004', { kind: 'rejected', reason: 'content_invalid' }],
  ['40008 40058', { kind: 'rejected', reason: 'request_invalid' }],
  ['45002', { kind: 'rejected', reason: 'content_too_large' }],
  ['85002', { kind: 'rejected', reason: 'content_refused' }],
  ['45009 45033', { kind: 'retry', reason: 'rate_limited', afterMs: 60_000, scope: 'connection' }],
  ['-1 6000', { kind: 'retry', reason: 'provider_error' }],
  // In no table.
  ['99999', { kind: 'rejected', reason: 'request_invalid' }],
];
for (const [codes, expected] of REFUSALS) {
  for (const code of codes.split(' ')) {
    test(`200 with ${code}: ${expected.kind}`, () => {
      const body = `{"errcode":${code},"errmsg":"m"}`;
      assertOutcome(wecomRobot.classify({ status: 200, headers: {}, body }, { now: NOW }), {
        ...expected,
        code,
      });
    });
  }
}
