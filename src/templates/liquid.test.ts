import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createScope, type Flavour, parseText } from './liquid.ts';

function render(source: string, values: Record<string, unknown> = {}, flavour: Flavour = 'plain'): string {
  const outcome = parseText(source, flavour);
  assert.ok('parsed' in outcome, 'problem' in outcome ? outcome.problem : '');
  const rendered = outcome.parsed.render(createScope(values));
  assert.ok('text' in rendered, 'problem' in rendered ? rendered.problem : '');
  return rendered.text;
}

function problemOf(source: string, values: Record<string, unknown> = {}): string | null {
  const outcome = parseText(source, 'plain');
  if ('problem' in outcome) return outcome.problem;
  const rendered = outcome.parsed.render(createScope(values));
  return 'problem' in rendered ? rendered.problem : null;
}

describe('a text in Liquid', () => {
  it('uses variables, conditions, loops and filters', () => {
    const source =
      'Hi {{ name | capitalize }}{% for i in items %} {{ i.n }}{% unless forloop.last %},{% endunless %}{% endfor %}';
    assert.equal(render(source, { name: 'ada', items: [{ n: 1 }, { n: 2 }] }), 'Hi Ada 1, 2');
  });

  it('renders an unknown variable as nothing', () => {
    assert.equal(render('[{{ nobody.at.all }}]'), '[]');
  });

  it('formats a date in UTC, or in the zone it names', () => {
    const values = { at: '2026-11-21T23:30:00Z', zone: 'Europe/Berlin' };
    assert.equal(render('{{ at | date: "%Y-%m-%d %H:%M" }}', values), '2026-11-21 23:30');
    assert.equal(render('{{ at | date: "%Y-%m-%d %H:%M", zone }}', values), '2026-11-22 00:30');
  });

  it('does not know the present moment', () => {
    for (const word of ['now', 'today']) {
      assert.match(problemOf('{{ at | date: "%s" }}', { at: word })!, /does not know/);
    }
    assert.equal(render('{{ now }}'), '');
  });

  it('names the line of a mistake', () => {
    assert.match(problemOf('one\ntwo {{ a | nope }}')!, /undefined filter: nope \(line 2\)/);
    assert.match(problemOf('{% if a %}\n')!, /not closed \(line 1\)/);
    assert.match(problemOf('{% nope %}')!, /tag "nope" not found/);
  });
});

describe('a hostile text', () => {
  it('does not parse with tags and filters that read files, parse arguments or are not pure', () => {
    for (const tag of ['include "a"', 'render "a"', 'layout "a"', 'block a', 'endif']) {
      assert.ok('problem' in parseText(`{% ${tag} %}`, 'html'), tag);
    }
    for (const filter of [
      'raw',
      'sample',
      'where_exp: "x", "x"',
      'find_exp: "x", "x"',
      'group_by_exp: "x", "x"',
    ]) {
      for (const flavour of ['plain', 'html'] as const) {
        assert.ok('problem' in parseText(`{{ a | ${filter} }}`, flavour), filter);
        assert.ok('problem' in parseText(`{% assign b = a | ${filter} %}`, flavour), filter);
      }
    }
  });

  it('sees no inherited property of any value', () => {
    const values = { text: 'x', list: [1], object: { a: 1 }, number: 1 };
    const names = [
      'constructor',
      '__proto__',
      'prototype',
      'toString',
      'valueOf',
      'hasOwnProperty',
      'at',
      'map',
    ];
    for (const root of ['text', 'list', 'object', 'number', 'forloop', 'user']) {
      for (const name of names) {
        assert.equal(
          render(`{{ ${root}.${name} }}{{ ${root}["${name}"] }}{{ ${root}.${name}.${name} }}`, values),
          '',
        );
        assert.equal(render(`{{ list | map: "${name}" }}{{ list | sum: "${name}" }}`, values), '0');
      }
    }
    for (const name of names)
      assert.equal(render(`{{ ${name} }}{{ [${JSON.stringify(name)}] }}`, values), '');
  });

  it('pollutes no prototype and does not change what it was given', () => {
    const values = JSON.parse('{"count": 5, "object": {"a": 1}, "__proto__": {"polluted": true}}');
    render(
      '{% increment __proto__ %}{% decrement constructor %}{% increment count %}{% assign __proto__ = "x" %}' +
        '{% capture constructor %}x{% endcapture %}{% assign object = "x" %}',
      values,
    );
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
    assert.deepEqual(values.count, 5);
    assert.deepEqual(values.object, { a: 1 });
  });

  it('stops at a counted limit: loops, doubling captures, padding, replacing, joining', () => {
    const captures = `{% capture a %}xxxxxxxxxx{% endcapture %}${'{% capture a %}{{ a }}{{ a }}{% endcapture %}'.repeat(40)}`;
    const hostile = [
      '{% for i in (1..100000000) %}x{% endfor %}',
      '{% for i in (1..1000000) %}{% endfor %}',
      '{% for i in (1..900) %}{% for j in (1..900) %}{% for k in (1..900) %}{% endfor %}{% endfor %}{% endfor %}',
      '{% for a in list %}{% for b in list %}{% for c in list %}{% if a %}{% endif %}{% endfor %}{% endfor %}{% endfor %}',
      '{% tablerow i in (1..1000000) %}x{% endtablerow %}',
      captures,
      `{% assign a = "xxxxxxxxxx" %}${'{% assign a = a | append: a %}'.repeat(40)}{{ a }}`,
      '{{ "2026-01-01" | date: "%1000000000d" }}',
      '{% assign a = "x" %}{% for i in (1..12) %}{% assign a = a | replace: "x", "xxxxxxxxxx" %}{% endfor %}{{ a | size }}',
      '{% assign l = (1..1000) %}{% for i in (1..100000) %}{{ l | join: "xxxxxxxxxx" }}{% endfor %}',
    ];
    const list = Array.from({ length: 1_000 }, (_, i) => i);
    for (const source of hostile)
      assert.match(problemOf(source, { list })!, /limit exceeded/, source.slice(0, 80));
  });

  it('shares one limit with the other texts of its message', () => {
    const outcome = parseText('{% for i in (1..20000) %}x{% endfor %}', 'plain');
    assert.ok('parsed' in outcome);
    const scope = createScope({});
    const results = Array.from({ length: 5 }, () => outcome.parsed.render(scope));
    assert.ok('text' in results[0]!);
    assert.ok('problem' in results[4]!);
  });

  it('is refused when it nests too deep or has too many tags to parse quickly', () => {
    const nested = (depth: number) => '{% if true %}'.repeat(depth) + '{% endif %}'.repeat(depth);
    assert.equal(problemOf(nested(50)), null);
    assert.match(problemOf(nested(51))!, /nests more than 50/);
    assert.match(problemOf('{{ a }}'.repeat(5_001))!, /more than 5000 Liquid tags/);
    assert.ok(problemOf(`{% liquid\n${'if a\n'.repeat(20_000)}%}`));
  });

  it('gives a text or a problem, whatever it is and whatever the values are', () => {
    const pieces = [
      '{{',
      '}}',
      '{%',
      '%}',
      ' if ',
      'endif',
      'for i in a',
      ' | ',
      'a',
      '.',
      '"',
      "'",
      '[',
      ']',
      '0',
      '-',
      '\n',
      'assign a=',
      'date:',
      '__proto__',
      'raw',
    ];
    const source = fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string())).map((parts) => parts.join(''));
    fc.assert(
      fc.property(
        source,
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.constantFrom('plain', 'html'),
        (text, values, flavour) => {
          const outcome = parseText(text, flavour as Flavour);
          if ('problem' in outcome) return;
          const rendered = outcome.parsed.render(createScope(values));
          assert.ok('problem' in rendered || typeof rendered.text === 'string');
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('a value in HTML', () => {
  const hostile = `<script>alert("1")</script>'&`;
  const escaped = '&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;&#39;&amp;';

  it('is escaped wherever it is written', () => {
    const ways = [
      '{{ x }}',
      '{% echo x %}',
      '{% cycle x %}',
      '{% liquid echo x %}',
      '{% assign y = x %}{{ y }}',
      '{% for y in list %}{{ y }}{% endfor %}',
      '{{ nothing | default: x }}',
      '{{ x | escape }}',
      '{{ x | escape_once }}',
      '{{ list | join: "" }}',
      '{{ list }}',
    ];
    for (const way of ways) assert.equal(render(way, { x: hostile, list: [hostile] }, 'html'), escaped, way);
  });

  it('never writes a bracket or a quote, whatever the filters make of it', () => {
    const filters =
      'append:x,prepend:x,upcase,url_decode,base64_decode,json,strip_html,replace:"a" "<",split:"",first,last,escape,escape_once,newline_to_br,truncate:5,reverse,capitalize,remove:"&lt;"'.split(
        ',',
      );
    fc.assert(
      fc.property(fc.string(), fc.array(fc.constantFrom(...filters), { maxLength: 4 }), (x, chain) => {
        const source = ['{{ x', ...chain.map((filter) => filter.replace('" "', '", "'))].join(' | ');
        const outcome = parseText(`${source} }}`, 'html');
        assert.ok('parsed' in outcome);
        const rendered = outcome.parsed.render(createScope({ x: `<'"${x}` }));
        if ('text' in rendered) assert.doesNotMatch(rendered.text.replaceAll('<br />', ''), /[<>"']/);
      }),
    );
  });

  it('keeps its line breaks as <br> when asked to, escaped before or not', () => {
    for (const way of ['{{ x | newline_to_br }}', '{{ x | escape | newline_to_br }}']) {
      assert.equal(render(way, { x: '<a>\nb' }, 'html'), '&lt;a&gt;<br />\nb');
    }
  });

  it('is written as it is in a plain text', () => {
    assert.equal(render('{{ x }}', { x: hostile }), hostile);
  });
});
