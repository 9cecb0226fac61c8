import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Receipt } from '../../contract.ts';
import wechat from '../wechat.ts';
import { callbackToken, encodingAesKey, eventXml, NOW, OPENID, plainPost, securePost } from './testing.ts';

const secure = { ...wechat.testConfig(), appId: 'wx1234567890abcdef', callbackToken, encodingAesKey };
const plain = { ...secure, encodingAesKey: undefined };
const { parse, inbound, verify, reply } = wechat.receipts!;
const receiptsOf = (xml: string) => parse(plainPost(xml), plain);
const common = { deliveryId: null, at: 1_395_658_920_000 };

const job = (status: string) =>
  eventXml(
    'TEMPLATESENDJOBFINISH',
    `<MsgID>1864323726461255680</MsgID><Status><![CDATA[${status}]]></Status>`,
  );

const JOBS: [status: string, receipt: Partial<Receipt>][] = [
  ['success', { event: 'delivered', eventKey: '1864323726461255680:success' }],
  [
    'failed:user block',
    {
      event: 'failed',
      eventKey: '1864323726461255680:failed',
      reason: 'recipient_opted_out',
      code: 'user_block',
      effect: { type: 'suppress-contact' },
    },
  ],
  [
    'failed: system failed',
    {
      event: 'failed',
      eventKey: '1864323726461255680:failed',
      reason: 'provider_error',
      code: 'system_failed',
    },
  ],
];
for (const [status, receipt] of JOBS) {
  test(`a template message that ended with "${status}" is ${receipt.event}`, () => {
    const expected = [{ ...common, providerMessageId: '1864323726461255680', ...receipt }];
    assert.deepEqual(receiptsOf(job(status)), expected);
    assert.deepEqual(parse(securePost(job(status), secure.appId), secure), expected);
  });
}

test('the same from a mini program’s JSON, with a number for an id', () => {
  const json = `{"MsgType":"event","Event":"TEMPLATESENDJOBFINISH","CreateTime":1395658920,"MsgID":1864323726461255680,"Status":"success"}`;
  assert.deepEqual(receiptsOf(json), receiptsOf(job('success')));
});

const sent = (...items: [id: string, code: number][]) =>
  eventXml(
    'subscribe_msg_sent_event',
    `<SubscribeMsgSentEvent>${items
      .map(
        ([id, code]) =>
          `<List><TemplateId><![CDATA[T1]]></TemplateId><MsgID>${id}</MsgID><ErrorCode>${code}</ErrorCode>` +
          '<ErrorStatus><![CDATA[x]]></ErrorStatus></List>',
      )
      .join('')}</SubscribeMsgSentEvent>`,
  );

test('a subscribe message that was sent is delivered', () => {
  assert.deepEqual(receiptsOf(sent(['2794188253209100289', 0])), [
    {
      ...common,
      providerMessageId: '2794188253209100289',
      event: 'delivered',
      eventKey: '2794188253209100289:0',
    },
  ]);
});

test('one that was not fails for what its code means, each of several by itself', () => {
  const receipts = receiptsOf(sent(['1', 43101], ['2', 0], ['3', 43004], ['4', 12345]));
  const short = receipts.map(({ event, providerMessageId, reason, effect }) => [
    providerMessageId,
    event,
    reason,
    effect?.type,
  ]);
  assert.deepEqual(short, [
    ['1', 'failed', 'recipient_opted_out', undefined],
    ['2', 'delivered', undefined, undefined],
    ['3', 'failed', 'recipient_opted_out', 'suppress-contact'],
    ['4', 'failed', 'provider_error', undefined],
  ]);
});

test('in JSON the list may be one object or a list, in the event’s own field or beside it', () => {
  const item = { TemplateId: 'T1', MsgID: '7', ErrorCode: '0', ErrorStatus: 'success' };
  const event = { MsgType: 'event', Event: 'subscribe_msg_sent_event', CreateTime: 1395658920 };
  for (const inside of [
    { SubscribeMsgSentEvent: { List: item } },
    { SubscribeMsgSentEvent: { List: [item] } },
    { List: item },
    { List: [item] },
  ]) {
    const receipts = receiptsOf(JSON.stringify({ ...event, ...inside }));
    assert.deepEqual(receipts, [{ ...common, providerMessageId: '7', event: 'delivered', eventKey: '7:0' }]);
  }
});

const heard = (xml: string) => inbound!.parse(plainPost(xml), plain);

test('who stops following is not written to, who comes back is', () => {
  assert.deepEqual(heard(eventXml('unsubscribe')), [{ from: OPENID, text: '', wish: 'stop' }]);
  assert.deepEqual(heard(eventXml('subscribe', '<EventKey/>')), [{ from: OPENID, text: '', wish: 'start' }]);
});

test('the refusal of one template is no wish and no receipt', () => {
  const change = eventXml(
    'subscribe_msg_change_event',
    '<SubscribeMsgChangeEvent><List><TemplateId>T</TemplateId><SubscribeStatusString>reject</SubscribeStatusString></List></SubscribeMsgChangeEvent>',
  );
  const popup = eventXml('subscribe_msg_popup_event');
  for (const xml of [change, popup]) assert.deepEqual([heard(xml), receiptsOf(xml)], [[], []]);
});

test('a text is a message of its sender', () => {
  const xml = eventXml('', '<Content><![CDATA[退订 <b>]]></Content>').replace('CDATA[event]', 'CDATA[text]');
  assert.deepEqual(heard(xml), [{ from: OPENID, text: '退订 <b>' }]);
  assert.deepEqual(receiptsOf(xml), []);
});

test('everything is answered with the word without which WeChat repeats it', () => {
  assert.deepEqual([reply, inbound!.reply], Array(2).fill({ contentType: 'text/plain', body: 'success' }));
});

test('a signed post verifies, and one that is broken says nothing', () => {
  assert.equal(verify(securePost(job('success'), secure.appId), secure, { now: NOW }), true);
  for (const body of [
    '',
    '<xml>',
    '<xml><MsgType>event</MsgType></xml>',
    '{"MsgType":"event","Event":7}',
    'null',
  ]) {
    assert.deepEqual(receiptsOf(body), []);
    assert.deepEqual(heard(body), []);
  }
  for (const id of ['', '<a/>'])
    assert.deepEqual(
      receiptsOf(eventXml('TEMPLATESENDJOBFINISH', `<MsgID>${id}</MsgID><Status>success</Status>`)),
      [],
    );
});
