import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { MjmlCompiler } from './mjml.ts';
import { addTenant, buildTemplateServer, type Call, callTemplates } from './testing.ts';

const column = (inside: string) => `<mj-section><mj-column>${inside}</mj-column></mj-section>`;
const mail = (inside: string) =>
  `<mjml><mj-head><mj-title>Order</mj-title></mj-head><mj-body>${column(inside)}</mj-body></mjml>`;

describe('MJML', () => {
  const compiler = new MjmlCompiler();
  after(() => compiler.stop());

  const problemOf = async (source: string) => {
    const answer = await compiler.compile(source);
    return 'problem' in answer ? answer.problem : null;
  };

  it('becomes HTML that keeps its Liquid', async () => {
    const source = mail(
      '<mj-text>Hi {{ name }}{% if n < 3 %}!{% endif %}</mj-text><mj-button href="{{ url }}">Go</mj-button>',
    );
    const answer = await compiler.compile(source);
    assert.ok('html' in answer);
    assert.match(answer.html, /^\s*<!doctype html>/i);
    assert.match(answer.html, /Hi \{\{ name \}\}\{% if n < 3 %\}!\{% endif %\}/);
    assert.match(answer.html, /href="\{\{ url \}\}"/);
  });

  it('that is wrong is refused with the place of the mistake', async () => {
    assert.equal(
      await problemOf(mail('<mj-text bogus="1">x</mj-text>')),
      'Attribute bogus is illegal (line 1, <mj-text>)',
    );
    assert.match((await problemOf(mail('<mj-nothing />')))!, /mj-nothing doesn't exist/);
    for (const source of ['', 'text', '<mjml>', '<p>x</p>']) assert.ok(await problemOf(source), source);
  });

  it('reads no files', async () => {
    assert.match((await problemOf(mail('<mj-include path="/etc/passwd" />')))!, /must not have <mj-include>/);
  });

  it('that is too long is refused, and those who wait get theirs', async () => {
    const rows = column('<mj-text>x</mj-text>').repeat(400);
    const [large, small] = await Promise.all([
      problemOf(`<mjml><mj-body>${rows}</mj-body></mjml>`),
      problemOf(mail('<mj-text>x</mj-text>')),
    ]);
    assert.match(large!, /must not become more than 500000 characters/);
    assert.equal(small, null);
    assert.match((await problemOf('x'.repeat(200_001)))!, /at most 200000/);
  });

  it('of one owner does not wait for all of another', async () => {
    const ended: string[] = [];
    const text = mail('<mj-text>x</mj-text>');
    const all = ['a1', 'a2', 'a3', 'a4', 'b1', 'b2'].map(async (name) => {
      await compiler.compile(text, name[0]);
      ended.push(name);
    });
    await Promise.all(all);
    assert.deepEqual(ended, ['a1', 'a2', 'b1', 'a3', 'b2', 'a4']);
  });

  it('that takes too long is given up, and the next one is not', async () => {
    const hasty = new MjmlCompiler({ limitMs: 1 });
    const late = await hasty.compile(mail('<mj-text>x</mj-text>'));
    assert.deepEqual(late, { problem: 'takes longer than 1 ms to become HTML' });
    await hasty.stop();
    assert.equal(await problemOf(mail('<mj-text>x</mj-text>')), null);
  });
});

describeStores('a template in MJML', (store) => {
  const clock = new FakeClock();
  let call: Call;

  before(async () => {
    const tenant = await addTenant(store(), clock);
    call = callTemplates(await buildTemplateServer(store(), clock), tenant);
  });

  const put = (id: string, email: object, locale = 'en') =>
    call('PUT', `/${id}`, {
      defaultLocale: locale,
      channels: { email: { [locale]: { subject: 's', ...email } } },
    });

  it('is kept as it was written, and sent as HTML with a text of its own', async () => {
    const mjml = mail(
      '<mj-text>Hi {{ user.id }}</mj-text><mj-button href="https://x.example/o">Your order</mj-button>',
    );
    const { status, body } = await put('mail', { mjml }, 'de');
    assert.deepEqual([status, body.findings], [200, []]);
    assert.deepEqual((await call('GET', '/mail')).body.latest.channels.email.de, { subject: 's', mjml });
    assert.equal((await put('mail', { mjml }, 'de')).body.version, 1);
    const { content } = (await call('POST', '/mail/preview', { channel: 'email', user: { id: 'A&B' } })).body;
    assert.match(content.html, /<html lang="de"/);
    assert.match(content.html, /Hi A&amp;B/);
    assert.equal(content.text, 'Hi A&B\n\nYour order (https://x.example/o)');
    const changed = mjml.replace('Hi', 'Hello');
    await put('mail', { mjml: changed }, 'de');
    assert.deepEqual((await call('GET', '/mail/versions/2/diff')).body.changes, [
      { field: '/channels/email/de/mjml', kind: 'changed', before: mjml, after: changed },
    ]);
  });

  it('stands in a layout, which is MJML too', async () => {
    const layout = `<mjml><mj-body>${column('<mj-text>Shop</mj-text>')}{{ content }}</mj-body></mjml>`;
    assert.equal((await call('PUT', '/v1/fragments/mj', { text: layout })).status, 200);
    const { status } = await put('inside', { layout: 'mj', mjml: column('<mj-text>Hello</mj-text>') });
    assert.equal(status, 200);
    const { content } = (await call('POST', '/inside/preview', { channel: 'email' })).body;
    assert.match(content.text, /^Shop\s+Hello$/);
  });

  it('is refused with its mistake, or beside HTML', async () => {
    const wrong = await put('wrong', { mjml: mail('<mj-text bogus="1">x</mj-text>') });
    assert.deepEqual([wrong.status, wrong.body.errors[0].field], [422, '/channels/email/en/mjml']);
    const both = await put('both', { mjml: mail('<mj-text>x</mj-text>'), html: '<p>x</p>' });
    assert.deepEqual(both.body.errors, [
      { field: '/channels/email/en/html', rule: 'is made of mjml, and must not be given with it' },
    ]);
    const handler = await put('handler', { mjml: mail('<mj-raw><script>x()</script></mj-raw>') });
    assert.deepEqual(handler.body.errors, [
      { field: '/channels/email/en/html', rule: 'must not have a <script> element' },
    ]);
  });
});
