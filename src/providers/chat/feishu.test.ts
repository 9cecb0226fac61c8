import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Content, Message, Outcome, RequestContext, TokenSource } from '../contract.ts';
import feishu from './feishu.ts';

const config = { appId: 'cli_a', appSecret: new Secret('s3cret'), openLabel: 'Open' };
const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: '019aa6b0-0000-7000-8000-000000000001',
  baseUrl: 'https://open.larksuite.com',
  token: new Secret('t-token'),
};

function message(content: Content, address = 'ou_7d8a6e6df7621556ce0d21922b676706'): Message {
  return {
    channel: 'chat',
    recipient: { address },
    content,
    priority: 'normal',
    category: 'news',
    userId: 'u1',
  };
}

conformance(feishu, {
  golden: [
    {
      name: 'a post to a person, named by our id',
      message: message({ title: 'Parcel', body: 'It is here' }),
      config,
      context,
      expected: {
        method: 'POST',
        url: 'https://open.larksuite.com/open-apis/im/v1/messages?receive_id_type=open_id',
        headers: { authorization: 'Bearer t-token', 'content-type': 'application/json; charset=utf-8' },
        body:
          '{"receive_id":"ou_7d8a6e6df7621556ce0d21922b676706","msg_type":"post",' +
          '"content":"{\\"zh_cn\\":{\\"title\\":\\"Parcel\\",\\"content\\":[[{\\"tag\\":\\"text\\",\\"text\\":\\"It is here\\"}]]}}",' +
          '"uuid":"019aa6b0-0000-7000-8000-000000000001"}',
      },
    },
  ],
});

test('an id tells by its beginning whose it is', () => {
  const typeOf = (address: string) =>
    new URL(String(feishu.request(message({ body: 'x' }, address), config, context).url)).searchParams.get(
      'receive_id_type',
    );
  assert.deepEqual(['on_1', 'oc_1', 'ou_1', 'a@b.example', '3e3cf96b'].map(typeOf), [
    'union_id',
    'chat_id',
    'open_id',
    'email',
    'user_id',
  ]);
  assert.equal(feishu.refuse!(message({ body: 'x' }, ''), config)?.kind, 'rejected');
});

test('the token is fetched with id and secret, and ends three minutes early', () => {
  const source = feishu.token as Extract<TokenSource<typeof config>, { request: unknown }>;
  const request = source.request(config, context);
  assert.equal(request.url, 'https://open.larksuite.com/open-apis/auth/v3/tenant_access_token/internal');
  assert.equal((request.body as Secret).reveal(), '{"app_id":"cli_a","app_secret":"s3cret"}');
  const reply = (body: object) => ({ status: 200, headers: {}, body: JSON.stringify(body) });
  const fetched = source.parse(reply({ code: 0, tenant_access_token: 't-abcdefg', expire: 7200 }), context);
  assert.equal('token' in fetched && fetched.token.expiresAt, context.now + 7_020_000);
  const refused = source.parse(reply({ code: 10014, msg: 'app secret invalid' }), context);
  assert.deepEqual(refused, {
    outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: '10014' },
  });
});

const CODES: [number, Partial<Outcome>][] = [
  [99992351, { kind: 'rejected', reason: 'recipient_invalid' }],
  [230002, { kind: 'rejected', reason: 'recipient_invalid' }],
  [230038, { kind: 'rejected', reason: 'recipient_invalid' }],
  [230013, { kind: 'rejected', reason: 'recipient_unreachable' }],
  [230035, { kind: 'rejected', reason: 'recipient_unreachable' }],
  [230001, { kind: 'rejected', reason: 'content_invalid' }],
  [230022, { kind: 'rejected', reason: 'content_refused' }],
  [230028, { kind: 'rejected', reason: 'content_refused' }],
  [230054, { kind: 'rejected', reason: 'content_invalid' }],
  [230055, { kind: 'rejected', reason: 'content_invalid' }],
  [230075, { kind: 'rejected', reason: 'content_invalid' }],
  [230099, { kind: 'rejected', reason: 'content_invalid' }],
  [230011, { kind: 'rejected', reason: 'request_invalid' }],
  [99991664, { kind: 'token-expired' }],
  [99991668, { kind: 'token-expired' }],
  [99991671, { kind: 'token-expired' }],
  [230006, { kind: 'unavailable', reason: 'account_misconfigured' }],
  [230018, { kind: 'unavailable', reason: 'account_misconfigured' }],
  [230027, { kind: 'unavailable', reason: 'account_misconfigured' }],
  [230036, { kind: 'unavailable', reason: 'account_misconfigured' }],
  [230101, { kind: 'retry', reason: 'provider_error' }],
  [230020, { kind: 'retry', reason: 'recipient_rate_limited', scope: 'message' }],
  [999, { kind: 'rejected', reason: 'request_invalid' }],
];
for (const [code, outcome] of CODES) {
  test(`code ${code}: ${outcome.kind}`, () => {
    const reply = { status: 400, headers: {}, body: JSON.stringify({ code, msg: 'x' }) };
    assertOutcome(feishu.classify(reply, context), { ...outcome, code: `${code}` } as never);
  });
}

test('a refusal beside a 5xx was not sent, a gateway without one may have sent it', () => {
  const reply = (status: number, body: string) => feishu.classify({ status, headers: {}, body }, context);
  assertOutcome(reply(500, '{"code":5000}'), { kind: 'retry', reason: 'provider_error', code: '5000' });
  assertOutcome(reply(504, ''), { kind: 'unknown', reason: 'provider_error' });
});
