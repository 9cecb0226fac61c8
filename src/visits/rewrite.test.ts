import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { rewriteHtml, rewriteText } from './rewrite.ts';
import { readHref, readTarget } from './target.ts';
import { MAX_URL } from './token.ts';

/** Links become `L<n>`, and the picture ends with `pix`. */
function rewrite(html: string, pixel: string | null = null) {
  const targets: string[] = [];
  const link = (target: string) => `L${targets.push(target)}`;
  return { html: rewriteHtml(html, { link, pixel }), targets };
}

describe('the links of a mail', () => {
  const cases: [fact: string, html: string, rewritten: string, ...targets: string[]][] = [
    ['are exchanged', '<a href="https://a.example/x">x</a>', '<a href="L1">x</a>', 'https://a.example/x'],
    ['in single quotes', "<a href='http://a.example/'>x</a>", "<a href='L1'>x</a>", 'http://a.example/'],
    [
      'without quotes',
      '<a href=https://a.example/b class=c>x</a>',
      '<a href=L1 class=c>x</a>',
      'https://a.example/b',
    ],
    [
      'in capitals, and over several lines',
      '<A\n  CLASS="b"\n  HREF = "HTTPS://A.example/" >x</A>',
      '<A\n  CLASS="b"\n  HREF = "L1" >x</A>',
      'https://a.example/',
    ],
    [
      'with references in them',
      '<a href="https://a.example/?a=1&amp;b=2&#38;c=&quot;&#x41;">x</a>',
      '<a href="L1">x</a>',
      'https://a.example/?a=1&b=2&c=%22A',
    ],
    [
      'with a bare ampersand',
      '<a href="https://a.example/?a=1&copy=2">x</a>',
      '<a href="L1">x</a>',
      'https://a.example/?a=1&copy=2',
    ],
    [
      'with blanks around them',
      '<a href=" https://a.example/ \n">x</a>',
      '<a href="L1">x</a>',
      'https://a.example/',
    ],
    [
      'with a > in a quoted attribute before it',
      '<a title="a>b" href="https://a.example/">x</a>',
      '<a title="a>b" href="L1">x</a>',
      'https://a.example/',
    ],
    [
      'the first of two counts',
      '<a href="https://a.example/" href="https://b.example/">x</a>',
      '<a href="L1" href="https://b.example/">x</a>',
      'https://a.example/',
    ],
    [
      'of maps',
      '<area shape=rect href="https://a.example/">',
      '<area shape=rect href="L1">',
      'https://a.example/',
    ],
    [
      'behind a comment that is shown, and one that ends at once',
      '<!--[if !mso]><!--><a href="https://a.example/">x</a><!--<![endif]--><!--><a href="https://b.example/">',
      '<!--[if !mso]><!--><a href="L1">x</a><!--<![endif]--><!--><a href="L2">',
      'https://a.example/',
      'https://b.example/',
    ],
    [
      'behind what looks like a tag and is none',
      '1 < 2 <3 </> </ a> <a href="https://a.example/">x</a>',
      '1 < 2 <3 </> </ a> <a href="L1">x</a>',
      'https://a.example/',
    ],
    [
      'but not those that their author took out',
      '<a class="b" data-bellhop-track="off" href="https://a.example/">x</a><a href=https://b.example/ data-bellhop-track=OFF>',
      '<a class="b" href="https://a.example/">x</a><a href=https://b.example/>',
    ],
    [
      'a mark that says something else is taken out alone',
      '<a data-bellhop-track="on" href="https://a.example/">x</a>',
      '<a href="L1">x</a>',
      'https://a.example/',
    ],
  ];
  for (const [fact, html, rewritten, ...targets] of cases) {
    it(fact, () => assert.deepEqual(rewrite(html), { html: rewritten, targets }));
  }
});

describe('what is no link stays as it is, byte for byte', () => {
  const HREF = '<a href="https://a.example/">x</a>';
  for (const html of [
    '',
    'text only',
    '<a>x</a>',
    '<a href>x</a>',
    '<a href="">x</a>',
    '<a href="#top">x</a>',
    '<a href="/relative">x</a>',
    '<a href="//other.example/">x</a>',
    '<a href="mailto:a@b.example?subject=https://a.example/">x</a>',
    '<a href="tel:+4915100000">x</a>',
    '<a href="sms:1">x</a>',
    '<a href="app://open?u=https://a.example/">x</a>',
    '<a href="javascript:location=\'https://a.example/\'">x</a>',
    '<a href="java&#10;script:alert(1)">x</a>',
    '<a href="data:text/html,https://a.example/">x</a>',
    '<a href="https://">x</a>',
    '<a href="https://user:secret@a.example/">x</a>',
    '<a href="https://a.example/?a=1&copy;">x</a>',
    '<a href="https://a.example/?a&b">x</a>',
    '<a href="https://a.example/&#128;">x</a>',
    '<a href="https://a.example/&#0;">x</a>',
    `<a href="https://a.example/${'x'.repeat(MAX_URL)}">x</a>`,
    '<a data-href="https://a.example/">x</a>',
    '<abbr href="https://a.example/">x</abbr>',
    '<link rel=stylesheet href="https://a.example/s.css">',
    '<base href="https://a.example/">',
    '<img src="https://a.example/i.png">',
    '<form action="https://a.example/">',
    '<v:roundrect href="https://a.example/">',
    `<!-- ${HREF} -->`,
    `<!--[if mso]>${HREF}<![endif]-->`,
    `<style>a[title="<"]{} /* ${HREF} */</style>`,
    `<STYLE\n>${HREF}</style>`,
    `<script>"${HREF}"</script>`,
    `<title>${HREF}</title>`,
    `<textarea>${HREF}</textarea>`,
    `<xmp>${HREF}</xmp>`,
    `<plaintext>${HREF}`,
    `<!-- never closed ${HREF}`,
    `<style>never closed ${HREF}`,
    '<a href="https://a.example/',
    '<a href="https://a.example/"',
    '<a href=https://a.example/',
    '<',
    '</',
    '<!',
    '<a',
    'a < b https://a.example/',
    '&lt;a href="https://a.example/"&gt;',
  ])
    it(JSON.stringify(html.length > 80 ? `${html.slice(0, 77)}…` : html), () =>
      assert.deepEqual(rewrite(html), { html, targets: [] }),
    );
});

describe('the picture', () => {
  const place = (html: string) => rewrite(html, 'pix').html.replace(/<img src="pix"[^>]*>/, '@');
  it('stands before the end of the body, else at the end', () => {
    assert.equal(place('<body><p>x</p></BODY ></html>'), '<body><p>x</p>@</BODY ></html>');
    assert.equal(place('<p>x</p>'), '<p>x</p>@');
    assert.equal(place('<!-- </body> --><p>x'), '<!-- </body> --><p>x@');
    assert.equal(place('</body><a href="https://a.example/">x</a>'), '</body><a href="L1">x</a>@');
  });
  it('is left out where the mail breaks off', () => assert.equal(place('<p>x<!-- '), '<p>x<!-- '));
});

test('links of plain text end where text goes on', () => {
  const targets: string[] = [];
  const link = (target: string) => `L${targets.push(target)}`;
  const text =
    'See https://a.example/x?y=1, (https://b.example/). mailto:c@d.example http:// https://a.example/x';
  assert.equal(rewriteText(text, link), 'See L1, (L2). mailto:c@d.example http:// L3');
  assert.deepEqual(targets, ['https://a.example/x?y=1', 'https://b.example/', 'https://a.example/x']);
});

const escapeAttribute = (text: string) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;');

test('whatever an address is made of, its own target is read out of the HTML that says it', () => {
  fc.assert(
    fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (url) => {
      assert.equal(readHref(escapeAttribute(url)), readTarget(url));
    }),
  );
});

const piece = fc.oneof(
  fc.constantFrom(
    '<',
    '>',
    '"',
    "'",
    '=',
    '/',
    '!',
    '--',
    '<!--',
    '-->',
    '<a ',
    '<style>',
    '</style>',
    '</body>',
  ),
  fc.constantFrom(
    'href',
    'HREF=',
    'https://a.example/',
    'javascript:',
    'data-bellhop-track',
    'off',
    ' ',
    '\n',
    '&amp;',
  ),
  fc.string(),
);

test('no text of any kind makes it fail, is rewritten to a script, or loses a byte', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const html = pieces.join('');
      const { targets } = rewrite(html, 'pix');
      for (const target of targets) assert.match(target, /^https?:\/\//);
      // What is put back in the place of each link gives the same text again, but for our own marks.
      const same = rewriteHtml(html, { link: () => null, pixel: null });
      if (!/data-bellhop-track/i.test(html)) assert.equal(same, html);
    }),
    { numRuns: 1_000 },
  );
});

test('hostile text costs no more than its length', () => {
  for (const bit of [
    '<a ',
    '<a href="',
    '<!--',
    '<!--x-->',
    '<style></style',
    '<style>',
    '<a href=x&amp;',
    '<x a="',
    '&#',
    '<a data-bellhop-track ',
  ]) {
    const startedAt = performance.now();
    rewriteHtml(bit.repeat(100_000), { link: () => 'L', pixel: 'pix' });
    // Were it quadratic, it would be some minutes.
    assert.ok(performance.now() - startedAt < 2_000, bit);
  }
});
