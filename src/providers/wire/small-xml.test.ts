import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSmallXml } from './small-xml.ts';

/** The parser's objects have no prototype. */
const parse = (text: string) => {
  const parsed = parseSmallXml(text);
  return parsed && JSON.parse(JSON.stringify(parsed));
};

test('elements with text and CDATA become an object', () => {
  const xml = `<xml>
    <ToUserName><![CDATA[gh_7f083739789a]]></ToUserName>
    <CreateTime>1395658920</CreateTime>
    <Empty></Empty><Closed/>
    <Content><![CDATA[a <b> & ]] ]]>c<![CDATA[d]]></Content>
  </xml>`;
  assert.deepEqual(parse(xml), {
    ToUserName: 'gh_7f083739789a',
    CreateTime: '1395658920',
    Empty: '',
    Closed: '',
    Content: 'a <b> & ]] cd',
  });
});

test('a name that is repeated becomes a list, at any depth', () => {
  const xml = '<xml><A><List><Id>1</Id></List><List><Id>2</Id></List><List>x</List></A></xml>';
  assert.deepEqual(parse(xml), { A: { List: [{ Id: '1' }, { Id: '2' }, 'x'] } });
});

test('a declaration before the root is passed over', () => {
  assert.deepEqual(parse('<?xml version="1.0" encoding="UTF-8"?>\n<xml><a>1</a></xml>\n'), { a: '1' });
});

test('five entities are known, and none in CDATA', () => {
  assert.deepEqual(parse('<xml><a>&lt;&amp;lt;&gt;&quot;&apos;&#10;&xxe;&constructor;</a></xml>'), {
    a: '<&lt;>"\'&#10;&xxe;&constructor;',
  });
  assert.deepEqual(parse('<xml><a><![CDATA[&lt;]]></a></xml>'), { a: '&lt;' });
});

test('names that objects have of themselves are names like others', () => {
  const parsed = parseSmallXml('<xml><__proto__><x>1</x></__proto__><toString>2</toString></xml>')!;
  assert.deepEqual(Object.keys(parsed), ['__proto__', 'toString']);
  assert.equal(({} as Record<string, unknown>).x, undefined);
});

const REFUSED: [what: string, text: string][] = [
  ['nothing', ''],
  ['JSON', '{"a":1}'],
  ['a root without elements', '<xml>text</xml>'],
  ['an end that is missing', '<xml><a>1</a>'],
  ['a cut text', '<xml><a>1'],
  ['a cut CDATA', '<xml><a><![CDATA[1</a></xml>'],
  ['ends that cross', '<xml><a><b>1</a></b></xml>'],
  ['an attribute', '<xml><a b="c">1</a></xml>'],
  ['a comment', '<xml><!-- c --><a>1</a></xml>'],
  ['a second root', '<xml><a>1</a></xml><xml/>'],
  ['a document type', '<!DOCTYPE xml [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><a>&a;</a></xml>'],
  ['a bad name', '<xml><1>1</1></xml>'],
  ['depth', `${'<a>'.repeat(9)}x${'</a>'.repeat(9)}`],
  ['many elements', `<xml>${'<a/>'.repeat(2_001)}</xml>`],
  ['size', `<xml><a>${'x'.repeat(300_000)}</a></xml>`],
];
for (const [what, text] of REFUSED) {
  test(`null: ${what}`, () => assert.equal(parseSmallXml(text), null));
}

test('what is large or ends nowhere takes no more than a moment', () => {
  const started = performance.now();
  const many = 260_000;
  for (const part of ['<', '<a>', '</a>', '<![CDATA[', ']]>', '&', '&lt', 'x', '<?xml '])
    assert.equal(parseSmallXml(`<xml>${part.repeat(Math.floor(many / part.length))}`), null, part);
  assert.ok(performance.now() - started < 2_000);
});
