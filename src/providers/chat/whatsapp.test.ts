import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Content, Message, Outcome, RequestContext } from '../contract.ts';
import whatsapp from './whatsapp.ts';

const DELIVERY = '019aa6b0-0000-7000-8000-000000000001';
const config = {
  phoneNumberId: '106540352242922',
  accessToken: new Secret('EAAtoken'),
  apiVersion: 'v25.0',
  language: 'de',
};
const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: DELIVERY,
  baseUrl: 'https://graph.facebook.com',
};

function message(content: Content, address = '+15551234567'): Message {
  return {
    channel: 'chat',
    recipient: { address },
    content,
    priority: 'high',
    category: 'otp',
    userId: 'u1',
  };
}
const bodyOf = (content: Content, address?: string) =>
  JSON.parse(String(whatsapp.request(message(content, address), config, context).body));
const templateOf = (parameters: Record<string, string>) =>
  bodyOf({ vendorTemplates: { whatsapp: { id: 't', parameters } } }).template;

// ---------------------------------------------------------------------------------------------- request

conformance(whatsapp, {
  golden: [
    {
      name: 'an approved template with everything in it',
      message: message({
        body: 'not shown',
        vendorTemplates: {
          whatsapp: {
            id: 'parcel_here',
            language: 'en_US',
            parameters: { 2: '7 €', 1: 'Ann', header: 'https://a.org/i.png', 'button.0': 'p/7' },
          },
          'wechat-mini': { id: 'leak', parameters: {} },
        },
      }),
      config,
      expected: {
        method: 'POST',
        url: 'https://graph.facebook.com/v25.0/106540352242922/messages',
        headers: { authorization: 'Bearer EAAtoken', 'content-type': 'application/json' },
        body:
          '{"messaging_product":"whatsapp","recipient_type":"individual","to":"15551234567","type":"template",' +
          '"template":{"name":"parcel_here","language":{"code":"en_US"},"components":[' +
          '{"type":"header","parameters":[{"type":"image","image":{"link":"https://a.org/i.png"}}]},' +
          '{"type":"body","parameters":[{"type":"text","text":"Ann"},{"type":"text","text":"7 €"}]},' +
          '{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"p/7"}]}]},' +
          `"biz_opaque_callback_data":"${DELIVERY}"}`,
      },
    },
    {
      name: 'words of one’s own, to a person who hides the number',
      message: message(
        {
          title: 'Parcel',
          body: 'It is *here* @all',
          url: 'https://a.org/p',
          fields: [{ title: 'Shop', value: 'Acme' }],
          actions: [
            { id: 'track', title: 'Track', url: 'https://a.org/t' },
            { id: 'later', title: 'Later' },
          ],
          passthrough: { whatsapp: { context: { message_id: 'wamid.1' } } },
        },
        'US.13491208655302741918',
      ),
      expected: {
        body: {
          messaging_product: 'whatsapp',
          recipient_type: 'individual',
          recipient: 'US.13491208655302741918',
          type: 'text',
          text: {
            body: 'Parcel\n\nIt is *here* @all\n\nShop: Acme\n\nTrack: https://a.org/t\n\nhttps://a.org/p',
            preview_url: true,
          },
          biz_opaque_callback_data: DELIVERY,
          context: { message_id: 'wamid.1' },
        },
      },
    },
  ],
});

test('parameters go where their names say', () => {
  const named = templateOf({
    first_name: 'Ann',
    order: '7',
    'header.shop': 'Acme',
    'button.1.quick_reply': 'yes',
  });
  assert.deepEqual(named, {
    name: 't',
    language: { code: 'de' },
    components: [
      { type: 'header', parameters: [{ type: 'text', parameter_name: 'shop', text: 'Acme' }] },
      {
        type: 'body',
        parameters: [
          { type: 'text', parameter_name: 'first_name', text: 'Ann' },
          { type: 'text', parameter_name: 'order', text: '7' },
        ],
      },
      {
        type: 'button',
        sub_type: 'quick_reply',
        index: '1',
        parameters: [{ type: 'payload', payload: 'yes' }],
      },
    ],
  });
  const numbered = Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`${11 - n}`, `${11 - n}`]));
  assert.equal(templateOf(numbered).components[0].parameters[10].text, '11');
  assert.deepEqual(templateOf({ header: 'Hello' }).components[0].parameters, [
    { type: 'text', text: 'Hello' },
  ]);
  assert.deepEqual(templateOf({ 'header.document': 'https://a.org/d.pdf' }).components[0].parameters, [
    { type: 'document', document: { link: 'https://a.org/d.pdf' } },
  ]);
  assert.deepEqual(templateOf({}), { name: 't', language: { code: 'de' } });
});

test('a parameter is one line, as WhatsApp wants it', () => {
  const [{ parameters }] = templateOf({ 1: 'a\r\nb\tc      d' }).components;
  assert.equal(parameters[0].text, 'a b c    d');
});

test('an image carries a short text, a long one goes without it; what is too long is cut', () => {
  const image = 'https://a.org/i.png';
  assert.deepEqual(bodyOf({ body: 'x', image }).image, { link: image, caption: 'x' });
  assert.deepEqual(bodyOf({ image }).image, { link: image });
  const long = bodyOf({ title: 'T', body: 'x'.repeat(5_000), image, fields: [{ title: 'a', value: 'b' }] });
  assert.deepEqual([long.type, long.text.body.length, long.text.preview_url], ['text', 4_096, false]);
  assert.match(long.text.body, /^T\n\nx+…\n\na: b$/);
});

// ---------------------------------------------------------------------------------------------- classify

const CODES: [codes: string, outcome: Partial<Outcome>][] = [
  ['131026 130472 130497', { kind: 'rejected', reason: 'recipient_unreachable', effect: undefined }],
  ['131021', { kind: 'rejected', reason: 'recipient_invalid' }],
  ['131050', { kind: 'rejected', reason: 'recipient_opted_out', effect: undefined }],
  ['131049', { kind: 'rejected', reason: 'recipient_rate_limited' }],
  ['131047', { kind: 'rejected', reason: 'content_refused', code: '131047' }],
  ['100 131008 131009 131051', { kind: 'rejected', reason: 'request_invalid' }],
  ['131052 131053 132000 132001 132012 132068 132069', { kind: 'rejected', reason: 'content_invalid' }],
  ['132005', { kind: 'rejected', reason: 'content_too_large' }],
  ['132007 132015 132016', { kind: 'rejected', reason: 'content_refused' }],
  ['0 190', { kind: 'unavailable', reason: 'credentials_invalid' }],
  ['3 10 200 230 299 33 131005 131042', { kind: 'unavailable', reason: 'account_misconfigured' }],
  ['131037 131045 133010', { kind: 'unavailable', reason: 'sender_not_allowed' }],
  ['368 131031', { kind: 'unavailable', reason: 'account_suspended' }],
  ['1 131000 131016 135000', { kind: 'retry', reason: 'provider_error' }],
  ['2 131057 133004', { kind: 'retry', reason: 'provider_unavailable' }],
  ['4 80007 130429', { kind: 'retry', reason: 'rate_limited', scope: 'connection', afterMs: 1_000 }],
  ['131056', { kind: 'retry', reason: 'recipient_rate_limited', scope: 'message' }],
  ['131048 133016', { kind: 'unavailable', reason: 'rate_limited', afterMs: 3_600_000 }],
  ['999999', { kind: 'rejected', reason: 'request_invalid' }],
];

for (const [codes, expected] of CODES) {
  test(`${codes}: ${expected.kind}, whatever the status`, () => {
    for (const code of codes.split(' ')) {
      const body = JSON.stringify({ error: { message: 'x', code: Number(code) } });
      for (const status of [200, 400])
        assertOutcome(whatsapp.classify({ status, headers: {}, body }, context), { ...expected, code });
    }
  });
}

test('the minutes until access is regained are believed up to an hour', () => {
  const classify = (usage: string) => {
    const headers = { 'x-business-use-case-usage': usage };
    return whatsapp.classify({ status: 429, headers, body: '{"error":{"code":80007}}' }, context);
  };
  const usage = (minutes: number) => JSON.stringify({ 1: [{ estimated_time_to_regain_access: minutes }] });
  assertOutcome(classify(usage(3)), { kind: 'retry', afterMs: 180_000 });
  assertOutcome(classify(usage(600)), { kind: 'retry', afterMs: 3_600_000 });
  for (const odd of ['', '{', usage(0), '{"1":[null]}', '{"1":null}'])
    assertOutcome(classify(odd), { kind: 'retry', afterMs: 1_000 });
});

test('a success without an id may have been sent', () => {
  for (const body of ['', '{}', '{"messages":[]}', '{"messages":[{"id":""}]}'])
    assertOutcome(whatsapp.classify({ status: 200, headers: {}, body }, context), { kind: 'unknown' });
});
