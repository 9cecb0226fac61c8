import assert from 'node:assert/strict';
import { createPrivateKey, sign } from 'node:crypto';
import { test } from 'node:test';
import { Secret } from '../../../lib/secret.ts';
import type { ReceiptRequest } from '../../contract.ts';
import qq from '../qq.ts';
import { NOW } from '../weixin/testing.ts';

const config = { ...qq.testConfig(), clientSecret: new Secret('naOC0ocQE3shWLAfffVLB1rhYPG7') };
const { verify, handshake, parse, inbound } = qq.receipts!;

function post(body: string, signature?: string, timestamp = '1725442341'): ReceiptRequest {
  return {
    method: 'POST',
    url: 'https://bellhop.example/v1/receipts/t/c',
    headers: { 'x-signature-timestamp': timestamp, ...(signature && { 'x-signature-ed25519': signature }) },
    body: Buffer.from(body),
  };
}
const SIGNED_AT = 1_725_442_341_000;
const isVerified = (request: ReceiptRequest, settings: object = {}, now = SIGNED_AT) =>
  verify(request, { ...config, ...settings }, { now });

/** As the vendor's page has it, with the body that it was really made of. */
const SIGNATURE =
  '865ad13a61752ca65e26bde6676459cd36cf1be609375b37bd62af366e1dc25a8dc789ba7f14e017ada3d554c671a911bfdf075ba54835b23391d509579ed002';
const BODY = '{\n  "op": 0,\n  "d": {},\n  "t": "GATEWAY_EVENT_NAME"\n}';

test('the signature of the vendor’s page verifies, over the bytes of the body', () => {
  assert.equal(isVerified(post(BODY, SIGNATURE)), true);
  assert.equal(isVerified(post(BODY, SIGNATURE.toUpperCase())), true);
  assert.equal(isVerified(post(JSON.stringify(JSON.parse(BODY)), SIGNATURE)), false);
});

test('a post serves for five minutes', () => {
  for (const minutes of [-4, 4])
    assert.equal(isVerified(post(BODY, SIGNATURE), {}, SIGNED_AT + minutes * 60_000), true);
  for (const minutes of [-6, 6, 60_000])
    assert.equal(isVerified(post(BODY, SIGNATURE), {}, SIGNED_AT + minutes * 60_000), false);
  for (const odd of ['', 'soon', '1e9', ' 1725442341'])
    assert.equal(isVerified(post(BODY, SIGNATURE, odd)), false);
});

test('another time, secret or signature does not verify', () => {
  assert.equal(isVerified(post(BODY, SIGNATURE, '1725442342')), false);
  assert.equal(isVerified(post(BODY, SIGNATURE), { clientSecret: new Secret('DG5g3B4j9X2KOErG') }), false);
  assert.equal(isVerified(post(BODY, SIGNATURE), { clientSecret: new Secret('') }), false);
  for (const signature of [undefined, '00', SIGNATURE.slice(2), `${SIGNATURE}00`, 'z'.repeat(128)])
    assert.equal(isVerified(post(BODY, signature)), false);
});

test('the seed is the secret, repeated and cut', () => {
  const seed = Buffer.from('naOC0ocQE3shWLAfffVLB1rhYPG7naOC');
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const signed = sign(null, Buffer.from('1725442341{}'), key).toString('hex');
  assert.equal(isVerified(post('{}', signed)), true);
});

test('a trial of the address is answered with its token, signed', () => {
  const settings = { ...config, clientSecret: new Secret('DG5g3B4j9X2KOErG') };
  const trial = post('{"op":13,"d":{"plain_token":"Arq0D5A61EgUu4OxUvOp","event_ts":"1725442341"}}');
  const answer = handshake!(trial, settings, { now: NOW, verified: true })!;
  assert.equal(answer.contentType, 'application/json');
  assert.deepEqual(JSON.parse(answer.body), {
    plain_token: 'Arq0D5A61EgUu4OxUvOp',
    signature:
      '87befc99c42c651b3aac0278e71ada338433ae26fcb24307bdc5ad38c1adc2d01bcfcadc0842edac85e85205028a1132afe09280305f13aa6909ffc2d652c706',
  });
});

test('nobody gets anything signed who did not sign himself', () => {
  const forged = '{"op":13,"d":{"plain_token":"{\\"op\\":0}","event_ts":"1725442341"}}';
  assert.equal(handshake!(post(forged), config, { now: NOW, verified: false }), null);
});

test('posts of other kinds are no trials', () => {
  for (const body of [
    '{"op":0,"d":{"plain_token":"a","event_ts":"1"}}',
    '{"op":13}',
    '{"op":13,"d":{"plain_token":1}}',
  ])
    assert.equal(handshake!(post(body), config, { now: NOW, verified: true }), null);
});

const event = (t: string, d: object) => post(JSON.stringify({ op: 0, id: 'e1', t, d }));
const heard = (t: string, d: object) => inbound!.parse(event(t, d), config);

const WISHES: [t: string, d: object, from: string, wish: string][] = [
  ['FRIEND_ADD', { openid: 'U1', timestamp: 1 }, 'user:U1', 'start'],
  ['FRIEND_DEL', { openid: 'U1' }, 'user:U1', 'stop'],
  ['C2C_MSG_REJECT', { openid: 'U1' }, 'user:U1', 'stop'],
  ['C2C_MSG_RECEIVE', { openid: 'U1' }, 'user:U1', 'start'],
  ['GROUP_ADD_ROBOT', { group_openid: 'G1', op_member_openid: 'U1' }, 'group:G1', 'start'],
  ['GROUP_DEL_ROBOT', { group_openid: 'G1', op_member_openid: 'U1' }, 'group:G1', 'stop'],
  ['GROUP_MSG_REJECT', { group_openid: 'G1', op_member_openid: 'U1' }, 'group:G1', 'stop'],
  ['GROUP_MSG_RECEIVE', { group_openid: 'G1', op_member_openid: 'U1' }, 'group:G1', 'start'],
];
for (const [t, d, from, wish] of WISHES) {
  test(`${t} is ${wish} of ${from}`, () => {
    assert.deepEqual(heard(t, d), [{ from, text: '', wish }]);
    assert.deepEqual(parse(event(t, d), config), []);
  });
}

test('what is said to the bot alone is a message, what one says in a group is not the group’s', () => {
  const said = { id: 'm', content: ' STOP', author: { id: 'x', user_openid: 'U1', member_openid: 'M1' } };
  assert.deepEqual(heard('C2C_MESSAGE_CREATE', said), [{ from: 'user:U1', text: ' STOP' }]);
  assert.deepEqual(heard('GROUP_AT_MESSAGE_CREATE', { ...said, group_openid: 'G1' }), []);
  assert.deepEqual(heard('AT_MESSAGE_CREATE', { ...said, channel_id: 'C1' }), []);
});

test('the end of an audit is told of its message', () => {
  const d = {
    audit_id: '6b0a1c3f-20',
    message_id: 'm1',
    channel_id: 'c',
    audit_time: '2026-11-21T20:00:00+08:00',
  };
  const common = { deliveryId: null, providerMessageId: '6b0a1c3f-20', at: NOW };
  assert.deepEqual(parse(event('MESSAGE_AUDIT_PASS', d), config), [
    { ...common, event: 'sent', eventKey: '6b0a1c3f-20:pass' },
  ]);
  assert.deepEqual(parse(event('MESSAGE_AUDIT_REJECT', d), config), [
    {
      ...common,
      event: 'failed',
      eventKey: '6b0a1c3f-20:reject',
      reason: 'content_refused',
      code: 'audit_reject',
    },
  ]);
  assert.deepEqual(heard('MESSAGE_AUDIT_PASS', d), []);
});

test('broken and odd posts say nothing', () => {
  for (const body of [
    '',
    '{',
    'null',
    '{"op":0}',
    '{"op":0,"t":7,"d":{}}',
    '{"op":0,"t":"FRIEND_DEL","d":null}',
    '{"op":1,"t":"FRIEND_DEL","d":{"openid":"U1"}}',
  ]) {
    assert.deepEqual(inbound!.parse(post(body), config), []);
    assert.deepEqual(parse(post(body), config), []);
  }
});
