import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problems, receipts } from './testing.ts';

const REFUSED: [request: object, problem: RegExp][] = [
  [
    { json: { to: '{{ recipient.adress }}' } },
    /^\/request\/json\/to names recipient\.adress; recipient has address/,
  ],
  [{ json: { a: ['{{ nobody }}'] } }, /^\/request\/json\/a\/0 names nobody; there are recipient/],
  [
    { json: { 'a/b': '{{ secret.other }}' } },
    /^\/request\/json\/a~1b names secret\.other, which is not among/,
  ],
  [{ json: { a: '{{ secret }}' } }, /not among the secrets/],
  [{ json: { a: '{{ userId.x }}' } }, /userId has no parts/],
  [{ json: { a: '{{ userId | shout }}' } }, /^\/request\/json\/a \{\{ \}\} number 1 has the filters default/],
  [{ json: { a: '{{ userId | constructor }}' } }, /has the filters default/],
  [{ json: { a: '{{ userId | append }}' } }, /gives append 0 arguments \(1 to 5\)/],
  [{ json: { a: '{{ userId | append: }}' } }, /lacks an argument of append/],
  [{ json: { a: 'x {{ userId }} {{ userId userId }}' } }, /number 2 has a \| before each filter/],
  [{ json: { a: '{{ userId + 1 }}' } }, /number 1 can not be read from its character 9 on/],
  [{ json: { a: '{{ }}' } }, /begins with a name or a text/],
  [{ json: { a: '{{ userId' } }, /must close each/],
  [{ json: { a: '{% if x %}' } }, /has no \{% %\}/],
  [{ form: { a: 5 } }, /^\/request\/form\/a must be a text/],
  [{ form: [] }, /^\/request\/form must be an object/],
  [{ json: {}, form: {} }, /^\/request has one body at most, not json and form/],
  [{ method: 'GET', json: {} }, /^\/request\/json has no place in a GET/],
  [{ method: 'PATCH' }, /^\/request\/method must be one of POST, PUT, GET, DELETE/],
  [{ path: 'send' }, /^\/request\/path must be a path that begins with \//],
  [{ path: '/a?b=c' }, /^\/request\/path must be a path/],
  [{ headers: { 'X-Up': 'a' } }, /^\/request\/headers\/X-Up must be a name in lower case/],
  [{ headers: { host: 'a' } }, /^\/request\/headers\/host is not for a description to set/],
  [{ url: 'x' }, /^\/request\/url is not known; there are method, path/],
];

for (const [request, expected] of REFUSED) {
  test(`refused when it is saved: ${JSON.stringify(request)}`, () => {
    const found = problems(request);
    assert.equal(found.length, 1, found.join('\n'));
    assert.match(found[0]!, expected);
  });
}

const RULE = { when: { status: 400 }, outcome: 'rejected', reason: 'request_invalid' };
const rules = (...given: object[]) => ({ response: { rules: given } });
const REFUSED_ELSEWHERE: [more: object, problem: RegExp][] = [
  [{ baseUrl: 'https://api.example.org/?x=' }, /^\/baseUrl has no user name, query or fragment/],
  [{ baseUrl: 'https://u:p@api.example.org' }, /^\/baseUrl has no user name/],
  [{ baseUrl: 'https://{{ userId }}.example.org' }, /^\/baseUrl/],
  [{ secrets: { 'a-b': 'x' } }, /^\/secrets must be a JSON object of names and texts/],
  [{ secrets: { a: 5 } }, /^\/secrets/],
  [{ response: [] }, /^\/response must be a JSON object/],
  [{ response: { messageId: 'id' } }, /^\/response\/messageId must be a JSON Pointer/],
  [{ response: { rules: {} } }, /^\/response\/rules must be a list/],
  [
    rules(RULE, { ...RULE, reason: 'bad_weather' }),
    /^\/response\/rules\/1\/reason must be one of recipient_invalid/,
  ],
  [rules({ ...RULE, outcome: 'lost' }), /^\/response\/rules\/0\/outcome must be one of accepted/],
  [rules({ ...RULE, afterSeconds: 5 }), /^\/response\/rules\/0\/afterSeconds has no place in rejected/],
  [rules({ ...RULE, effect: 'delete-user' }), /^\/response\/rules\/0\/effect must be one of prune-device/],
  [
    rules({ ...RULE, when: { status: '9xx' } }),
    /^\/response\/rules\/0\/when\/status must be a status such as/,
  ],
  [rules({ ...RULE, when: [{ at: '/a' }] }), /^\/response\/rules\/0\/when\/0 lacks a test/],
  [rules({ ...RULE, when: {} }), /lacks a status or a test/],
  [rules({ ...RULE, when: { at: '/a', matches: '(a+)+$' } }), /when\/matches is not known/],
  [rules({ ...RULE, when: { at: '/a', contains: '' } }), /has no empty texts/],
  [rules({ ...RULE, when: { at: '/a', equals: 1, exists: true } }), /has one test, not equals and exists/],
  [receipts({ messageId: undefined }), /^\/receipts needs messageId or deliveryId/],
  [
    receipts({ signature: { type: 'hmac', header: 'x-sig', secret: 'other' } }),
    /must name one of the secrets/,
  ],
  [receipts({ signature: { type: 'rot13' } }), /^\/receipts\/signature\/type must be one of hmac/],
  [receipts({ events: {} }), /^\/receipts\/events names no event/],
  [receipts({ events: { d: 'arrived' } }), /^\/receipts\/events\/d must be one of queued/],
  [
    receipts({
      signature: { type: 'none' },
      events: { d: { event: 'bounced', effect: 'suppress-contact' } },
    }),
    /^\/receipts\/events\/d\/effect needs a signature/,
  ],
];

for (const [more, expected] of REFUSED_ELSEWHERE) {
  test(`refused when it is saved: ${JSON.stringify(more)}`, () => {
    const found = problems({ path: '/' }, more);
    assert.ok(found.length > 0);
    assert.match(found.join('\n'), new RegExp(expected.source, 'm'));
  });
}

test('a description that would make many times the message is refused', () => {
  const form = { a: Array(199).fill('{{ content.body }}') };
  assert.deepEqual(problems({ form }), []);
  const more = { form: { ...form, b: '{{ userId }}' } };
  assert.match(problems(more).join(), /^\/request has less than 200 expressions$/);
});

test('an expression that would make many times its value is refused', () => {
  const of = (count: number) => ({ json: { a: `{{ content.body ${'| json '.repeat(count)}}}` } });
  assert.deepEqual(problems(of(10)), []);
  assert.match(problems(of(11)).join(), /^\/request\/json\/a \{\{ \}\} number 1 has more than 10 filters$/);
});

test('all problems are named at once, and none repeats what was given', () => {
  const found = problems(
    { path: 'secret-path', json: { a: '{{ "literal-key" userId }}' } },
    { response: { rules: [{ when: {}, outcome: 'x' }] } },
  );
  assert.ok(found.length >= 4);
  assert.doesNotMatch(found.join(), /secret-path|literal-key/);
});

test('a deep description is refused, not the end of the process', () => {
  const deep = (levels: number): unknown => (levels === 0 ? 'x' : { a: deep(levels - 1) });
  assert.deepEqual(problems({ json: deep(19) }), []);
  assert.match(problems({ json: deep(500) }).join(), /is at most 20 levels deep/);
});
