import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { checkDefinition, compileTemplate } from './compile.ts';
import type { Definition } from './definition.ts';
import { namesIn, pinFragments } from './fragments.ts';
import { addTenant, buildTemplateServer, type Call, callTemplates } from './testing.ts';

function definition(html: string, fragments: Record<string, string>, layout?: string): Definition {
  return {
    defaultLocale: 'en',
    variables: {},
    channels: { email: { en: { subject: 's', html, ...(layout && { layout }) } } },
    fragments: Object.fromEntries(Object.entries(fragments).map(([id, text]) => [id, { version: 1, text }])),
  };
}

function render(source: Definition, variables: Record<string, unknown> = {}): string {
  assert.deepEqual(checkDefinition(source), []);
  const input = {
    variables,
    user: { id: 'u1', attributes: {} },
    made: { unsubscribe_url: () => 'https://x.example/u' },
  };
  const rendered = compileTemplate('t', 1, source).render('email', input);
  return 'content' in rendered ? rendered.content.html! : `problem: ${rendered.problem}`;
}

const rulesOf = (source: Definition) => checkDefinition(source).map(({ field, rule }) => `${field} ${rule}`);

describe('a fragment', () => {
  it('sees what it is given, the user and the links, and nothing else', () => {
    const text = '[{{ label }}|{{ secret }}|{{ user.id }}|{{ unsubscribe_url }}]';
    assert.equal(
      render(definition('{% render "f", label: name %}', { f: text }), { name: '<Ada>', secret: 'x' }),
      '[&lt;Ada&gt;||u1|https://x.example/u]',
    );
  });

  it('stands once for each item, and in other fragments', () => {
    const fragments = { row: '<li>{{ item }}{% render "dot" %}</li>', dot: '.' };
    const html = '<ul>{% render "row" for items as item %}</ul>';
    assert.equal(
      render(definition(html, fragments), { items: ['a', 'b'] }),
      '<ul><li>a.</li><li>b.</li></ul>',
    );
  });

  it('must be named in writing and be there', () => {
    assert.deepEqual(rulesOf(definition('{% render name %}', { a: 'x' })), [
      '/channels/email/en/html render takes the id of a fragment between quotes (line 1)',
    ]);
    assert.deepEqual(rulesOf(definition('\n{% render "b" %}', { a: 'x' })), [
      '/channels/email/en/html there is no fragment "b" (line 2)',
    ]);
    assert.deepEqual(rulesOf(definition('{% render "../../etc/passwd" %}', {})), [
      '/channels/email/en/html there is no fragment "../../etc/passwd" (line 1)',
    ]);
  });

  it('stands between elements, and escapes as they do', () => {
    const rule = (html: string, text: string) => rulesOf(definition(html, { f: text }))[0];
    assert.match(rule('<a title="{% render "f" %}">x</a>', 'x')!, /fragments only between elements/);
    assert.match(rule('<a {% liquid\n render "f" %}>x</a>', 'x')!, /fragments only between elements/);
    assert.match(rule('<{% render "f" %}', 'x')!, /fragments only between elements/);
    assert.match(
      rule('<p>{% render "f" %}</p>', '<a {{ x }}>')!,
      /"f", which must have values inside a tag only/,
    );
    assert.match(rule('<p>{% render "f" %}</p>', '<a href="')!, /"f", which must close each tag/);
    assert.match(rule('{% render "f" %}', '<script>x</script>')!, /"f", which must not have a <script>/);
  });

  it('draws on the limits of the message it stands in', () => {
    const fragments = {
      a: '{% render "b" for list %}',
      b: '{% render "c" for user.attributes.list %}',
      c: 'x',
    };
    const list = Array.from({ length: 1_000 }, (_, i) => i);
    const source = definition('{% render "a", list: list %}', {
      ...fragments,
      b: '{% for i in (1..1000) %}{% render "c" %}{% endfor %}',
    });
    assert.match(render(source, { list }), /memory alloc limit exceeded/);
  });

  it('is found in every kind of tag, and not in plain words', () => {
    assert.deepEqual(
      namesIn(
        `{% render 'a' %}{%- render "b", x: 1 -%}{% liquid\n echo x\n render 'c'\n render 'c2' %} we render 'd' {{ "render 'e'" }}`,
      ),
      ['a', 'b', 'c', 'c2'],
    );
    for (const piece of ['{%', '{% render ', '{% render "', ' render'])
      assert.ok(namesIn(piece.repeat(100_000)).length <= 1, piece);
  });

  it('in a ring is refused, and a line of five is not', async () => {
    const chain = (ids: Record<string, string>) =>
      pinFragments(definition('{% render "a" %}', {}), async (wanted) =>
        wanted.flatMap((id) => (ids[id] === undefined ? [] : [{ id, version: 1, text: ids[id] }])),
      );
    const call = (id: string) => `{% render "${id}" %}`;
    const fine = await chain({ a: call('b') + call('d'), b: call('c'), c: call('d'), d: call('e'), e: '' });
    assert.deepEqual('fragments' in fine && Object.keys(fine.fragments).sort(), ['a', 'b', 'c', 'd', 'e']);
    const ring = await chain({ a: call('b'), b: call('a') });
    assert.match('problem' in ring ? ring.problem : '', /deeper than 5, or in a ring/);
    const broad = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`n${i}`, 'x']));
    const many = await chain({ a: Object.keys(broad).map(call).join(''), ...broad });
    assert.match('problem' in many ? many.problem : '', /more than 50 fragments/);
  });
});

describe('a layout', () => {
  const layout = '<html><body>{{ user.id }}<main>{{ content }}</main>{% render "foot" %}</body></html>';

  it('holds the HTML of an e-mail, and sees what that sees', () => {
    const source = definition('<p>{{ name }}</p>', { base: `${layout}{{ name }}`, foot: '$&' }, 'base');
    assert.equal(render(source, { name: 'Ada' }), '<html><body>u1<main><p>Ada</p></main>$&</body></html>Ada');
  });

  it('must be there, and have a place for what it holds', () => {
    assert.deepEqual(rulesOf(definition('x', {}, 'base')), [
      '/channels/email/en/layout names no fragment ("base")',
    ]);
    assert.deepEqual(rulesOf(definition('x', { base: '<p>' }, 'base')), [
      '/channels/email/en/layout names a fragment without {{ content }} ("base")',
    ]);
  });
});

describeStores('/v1/fragments', (store) => {
  const clock = new FakeClock();
  let tenant: string;
  let stranger: string;
  let call: Call;

  before(async () => {
    tenant = await addTenant(store(), clock);
    stranger = `${await addTenant(store(), clock)}:owner`;
    call = callTemplates(await buildTemplateServer(store(), clock), tenant);
  });

  const put = (id: string, text: string, key?: string) => call('PUT', `/v1/fragments/${id}`, { text }, key);
  const mail = (html: string, more: object = {}) => ({
    channels: { email: { en: { subject: 's', html, ...more } } },
  });
  const preview = async (id: string) =>
    (await call('POST', `/${id}/preview`, { channel: 'email' })).body.content.html;

  it('count versions, only when the text changes, also past the archive', async () => {
    assert.deepEqual([(await put('a', 'one')).body.version, (await put('a', 'one')).body.version], [1, 1]);
    assert.equal((await put('a', 'two')).body.version, 2);
    assert.equal((await call('DELETE', '/v1/fragments/a')).status, 204);
    assert.equal((await call('DELETE', '/v1/fragments/a')).body.code, 'fragment.not_found');
    assert.equal((await call('GET', '/v1/fragments/a')).status, 404);
    assert.equal((await put('a', 'three')).body.version, 3);
    assert.equal((await call('GET', '/v1/fragments/a')).body.text, 'three');
  });

  it('never change a template that was saved with them', async () => {
    await put('foot', 'old');
    await put('base', '<b>{{ content }}</b>{% render "foot" %}');
    const saved = mail('x', { layout: 'base' });
    await call('PUT', '/pinned', saved);
    await put('foot', 'new');
    assert.equal(await preview('pinned'), '<b>x</b>old');
    assert.equal((await call('PUT', '/pinned', saved)).body.version, 2);
    assert.equal(await preview('pinned'), '<b>x</b>new');
    assert.deepEqual((await call('GET', '/pinned')).body.latest.fragments, { base: 1, foot: 2 });
    assert.deepEqual((await call('GET', '/pinned/versions/2/diff')).body.changes, [
      { field: '/fragments/foot/text', kind: 'changed', before: 'old', after: 'new' },
      { field: '/fragments/foot/version', kind: 'changed', before: 1, after: 2 },
    ]);
    assert.equal((await call('PUT', '/pinned', saved)).body.version, 2);
    await call('POST', '/pinned/rollback');
    await call('DELETE', '/v1/fragments/foot');
    assert.equal(await preview('pinned'), '<b>x</b>old');
  });

  it('are refused when no template could use them', async () => {
    const ruleOf = async (id: string, text: string) => {
      const { status, body } = await put(id, text);
      assert.deepEqual([status, body.code, body.errors[0].field], [422, 'fragment.invalid', '/text']);
      return body.errors[0].rule;
    };
    assert.match(await ruleOf('bad', '{% if %}'), /line 1/);
    assert.match(await ruleOf('bad', '{% render "nowhere" %}'), /no fragment "nowhere"/);
    assert.match(await ruleOf('bad', '{% render "bad" %}'), /in a ring/);
    await put('one', 'x');
    await put('two', '{% render "one" %}');
    assert.match(await ruleOf('one', '{% render "two" %}'), /in a ring/);
  });

  it('belong to one tenant', async () => {
    await put('ours', 'secret');
    assert.equal((await call('GET', '/v1/fragments/ours', undefined, stranger)).status, 404);
    assert.deepEqual((await call('GET', '/v1/fragments', undefined, stranger)).body.items, []);
    const theirs = await call('PUT', '/thief', mail('{% render "ours" %}'), stranger);
    assert.match(theirs.body.detail, /there is no fragment "ours"/);
    assert.equal((await put('ours', 'mine', stranger)).body.version, 1);
    assert.equal((await call('GET', '/v1/fragments/ours')).body.text, 'secret');
    assert.equal((await put('scoped', 'x', `${tenant}:templates:read`)).status, 403);
  });

  it('are listed page by page', async () => {
    for (const id of ['x1', 'x2', 'x3']) await put(id, id, stranger);
    const first = (await call('GET', '/v1/fragments?limit=2', undefined, stranger)).body;
    assert.equal(first.items.length, 2);
    const rest = (await call('GET', `/v1/fragments?cursor=${first.nextCursor}`, undefined, stranger)).body;
    const ids = [...first.items, ...rest.items].map(({ id }: { id: string }) => id);
    assert.deepEqual(ids, ['ours', 'x1', 'x2', 'x3']);
  });
});
