import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MaskedUrl, Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Content, Message, Outcome, RequestContext } from '../contract.ts';
import { escapeMarkdown } from './dingtalk/message.ts';
import robot, { sign } from './dingtalk-robot.ts';

const config = {
  accessToken: new Secret('t0ken-of-the-robot'),
  secret: new Secret('SECtest000'),
  openLabel: 'Open',
};
const context: RequestContext = {
  now: 1_577_262_236_757,
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: '019aa6b0-0000-7000-8000-000000000001',
  baseUrl: 'https://oapi.dingtalk.com',
};

function message(content: Content): Message {
  const recipient = { address: '' };
  return { channel: 'chat', recipient, content, priority: 'normal', category: 'news', userId: 'u1' };
}
const bodyOf = (content: Content, settings: object = {}) =>
  JSON.parse(String(robot.request(message(content), { ...config, ...settings }, context).body));

conformance(robot, {
  golden: [
    {
      name: 'a signed text',
      message: message({ title: 'Parcel', body: 'It is **here**', fields: [{ title: 'No', value: '7' }] }),
      config,
      context,
      expected: {
        method: 'POST',
        url:
          'https://oapi.dingtalk.com/robot/send?access_token=t0ken-of-the-robot&timestamp=1577262236757' +
          '&sign=EmCalblC6iM8b9uPcAs9QPiyLUzlghQ0QqbDgmSWf%2BI%3D',
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: '{"msgtype":"text","text":{"content":"Parcel\\nIt is **here**\\nNo: 7"}}',
      },
    },
  ],
});

test('the signature is the one that DingTalk makes', () => {
  assert.equal(
    sign(new Secret('SECtest000'), 1_577_262_236_757),
    'EmCalblC6iM8b9uPcAs9QPiyLUzlghQ0QqbDgmSWf+I=',
  );
});

test('neither token nor signature is printed', () => {
  const { url } = robot.request(message({ body: 'x' }), config, context);
  assert.ok(url instanceof MaskedUrl);
  assert.ok(!`${url}`.includes('t0ken'));
});

test('a robot without a signing secret signs nothing', () => {
  const { url } = robot.request(message({ body: 'x' }), { ...config, secret: undefined }, context);
  assert.equal(
    (url as MaskedUrl).reveal(),
    'https://oapi.dingtalk.com/robot/send?access_token=t0ken-of-the-robot',
  );
});

test('what leads somewhere is a card, in which nothing that people wrote is markup', () => {
  const one = bodyOf({ title: 'A [b](https://evil.example)', body: 'x\n# y', url: 'https://a.example/1' });
  assert.deepEqual(one, {
    msgtype: 'actionCard',
    actionCard: {
      title: 'A [b](https://evil.example)',
      text: '### A \\[b\\](https://evil.example)\n\nx  \n\\# y',
      singleTitle: 'Open',
      singleURL: 'https://a.example/1',
    },
  });
  const actions = [
    { id: '1', title: 'Yes', url: 'https://a.example/y' },
    { id: '2', title: 'No', url: 'https://a.example/n' },
    { id: '3', title: 'App', url: 'shop://x' },
  ];
  const card = bodyOf({ body: 'Well?', actions }).actionCard;
  assert.deepEqual(card.btns, [
    { title: 'Yes', actionURL: 'https://a.example/y' },
    { title: 'No', actionURL: 'https://a.example/n' },
  ]);
  assert.equal(card.title, 'Well?');
  const image = bodyOf({ body: 'See', image: 'https://a.example/(1).png' });
  assert.equal(image.markdown.text, '![](https://a.example/%281%29.png)\n\nSee');
});

test('a keyword is added to what does not hold it', () => {
  assert.equal(bodyOf({ body: 'Hi' }, { keyword: 'Shop' }).text.content, 'Hi\nShop');
  assert.equal(bodyOf({ body: 'Shop news' }, { keyword: 'Shop' }).text.content, 'Shop news');
});

test('a long text is cut, and shows it', () => {
  const { content } = bodyOf({ body: 'x'.repeat(6_000) }).text;
  assert.deepEqual([content.length, content.at(-1)], [5_000, '…']);
});

test('markup of every kind loses its meaning', () => {
  assert.equal(escapeMarkdown('*a* [b](c) <d> `e` # f'), '\\*a\\* \\[b\\](c) \\<d\\> \\`e\\` \\# f');
});

const CODES: [number, Partial<Outcome>][] = [
  [88, { kind: 'unavailable', reason: 'credentials_invalid' }],
  [300005, { kind: 'unavailable', reason: 'credentials_invalid' }],
  [400101, { kind: 'unavailable', reason: 'credentials_invalid' }],
  [400013, { kind: 'unavailable', reason: 'account_misconfigured' }],
  [400102, { kind: 'unavailable', reason: 'account_misconfigured' }],
  [400106, { kind: 'unavailable', reason: 'account_misconfigured' }],
  [40035, { kind: 'rejected', reason: 'request_invalid' }],
  [400105, { kind: 'rejected', reason: 'request_invalid' }],
  [43004, { kind: 'rejected', reason: 'request_invalid' }],
  [430101, { kind: 'rejected', reason: 'content_refused' }],
  [430102, { kind: 'rejected', reason: 'content_refused' }],
  [430103, { kind: 'rejected', reason: 'content_refused' }],
  [460101, { kind: 'rejected', reason: 'content_too_large' }],
  [410100, { kind: 'retry', reason: 'rate_limited', afterMs: 600_000, scope: 'connection' }],
  [90030, { kind: 'unavailable', reason: 'quota_exhausted' }],
  [-1, { kind: 'retry', reason: 'provider_error' }],
  [123456, { kind: 'rejected', reason: 'request_invalid' }],
];
for (const [errcode, outcome] of CODES) {
  test(`errcode ${errcode}: ${outcome.kind}`, () => {
    const reply = { status: 200, headers: {}, body: JSON.stringify({ errcode, errmsg: 'x' }) };
    assertOutcome(robot.classify(reply, context), { ...outcome, code: `${errcode}` } as never);
  });
}
