import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome, revealAll } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Content, Message, Outcome, ReceiptRequest, RequestContext } from '../contract.ts';
import huawei from './huawei.ts';

const DELIVERY = '019aa6b0-0000-7000-8000-000000000001';
const config = {
  appId: '100000001',
  clientSecret: new Secret('client secret'),
  tokenUrl: 'https://oauth-login.cloud.huawei.com/oauth2/v3/token',
  callbackUsername: 'bell',
  callbackKey: new Secret('callback key'),
};
const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: DELIVERY,
  baseUrl: huawei.baseUrl,
};

function message(content: Content, extra: Partial<Message> = {}): Message {
  const recipient = { address: 'IQAAAACy0tok:en', platform: 'android' as const };
  return { channel: 'push', recipient, content, priority: 'high', category: 'c', userId: 'u1', ...extra };
}
const messageOf = (content: Content, settings: object = {}) =>
  JSON.parse(String(huawei.request(message(content), { ...config, ...settings }, context).body)).message;

// ---------------------------------------------------------------------------------------------- request

conformance(huawei, {
  golden: [
    {
      name: 'a notification for one token, with all that a message can say',
      message: message(
        {
          title: 'T',
          body: 'B',
          image: 'https://a.org/i.png',
          icon: '/raw/ic_bell',
          sound: '/raw/chime',
          badge: 3,
          url: 'https://a.org/1',
          data: { n: 1 },
        },
        { expiresAt: context.now + 86_400_000 },
      ),
      config: { ...config, badgeClass: 'org.a.Main' },
      expected: {
        method: 'POST',
        url: 'https://push-api.cloud.huawei.com/v1/100000001/messages:send',
        headers: {
          authorization: 'Bearer token-of-the-suite',
          'content-type': 'application/json; charset=UTF-8',
        },
        body:
          '{"message":{"data":"{\\"n\\":1,\\"url\\":\\"https://a.org/1\\"}",' +
          '"notification":{"title":"T","body":"B","image":"https://a.org/i.png"},' +
          `"android":{"urgency":"HIGH","ttl":"86400s","bi_tag":"${DELIVERY}",` +
          `"notification":{"tag":"${DELIVERY}","icon":"/raw/ic_bell","sound":"/raw/chime",` +
          '"badge":{"set_num":3,"class":"org.a.Main"},"click_action":{"type":2,"url":"https://a.org/1"}}},' +
          '"token":["IQAAAACy0tok:en"]}}',
      },
    },
    {
      name: 'data alone for a silent message, to the project',
      message: message({ silent: true, title: 'Unseen', data: { sync: 'now' } }, { priority: 'low' }),
      config: { ...config, projectId: '736430079' },
      expected: {
        url: 'https://push-api.cloud.huawei.com/v2/736430079/messages:send',
        body:
          `{"message":{"data":"{\\"sync\\":\\"now\\"}","android":{"urgency":"NORMAL","bi_tag":"${DELIVERY}"},` +
          '"token":["IQAAAACy0tok:en"]}}',
      },
    },
  ],
});

test('a click opens a page, a place in the app, or the app', () => {
  const click = (url?: string) => messageOf({ url }).android.notification.click_action;
  assert.deepEqual(click('https://a.org'), { type: 2, url: 'https://a.org' });
  assert.deepEqual(click('shop://order/7'), { type: 1, intent: 'shop://order/7' });
  assert.deepEqual(click(), { type: 3 });
});

test('a collapse key is the tag, and passthrough is merged to any depth', () => {
  const passthrough = { huawei: { android: { category: 'IM', notification: { channel_id: 'x' } } } };
  const { android } = messageOf({ collapseKey: 'order-7', icon: 'https://a.org/i.png', passthrough });
  assert.equal(android.category, 'IM');
  assert.deepEqual(android.notification, {
    tag: 'order-7',
    click_action: { type: 3 },
    channel_id: 'x',
  });
});

test('the time to live stays between a second and 15 days', () => {
  const ttl = (ms: number) => {
    const { body } = huawei.request(message({}, { expiresAt: context.now + ms }), config, context);
    return JSON.parse(String(body)).message.android.ttl;
  };
  assert.equal(ttl(-5_000), '1s');
  assert.equal(ttl(40 * 86_400_000), '1296000s');
});

// ---------------------------------------------------------------------------------------------- token

const source = huawei.token!;
assert.ok('request' in source);

test('the access token is asked for with the credentials of the app, or of the project', () => {
  const ask = (settings: object) => revealAll(source.request({ ...config, ...settings }, context));
  assert.deepEqual(ask({}), {
    method: 'POST',
    url: 'https://oauth-login.cloud.huawei.com/oauth2/v3/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: 'grant_type=client_credentials&client_id=100000001&client_secret=client+secret',
  });
  assert.match((ask({ clientId: 'p1' }) as { body: string }).body, /&client_id=p1&/);
});

test('a token that is refused breaks the connection, also with HTTP 200; one that fails is fetched later', () => {
  const fetched = (status: number, body: string) => source.parse({ status, headers: {}, body }, context);
  const cases: [status: number, body: string, outcome: Partial<Outcome>][] = [
    [
      400,
      '{"error":1101,"sub_error":20044}',
      { kind: 'unavailable', reason: 'credentials_invalid', code: '1101' },
    ],
    [200, '{"error":1203}', { kind: 'unavailable', reason: 'credentials_invalid', code: '1203' }],
    [403, '', { kind: 'unavailable', reason: 'credentials_invalid', code: '403' }],
    [429, '', { kind: 'retry', reason: 'rate_limited', scope: 'connection' }],
    [503, '{"error":1}', { kind: 'retry', reason: 'provider_error' }],
    [200, '<html>', { kind: 'retry', reason: 'response_unreadable' }],
    [302, '', { kind: 'retry', reason: 'response_unreadable' }],
  ];
  for (const [status, body, expected] of cases) {
    const reply = fetched(status, body);
    assert.ok('outcome' in reply);
    assertOutcome(reply.outcome, expected);
  }
  const reply = source.parse(huawei.tokenExample!, context);
  assert.ok('token' in reply);
  assert.equal(reply.token.expiresAt, context.now + 3_300_000);
});

// ---------------------------------------------------------------------------------------------- classify

const gone = { kind: 'rejected', reason: 'device_unregistered', effect: { type: 'prune-device' } } as const;
const REFUSALS: [codes: string, status: number, outcome: Partial<Outcome>][] = [
  ['80300007', 200, gone],
  ['80300007', 400, gone],
  [
    '80100001 80100003 80100004 80100013 80100018 80300010 80300011',
    400,
    { kind: 'rejected', reason: 'request_invalid' },
  ],
  ['80100001', 200, { kind: 'rejected', reason: 'request_invalid', effect: undefined }],
  ['80100016', 400, { kind: 'rejected', reason: 'content_refused' }],
  ['80300008', 413, { kind: 'rejected', reason: 'content_too_large' }],
  ['80300013', 400, { kind: 'rejected', reason: 'account_misconfigured' }],
  ['80200001 80200003 80200005', 401, { kind: 'token-expired' }],
  ['80200003', 200, { kind: 'token-expired' }],
  ['80300002', 403, { kind: 'unavailable', reason: 'account_misconfigured' }],
  ['80100017', 429, { kind: 'retry', reason: 'rate_limited', afterMs: 60_000, scope: 'connection' }],
  ['80600003 81000001', 500, { kind: 'retry', reason: 'provider_error', scope: 'message' }],
  // Not in the table.
  ['80100099 80300099', 200, { kind: 'rejected', reason: 'request_invalid', effect: undefined }],
  ['80200099', 401, { kind: 'unavailable', reason: 'credentials_invalid' }],
  ['81000099', 200, { kind: 'retry', reason: 'provider_error' }],
];

for (const [codes, status, expected] of REFUSALS) {
  for (const code of codes.split(' ')) {
    test(`${status} ${code}: ${expected.kind}`, () => {
      const body = JSON.stringify({ code, msg: 'm', requestId: 'r' });
      assertOutcome(huawei.classify({ status, headers: {}, body }, context), { ...expected, code });
    });
  }
}

test('a partial success is read from the text within the answer', () => {
  const partial = (msg: unknown) => {
    const body = JSON.stringify({ code: '80100000', msg, requestId: 'r1' });
    return huawei.classify({ status: 200, headers: {}, body }, context);
  };
  assertOutcome(partial('{"success":0,"failure":1,"illegal_tokens":["t"]}'), gone);
  assert.deepEqual(partial('{"success":1,"failure":0,"illegal_tokens":[]}'), {
    kind: 'accepted',
    providerMessageId: 'r1',
  });
  for (const msg of ['Success', '{', {}, null, '{"success":0,"failure":1}'])
    assertOutcome(partial(msg), { kind: 'rejected', reason: 'request_invalid', code: '80100000' });
});

test('an answer without a code goes by its status', () => {
  const cases: [number, Partial<Outcome>][] = [
    [200, { kind: 'unknown', reason: 'response_unreadable', code: '200' }],
    [301, { kind: 'unavailable', reason: 'account_misconfigured' }],
    [400, { kind: 'rejected', reason: 'request_invalid' }],
    [401, { kind: 'token-expired' }],
    [403, { kind: 'unavailable', reason: 'account_misconfigured' }],
    [404, { kind: 'unavailable', reason: 'account_misconfigured' }],
    [408, { kind: 'retry', reason: 'timeout' }],
    [413, { kind: 'rejected', reason: 'content_too_large' }],
    [429, { kind: 'retry', reason: 'rate_limited', scope: 'connection' }],
    [500, { kind: 'retry', reason: 'provider_error' }],
    [502, { kind: 'retry', reason: 'provider_unavailable' }],
    [503, { kind: 'retry', reason: 'provider_unavailable' }],
  ];
  for (const [status, expected] of cases) {
    for (const body of ['', '<html>', '[]', '{"code":"a key of 8"}'])
      assertOutcome(huawei.classify({ status, headers: {}, body }, context), expected);
  }
});

// ---------------------------------------------------------------------------------------------- receipts

const { verify } = huawei.receipts!;
const parse = (request: ReceiptRequest) => huawei.receipts!.parse(request, config);

function post(body: unknown, { at = context.now, key = 'callback key', username = 'bell' } = {}) {
  const nonce = 'a07bfa17-6d82-4b53-a9a2-07cfef5ceef1';
  const value = createHmac('sha256', key).update(`${at}${nonce}${username}`).digest('base64');
  const headers = { 'x-huawei-callback-id': `timestamp=${at}; nonce=${nonce}; value=${value}` };
  const url = 'https://bellhop.example/v1/receipts/t/c';
  return { method: 'POST', url, headers, body: Buffer.from(JSON.stringify(body)) } satisfies ReceiptRequest;
}

test('a receipt counts when its header was signed with the callback key for the user name, within five minutes', () => {
  const check = (settings: object, own: object = config) =>
    verify(post({}, settings), own as typeof config, { now: context.now });
  assert.equal(check({}), true);
  assert.equal(check({ at: Math.floor(context.now / 1000) - 299 }), true);
  assert.equal(check({ at: context.now - 301_000 }), false);
  assert.equal(check({ at: context.now + 301_000 }), false);
  assert.equal(check({ key: 'another' }), false);
  assert.equal(check({ username: 'eve' }), false);
  assert.equal(check({}, { ...config, callbackKey: undefined }), false);
  assert.equal(check({}, { ...config, callbackUsername: undefined }), false);
});

test("the example of Huawei's own guide is two deliveries", () => {
  const status = { appid: '0000000013', token: 't', status: 0, timestamp: 1_489_993_883_189 };
  const receipts = parse(
    post({
      statuses: [
        { ...status, biTag: DELIVERY, requestId: '1234567890' },
        { ...status, biTag: '131415', requestId: '1234567891', timestamp: 1_489_993_883 },
      ],
    }),
  );
  assert.deepEqual(receipts, [
    {
      event: 'delivered',
      deliveryId: DELIVERY,
      providerMessageId: '1234567890',
      at: 1_489_993_883_189,
      eventKey: '1234567890:0',
    },
    {
      event: 'delivered',
      deliveryId: null,
      providerMessageId: '1234567891',
      at: 1_489_993_883_000,
      eventKey: '1234567891:0',
    },
  ]);
});

test('a failure says why, in both versions of the body', () => {
  const report = (body: object) => {
    const [receipt] = parse(post({ statuses: [{ requestId: 'r', biTag: DELIVERY, ...body }] }));
    return [receipt?.event, receipt?.reason, receipt?.effect?.type, receipt?.code, receipt?.at];
  };
  assert.deepEqual(report({ status: 2 }), ['failed', 'device_unregistered', 'prune-device', '2', null]);
  assert.deepEqual(report({ status: 10 }), ['failed', 'device_unregistered', 'prune-device', '10', null]);
  for (const status of [5, 6, 15])
    assert.deepEqual(report({ status }), ['failed', 'recipient_unreachable', undefined, `${status}`, null]);
  assert.deepEqual(report({ deliveryStatus: { result: 102, timestamp: 1_700_000_000_000 } }), [
    'failed',
    'recipient_rate_limited',
    undefined,
    '102',
    1_700_000_000_000,
  ]);
  assert.deepEqual(report({ status: 144 }), ['failed', 'provider_error', undefined, '144', null]);
});

test('what tells no status of a message is no receipt', () => {
  for (const odd of [null, [], 'x', {}, { status: 'constructor' }, { status: 0 }, { requestId: 'r' }])
    assert.deepEqual(parse(post({ statuses: [odd] })), []);
  assert.deepEqual(parse(post({ statuses: {} })), []);
});
