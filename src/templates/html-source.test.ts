import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkHtmlSource } from './html-source.ts';

describe('the HTML of a template', () => {
  it('may have values in texts, in quoted attributes and in styles', () => {
    const sources = [
      '<p>{{ a }}</p>',
      '<a href="{{ url }}?x={{ a | url_encode }}" title=\'{{ b }}\'>{{ c }}</a>',
      '<td{% if a > b %} class="{{ c }}"{% endif %}>x</td>',
      "<!-- don't <a {{ x }} --><p>1 < 2 {{ a }}</p>",
      '<style>p { color: {{ color }} }</style>',
      '{% raw %}<a {{ x }}>{% endraw %}',
      '<!--[if mso]><table><tr><td width="{{ w }}"><![endif]-->',
    ];
    for (const source of sources) assert.equal(checkHtmlSource(source), null, source);
  });

  it('has no value where escaping does not protect', () => {
    const sources = [
      '<a href={{ url }}>x</a>',
      '<a href=https://a/{{ url }}>x</a>',
      '<a {{ attributes }}>x</a>',
      '<{{ tag }}>',
      '<a {% echo attributes %}>x</a>',
      '<a {% cycle a, b %}>x</a>',
      '<a href="x" {% if a > b %}{{ c }}{% endif %}>x</a>',
    ];
    for (const source of sources) assert.match(checkHtmlSource(source)!, /between quotes/, source);
  });

  it('has no scripts, frames and event handlers', () => {
    for (const name of ['script', 'SCRIPT', 'iframe', 'object', 'embed', 'base'])
      assert.match(checkHtmlSource(`<p>x</p><${name} src="x">`)!, /must not have/);
    const handlers = [
      '<img src="x" onerror="alert({{ a }})">',
      "<img src='x' onerror='alert({{ a }})'>",
      '<img src=x onerror=alert(1)>',
      '<img src="x"onerror="x">',
      '<img/onerror="x">',
      '<img src="x"//onerror = "x">',
      `<img onerror${' '.repeat(100)}="x">`,
      '<img {% if a %}OnError="x"{% endif %}>',
    ];
    for (const source of handlers) assert.match(checkHtmlSource(source)!, /event handlers/, source);
    for (const source of [
      '<a href="?on=1">',
      '<a href=https://a.example/once=1>',
      '<a data-on="x" xonly="y">',
    ])
      assert.equal(checkHtmlSource(source), null, source);
  });
});
