import assert from 'node:assert/strict';
import { test } from 'node:test';
import { htmlToText, textToHtml } from './html-text.ts';

test('text is escaped, paragraphs and line breaks are kept', () => {
  assert.equal(
    textToHtml('Hi <b>Ann</b> & "Bob"\r\nline two\n\n\nBye'),
    '<p>Hi &lt;b&gt;Ann&lt;/b&gt; &amp; &quot;Bob&quot;<br>\nline two</p>\n<p>Bye</p>',
  );
});

test('an http address in a text becomes a link without the full stop after it', () => {
  assert.equal(
    textToHtml('See https://x.org/?a=1&b="2".'),
    '<p>See <a href="https://x.org/?a=1&amp;b=">https://x.org/?a=1&amp;b=</a>&quot;2&quot;.</p>',
  );
  assert.equal(textToHtml('(https://x.org).'), '<p>(<a href="https://x.org">https://x.org</a>).</p>');
});

test('no other scheme becomes a link', () => {
  assert.equal(textToHtml('javascript:alert(1)'), '<p>javascript:alert(1)</p>');
});

test('mark-up, styles, scripts and comments are left out of the text', () => {
  const html =
    '<!doctype html><html><head><title>T</title><style>p > a {color:red}</style></head><body>' +
    '<!-- <p>no</p> --><!--[if mso]><p>Outlook</p><![endif]--><script>if (1<2) x()</script>' +
    '<h1>Hello&nbsp;Ann</h1>\n<p>One<br/>two &amp; three&#39;s &#x1F600;</p></body></html>';
  assert.equal(htmlToText(html), "Hello Ann\n\nOne\ntwo & three's 😀");
});

test('what stands around a comment stays', () => {
  assert.equal(
    htmlToText('a <!-- x <p>no</p> --> b <!--[if !mso]><!--> c <!--<![endif]--> d <!-- e'),
    'a b c d',
  );
});

test('a link keeps its address, once', () => {
  assert.equal(
    htmlToText(
      '<a class="b" href="https://x.org/?a=1&amp;b=2">Open</a> <a href="https://y.org">https://y.org</a>',
    ),
    'Open (https://x.org/?a=1&b=2) https://y.org',
  );
  assert.equal(htmlToText('<a href="#top">Up</a>'), 'Up');
});

test('list items are marked and blank lines collapse', () => {
  assert.equal(htmlToText('<ul><li>a</li><li>b</li></ul><div><div><p>c</p></div></div>'), '- a\n- b\n\nc');
});

test('a table has a line for each row, and a picture its words', () => {
  const rows = '<tr><th>Item</th><th>Price</th></tr>\n<tr><td>Tea</td><td>3 €</td></tr>';
  assert.equal(htmlToText(`<p>a</p><table>${rows}</table><p>b</p>`), 'a\n\nItem Price\nTea 3 €\n\nb');
  assert.equal(
    htmlToText('<a href="https://x.org"><img src="a.png" alt="Shop &amp; more"></a>'),
    'Shop & more (https://x.org)',
  );
});

test('what is hidden from readers is hidden from those of the text', () => {
  assert.equal(htmlToText('<div class="p" style="display:none;max-height:0">preview</div><p>a</p>'), 'a');
});

test('a less-than sign that opens no tag stays', () => {
  assert.equal(htmlToText('1 < 2 and 3 > 2'), '1 < 2 and 3 > 2');
});

test('entities that name no character stay as they are', () => {
  assert.equal(htmlToText('&nope; &#0; &#xd800; &#9999999;'), '&nope; &#0; &#xd800; &#9999999;');
});

test('a text survives the way to HTML and back', () => {
  const text = 'Hi <b> & "co"\nsecond\n\nThird https://x.org/a';
  assert.equal(htmlToText(textToHtml(text)), text);
});

test('hostile mark-up of a megabyte takes no noticeable time', () => {
  const started = performance.now();
  for (const piece of ['<', '<a ', '<!--', '<style>', '&#', 'href=', 'https://', '\n ', '<a href="']) {
    htmlToText(piece.repeat(1_000_000 / piece.length));
    textToHtml(piece.repeat(1_000_000 / piece.length));
  }
  assert.ok(performance.now() - started < 5_000);
});
