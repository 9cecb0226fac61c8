import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { MaskedUrl, Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Message, Outcome, RequestContext } from '../contract.ts';
import webhook from './webhook.ts';

const KEY = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const config = { url: 'https://acme.org/hooks/k3y?token=t', secret: new Secret(`whsec_${KEY}`) };
const context: RequestContext = {
  now: 1_614_265_330_500,
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: '0177d9b4-2d80-7000-8000-000000000001',
  baseUrl: '',
};
const message: Message = {
  channel: 'webhook',
  recipient: { address: '' },
  content: { title: 'Parcel', body: 'It is here.', url: 'https://acme.org/p', data: { parcel: 1 } },
  priority: 'normal',
  category: 'orders',
  userId: 'u1',
};

const BODY =
  '{"type":"notification.message","timestamp":"2021-02-25T15:00:00.000Z","data":{"userId":"u1","category":"orders",' +
  '"priority":"normal","title":"Parcel","body":"It is here.","url":"https://acme.org/p","data":{"parcel":1}}}';

conformance(webhook, {
  golden: [
    {
      name: 'a signed event',
      message,
      config,
      context,
      expected: {
        method: 'POST',
        url: 'https://acme.org/hooks/k3y?token=t',
        headers: {
          'content-type': 'application/json',
          'webhook-id': context.deliveryId,
          'webhook-timestamp': '1614265330',
          'webhook-signature': `v1,${mac(KEY)}`,
        },
        body: BODY,
      },
    },
  ],
});

test('a later attempt carries the same id and the same payload', () => {
  const later = webhook.request(message, config, { ...context, now: context.now + 3_600_000 });
  assert.equal(later.body, BODY);
  assert.equal(later.headers['webhook-id'], context.deliveryId);
  assert.equal(later.headers['webhook-timestamp'], '1614268930');
});

test('during rotation both secrets sign', () => {
  const next = Buffer.alloc(24, 7).toString('base64');
  const rotating = { ...config, secondarySecret: new Secret(`whsec_${next}`) };
  const { headers } = webhook.request(message, rotating, context);
  assert.equal(headers['webhook-signature'], `v1,${mac(KEY)} v1,${mac(next)}`);
});

test("the recipient's own URL comes before the connection's", () => {
  const request = webhook.request(
    { ...message, recipient: { address: 'https://ann.org/h' } },
    config,
    context,
  );
  assert.equal(reveal(request.url), 'https://ann.org/h');
});

test('the path and query of the URL are never printed', () => {
  assert.equal(String(webhook.request(message, config, context).url), 'https://acme.org/***');
});

test('passthrough is merged into the event', () => {
  const content = { title: 'x', passthrough: { webhook: { type: 'parcel.arrived', source: 'shop' } } };
  const { type, source } = JSON.parse(String(webhook.request({ ...message, content }, config, context).body));
  assert.deepEqual({ type, source }, { type: 'parcel.arrived', source: 'shop' });
});

const STATUSES: [statuses: number[], outcome: Partial<Outcome>][] = [
  [[200, 201, 202, 204, 299], { kind: 'accepted' }],
  [[413], { kind: 'rejected', reason: 'content_too_large' }],
  [[410], { kind: 'unavailable', reason: 'account_misconfigured' }],
  [[300, 301, 302, 307, 308, 404, 405], { kind: 'retry', reason: 'account_misconfigured', scope: 'message' }],
  [[401, 403], { kind: 'retry', reason: 'credentials_invalid', scope: 'message' }],
  [[400, 409, 418], { kind: 'retry', reason: 'request_invalid', scope: 'message' }],
  [[422], { kind: 'retry', reason: 'content_invalid', scope: 'message' }],
  [[408], { kind: 'retry', reason: 'timeout', scope: 'message' }],
  [[429], { kind: 'retry', reason: 'rate_limited', scope: 'connection' }],
  [[502, 503, 504], { kind: 'retry', reason: 'provider_unavailable', scope: 'connection' }],
  [[500, 501, 520, 599], { kind: 'retry', reason: 'provider_error', scope: 'message' }],
  [[100, 199], { kind: 'retry', reason: 'response_unreadable' }],
];

for (const [statuses, expected] of STATUSES) {
  test(`${statuses.join(', ')}: ${expected.kind}`, () => {
    for (const status of statuses) {
      assertOutcome(webhook.classify({ status, headers: {}, body: 'ok' }, context), expected);
    }
  });
}

test('Retry-After is honoured as seconds and as a date', () => {
  const at = new Date(context.now + 60_000).toUTCString();
  const wait = (value: string) =>
    webhook.classify({ status: 503, headers: { 'retry-after': value }, body: '' }, context) as {
      afterMs?: number;
    };
  assert.equal(wait('120').afterMs, 120_000);
  assert.equal(wait(at).afterMs, 59_500);
  assert.equal(wait('soon').afterMs, undefined);
});

function mac(key: string): string {
  const content = `${context.deliveryId}.1614265330.${BODY}`;
  return createHmac('sha256', Buffer.from(key, 'base64')).update(content).digest('base64');
}

function reveal(url: string | MaskedUrl): string {
  return url instanceof MaskedUrl ? url.reveal() : url;
}
