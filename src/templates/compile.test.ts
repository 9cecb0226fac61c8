import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Channel } from '../providers/contract.ts';
import { checkDefinition, compileTemplate, type RenderInput } from './compile.ts';
import type { Definition } from './definition.ts';

function definition(channels: Definition['channels'], variables: Definition['variables'] = {}): Definition {
  return { defaultLocale: 'en', variables, channels };
}

function render(source: Definition, channel: Channel, input: Partial<RenderInput> = {}) {
  assert.deepEqual(checkDefinition(source), []);
  const template = compileTemplate('welcome', 1, source);
  return template.render(channel, { variables: {}, user: { id: 'u1', attributes: {} }, ...input });
}

const sms = (body: string) => definition({ sms: { en: { body } } });

describe('a rendered message', () => {
  it('has its preheader at the start of its body, wherever that is', () => {
    const htmlOf = (html: string) => {
      const email = { subject: 's', preheader: 'Psst', html };
      const rendered = render(definition({ email: { en: email } }), 'email');
      assert.ok('content' in rendered);
      return rendered.content.html!;
    };
    assert.match(
      htmlOf('<html><BODY class="x"><p>Hi</p></BODY></html>'),
      /<BODY class="x"><div [^>]+>Psst<\/div><p>Hi/,
    );
    assert.match(htmlOf('<p>Hi</p>'), /^<div [^>]+>Psst<\/div><p>Hi/);
    const began = performance.now();
    assert.match(htmlOf(`<p>Hi</p>${'<body'.repeat(60_000)}`), /^<div [^>]+>Psst<\/div><p>Hi/);
    // It took 24 seconds when each <body was looked at to the end.
    assert.ok(performance.now() - began < 5_000);
  });

  it('has every field of its channel', () => {
    const push = {
      title: 'Order {{ order.id }}',
      subtitle: 'for {{ user.attributes.name }}',
      body: '{{ order.items | size }} items',
      url: 'shop://order/{{ order.id }}',
      image: 'https://img.example/{{ order.id }}.png',
      icon: 'https://img.example/icon.png',
      sound: 'ding',
      badge: '{{ order.items | size }}',
      collapseKey: 'order-{{ order.id }}',
      actions: [{ id: 'open', title: 'Open {{ order.id }}', url: 'https://shop.example/{{ order.id }}' }],
      data: { order: '{{ order.id }}', deep: { list: ['{{ user.id }}', 1, true, null] } },
    };
    const rendered = render(definition({ push: { en: push } }), 'push', {
      variables: { order: { id: 7, items: ['a', 'b'] } },
      user: { id: 'u1', attributes: { name: 'Ada' } },
    });
    assert.deepEqual(rendered, {
      content: {
        title: 'Order 7',
        subtitle: 'for Ada',
        body: '2 items',
        url: 'shop://order/7',
        image: 'https://img.example/7.png',
        icon: 'https://img.example/icon.png',
        sound: 'ding',
        badge: 2,
        collapseKey: 'order-7',
        actions: [{ id: 'open', title: 'Open 7', url: 'https://shop.example/7' }],
        data: { order: '7', deep: { list: ['u1', 1, true, null] } },
      },
    });
  });

  it('escapes values in the HTML of an e-mail and nowhere else', () => {
    const mail = {
      subject: '{{ x }}',
      text: '{{ x }}',
      html: '<body><p>{{ x }}</p></body>',
      preheader: '{{ x }}',
    };
    const rendered = render(definition({ email: { en: mail } }), 'email', { variables: { x: '<b>&' } });
    assert.ok('content' in rendered);
    const { subject, text, html } = rendered.content;
    assert.deepEqual([subject, text], ['<b>&', '<b>&']);
    assert.match(
      html!,
      /^<body><div style="display:none.*>&lt;b&gt;&amp;<\/div><p>&lt;b&gt;&amp;<\/p><\/body>$/,
    );
  });

  it('has its subject and title on one line', () => {
    const rendered = render(definition({ email: { en: { subject: 'Hi {{ x }}', text: 'x' } } }), 'email', {
      variables: { x: 'Ada\r\nBcc: everyone@example.com\u2028x' },
    });
    assert.deepEqual(rendered, { content: { subject: 'Hi Ada Bcc: everyone@example.com x', text: 'x' } });
  });

  it('is in the locale that was asked for, else in the user’s, else in the default', () => {
    const source = definition({
      sms: { en: { body: 'en' }, pt: { body: 'pt' }, 'pt-BR': { body: 'pt-BR' } },
    });
    const bodyFor = (locale?: string, own?: string) =>
      render(source, 'sms', { locale, user: { id: 'u', locale: own, attributes: {} } });
    assert.deepEqual(bodyFor('pt-BR', 'en'), { content: { body: 'pt-BR' } });
    assert.deepEqual(bodyFor('pt-PT', 'en'), { content: { body: 'pt' } });
    assert.deepEqual(bodyFor(undefined, 'pt_br'), { content: { body: 'pt-BR' } });
    assert.deepEqual(bodyFor('fr', 'pt'), { content: { body: 'en' } });
  });

  it('leaves out a link that renders to nothing', () => {
    const push = { title: 'a', body: 'b', url: '{% if link %}{{ link }}{% endif %}', badge: '{{ none }}' };
    assert.deepEqual(render(definition({ push: { en: push } }), 'push'), {
      content: { title: 'a', body: 'b' },
    });
  });

  it('is the same each time', () => {
    const source = sms('{% increment n %}{{ x | date: "%s" }}{{ list | sort | join }}');
    const input = { variables: { x: '2026-01-01T00:00:00Z', list: [3, 1, 2] } };
    const template = compileTemplate('t', 1, source);
    const once = () => template.render('sms', { ...input, user: { id: 'u', attributes: {} } });
    assert.deepEqual(once(), once());
  });

  it('is a value and never an exception, whatever the variables are', () => {
    const source = definition({
      push: {
        en: {
          title: '{{ a }}',
          body: '{{ a.b }}{% for x in a %}{{ x | json }}{% endfor %}',
          url: '{{ a }}',
          badge: '{{ a }}',
        },
      },
      email: { en: { subject: '{{ a }}', html: '<a href="{{ a }}">{{ a | newline_to_br }}</a>' } },
    });
    const template = compileTemplate('t', 1, source);
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('a', 'user', '__proto__'), fc.jsonValue()), (variables) => {
        for (const channel of ['push', 'email'] as const) {
          const rendered = template.render(channel, { variables, user: { id: 'u', attributes: {} } });
          assert.ok('content' in rendered || rendered.problem.length > 0);
        }
      }),
    );
  });
});

describe('a message that cannot be sent is a problem', () => {
  const problemOf = (source: Definition, channel: Channel, variables: Record<string, unknown> = {}) => {
    const rendered = render(source, channel, { variables });
    return 'problem' in rendered ? rendered.problem : null;
  };

  it('without content for the channel', () => {
    assert.match(problemOf(sms('x'), 'push')!, /no content for push/);
  });

  it('without a required variable, or with one of another type', () => {
    const declared = {
      name: { type: 'string', required: true },
      n: { type: 'number', default: 3 },
      list: { type: 'array' },
      o: { type: 'object' },
      b: { type: 'boolean' },
    } as const;
    const source = definition({ sms: { en: { body: '{{ name }} {{ n }}' } } }, declared);
    assert.deepEqual(render(source, 'sms', { variables: { name: 'Ada' } }), { content: { body: 'Ada 3' } });
    assert.match(problemOf(source, 'sms')!, /"name" is required/);
    assert.match(problemOf(source, 'sms', { name: null })!, /"name" is required/);
    for (const wrong of [{ name: 1 }, { n: '3' }, { list: {} }, { o: [] }, { b: 'true' }, { n: Number.NaN }])
      assert.match(
        problemOf(source, 'sms', { name: 'x', ...wrong })!,
        /must be (number|string|array|object|boolean)$/,
      );
  });

  it('with a link that runs code', () => {
    const push = {
      title: 'a',
      body: 'b',
      url: '{{ link }}',
      actions: [{ id: 'a', title: 'b', url: '{{ link }}' }],
    };
    const mail = { subject: 'a', html: '<a href="{{ link }}">x</a>' };
    for (const link of ['javascript:alert(1)', 'data:text/html,x', 'JAVASCRIPT:x', 'java\tscript:x']) {
      assert.match(
        problemOf(definition({ push: { en: push } }), 'push', { link })!,
        /^\/channels\/push\/en\/url must/,
      );
      assert.match(
        problemOf(definition({ email: { en: mail } }), 'email', { link })!,
        /^\/channels\/email\/en\/html must/,
      );
    }
  });

  it('with nothing to show', () => {
    assert.match(problemOf(sms('{{ nothing }}'), 'sms')!, /body is empty/);
  });

  it('with a text the database cannot store', () => {
    assert.match(problemOf(sms('{{ x }}'), 'sms', { x: 'a\u0000b' })!, /NUL/);
    assert.match(problemOf(sms('{{ x | base64_decode }}'), 'sms', { x: 'YQBi' })!, /NUL/);
    assert.match(problemOf(sms('{{ x | slice: 0 }}x'), 'sms', { x: '\ud83d' })!, /surrogate/);
  });

  it('with a badge that is no number', () => {
    const source = definition({ push: { en: { title: 'a', body: 'b', badge: '{{ n }}' } } });
    for (const n of ['x', -1, 1.5]) assert.match(problemOf(source, 'push', { n })!, /whole number/);
  });
});

describe('a definition', () => {
  const rulesOf = (source: Definition) =>
    checkDefinition(source).map(({ field, rule }) => `${field} ${rule}`);

  it('names every text that does not compile, by its JSON Pointer', () => {
    const source = definition({
      push: {
        en: {
          title: '{{ a | nope }}',
          body: '{% if %}',
          actions: [{ id: 'a', title: 'x', url: '{% include "x" %}' }],
          data: { 'a/b': ['', '{{ x | raw }}'] },
        },
      },
      email: { en: { subject: 'x', html: '\n<a {{ x }}>' } },
    });
    assert.deepEqual(rulesOf(source), [
      '/channels/push/en/title undefined filter: nope (line 1)',
      '/channels/push/en/body invalid value expression: "" (line 1)',
      '/channels/push/en/actions/0/url tag "include" not found (line 1)',
      '/channels/push/en/data/a~1b/1 undefined filter: raw (line 1)',
      '/channels/email/en/html must have values inside a tag only between quotes',
    ]);
  });

  it('has locales as BCP 47 spells them, and the default one on every channel', () => {
    const source = definition({ sms: { pt_BR: { body: 'x' }, 'pt-br': { body: 'x' } } });
    assert.deepEqual(rulesOf(source), [
      '/channels/sms/pt_BR must be a locale as BCP 47 spells it, such as "en" or "pt-BR"',
      '/channels/sms/pt-br must be spelled "pt-BR"',
      '/channels/sms must have the default locale "en"',
    ]);
    assert.match(rulesOf({ ...sms('x'), defaultLocale: 'EN' })[0]!, /^\/defaultLocale must be spelled "en"/);
  });

  it('has something to show on every channel', () => {
    assert.deepEqual(rulesOf(definition({ email: { en: { subject: 'x' } } })), [
      '/channels/email/en must have text or html',
    ]);
    assert.deepEqual(rulesOf(sms(' ')), ['/channels/sms/en must have body']);
  });

  it('declares no variable by a reserved name or with a default of another type', () => {
    const variables = { user: { type: 'object' }, n: { type: 'number', default: 'x' } } as const;
    assert.deepEqual(rulesOf({ ...sms('x'), variables }), [
      '/variables/user is a reserved name',
      '/variables/n/default must be number',
    ]);
  });

  it('has no text the database cannot store', () => {
    assert.match(rulesOf(sms('a\u0000'))[0]!, /^\/channels\/sms\/en\/body must not contain the NUL/);
  });
});
