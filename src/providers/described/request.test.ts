import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MaskedUrl, Secret } from '../../lib/secret.ts';
import { revealAll } from '../conformance/valid.ts';
import type { Message } from '../contract.ts';
import { build, context, message, sent } from './testing.ts';

const json = (value: unknown, one?: Message) => JSON.parse(sent({ json: value }, one).body!);

test('one expression alone gives its value, with text around it a text, and nothing leaves its field out', () => {
  const tree = {
    number: '{{ content.data.n }}',
    text: 'n = {{ content.data.n }}, {{ content.data.list }}',
    list: '{{ content.data.list }}',
    missing: '{{ content.title }}',
    within: ['{{ content.title }}', 1, true, null],
    constant: { deep: [{ a: 'plain' }] },
    empty: '',
  };
  assert.deepEqual(json(tree), {
    number: 7,
    text: 'n = 7, ["a","b"]',
    list: ['a', 'b'],
    within: [1, true, null],
    constant: { deep: [{ a: 'plain' }] },
    empty: '',
  });
});

test('what a message says is data in every kind of body, never a field, a tag or a template', () => {
  const evil = '","admin":true,"x":"&To=1\r\nX: y</a>{{ secret.key }}';
  const one = message({ content: { body: evil } });
  assert.deepEqual(json({ a: '{{ content.body }}' }, one), { a: evil });
  const form = new URLSearchParams(sent({ form: { a: '{{ content.body }}', b: '1' } }, one).body);
  assert.deepEqual(
    [...form],
    [
      ['a', evil],
      ['b', '1'],
    ],
  );
  const xml = sent({ xml: '<a>{{ content.body }}</a>' }, one).body!;
  assert.equal(xml.match(/</g)?.length, 2);
  const { url, headers } = build(
    {
      path: '/to/{{ content.body }}/x',
      query: { q: '{{ content.body }}' },
      headers: { 'x-a': '{{ content.body }}' },
    },
    one,
  );
  const target = new URL(String(url));
  assert.equal(target.host, 'api.example.org');
  assert.equal(target.pathname.split('/').length, 5);
  assert.deepEqual([...target.searchParams], [['q', evil]]);
  assert.doesNotMatch(String(headers['x-a']), /[\r\n]/);
});

test('an address of dots does not lead to another resource', () => {
  for (const address of ['..', '.', '%2e%2e', '../../admin']) {
    const { url } = sent({ path: '/users/{{ recipient.address }}/sms' }, message({ recipient: { address } }));
    assert.match(new URL(url!).pathname, /^\/v1\/users\/[^/]+\/sms$/, address);
  }
});

test('whatever a secret is part of is not printed', () => {
  const request = build({
    path: '/bot{{ secret.key }}/send',
    headers: { authorization: 'Bearer {{ secret.key }}', 'x-plain': 'a' },
    json: { key: '{{ secret.key | append: "x" }}' },
  });
  assert.ok(request.url instanceof MaskedUrl && request.body instanceof Secret);
  assert.ok(request.headers.authorization instanceof Secret);
  assert.equal(request.headers['x-plain'], 'a');
  assert.doesNotMatch(JSON.stringify(request), /k3y/);
  assert.equal(request.url.reveal(), 'https://api.example.org/v1/botk3y-of-the-tenant/send');
  assert.equal(typeof build({ json: { a: '{{ userId }}' } }).body, 'string');
});

test('filters do what they do in Liquid', () => {
  const cases: [expression: string, value: unknown][] = [
    ['content.title | default: content.body, "x"', 'B'],
    ['content.title | default: content.subject, "x"', 'x'],
    ['userId | append: ":", priority', 'u1:high'],
    ['recipient.address | remove_first: "+"', '14155550100'],
    ['userId | upcase | append: "X" | downcase', 'u1x'],
    ['content.body | append: "📦📦" | truncate: 2', 'B📦'],
    ['content.data.n | at_least: 10', 10],
    ['content.data.n | at_most: 3 | times: 1000', 3000],
    ['content.title | at_least: 1', undefined],
    ['recipient.address | number', 14155550100],
    ['userId | number', undefined],
    ['content.data.inner | json', '{"x":null}'],
    ['userId | base64_encode', 'dTE='],
    ["priority | choose: 'high', 10, 'low', 1, 5", 10],
    ['category | choose: "x", 1, 5', 5],
    ['category | choose: "x", 1', undefined],
    ['userId | hash: "md5"', 'e8dc4081b13434b45189a720b77b6818'.length],
    ['sms.encoding', 'GSM-7'],
    ['sms.segments', 1],
    ['now', context.now / 1000],
    ['deliveryId', context.deliveryId],
    ['ttlSeconds', undefined],
  ];
  for (const [expression, expected] of cases) {
    const { v } = json({ v: `{{ ${expression} }}` });
    if (expression.includes('hash:')) assert.equal(v.length, expected);
    else assert.deepEqual(v, expected, expression);
  }
});

test('what filters give has an end, however often they are put behind each other', () => {
  const one = message({ content: { body: '"'.repeat(10_000) } });
  const { body } = sent({ text: `{{ content.body ${'| json '.repeat(10)}}}` }, one);
  assert.equal(body!.length, 1024 * 1024);
});

test('hash and hmac agree with published vectors', () => {
  // RFC 1321, A.5; RFC 4231, 4.3.
  assert.equal(json({ v: '{{ "abc" | hash: "md5" }}' }).v, '900150983cd24fb0d6963f7d28e17f72');
  assert.equal(
    json({ v: '{{ "what do ya want for nothing?" | hmac: "sha256", "Jefe" }}' }).v,
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  );
});

test("a message's own additions go over what is described", () => {
  const passthrough = { 'http-sms': { a: { y: 2 } }, other: { z: 3 } };
  const one = message({ content: { passthrough } });
  assert.deepEqual(json({ a: { x: 1, y: 1 } }, one), { a: { x: 1, y: 2 } });
  assert.equal(sent({ form: { a: '1', b: '2' } }, one).body, 'b=2&a=%7B%22y%22%3A2%7D');
});

test('method, query and body are as described', () => {
  const { method, url, headers, body } = sent({
    method: 'GET',
    path: '/send',
    query: { to: '{{ recipient.address }}', tag: ['a', '{{ content.title }}', '{{ category }}'] },
  });
  assert.equal(method, 'GET');
  assert.equal(url, 'https://api.example.org/v1/send?to=%2B14155550100&tag=a&tag=otp');
  assert.deepEqual([headers, body], [{}, '']);
  assert.deepEqual(revealAll(build({ xml: '<a/>', headers: { 'content-type': 'text/xml' } }).headers), {
    'content-type': 'text/xml',
  });
});
