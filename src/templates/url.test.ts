import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkHtmlLinks, checkImageUrl, checkUrl } from './url.ts';

describe('the address of a link', () => {
  it('may be of the web, mail, telephone or an app', () => {
    for (const url of [
      'https://a.example/b?c=d#e',
      'http://a',
      'mailto:a@b.example',
      'tel:+4930',
      'shop://order/7',
    ])
      assert.equal(checkUrl(url), null, url);
  });

  it('never runs code, reads files or has no scheme', () => {
    const refused =
      'javascript:alert(1) JaVaScRiPt:1 data:text/html,x vbscript:x file:///etc/passwd blob:x //evil.example /path a https:// view-source:x';
    for (const url of [
      ...refused.split(' '),
      'java\nscript:x',
      ' javascript:x',
      'java\tscript:x',
      '\u0001javascript:x',
      'https://a b',
    ])
      assert.ok(checkUrl(url), url);
  });

  it('is of the web for a picture', () => {
    assert.equal(checkImageUrl('https://a.example/b.png'), null);
    assert.ok(checkImageUrl('shop://x'));
  });
});

describe('the links of rendered HTML', () => {
  it('may be any address that is safe to open, and embedded pictures', () => {
    const html =
      '<a href="https://a">x</a><a href=#top>y</a><a href="/z">z</a><img src="data:image/png;base64,AA">';
    assert.equal(checkHtmlLinks(html), null);
  });

  it('never run code, however they are written', () => {
    const refused = [
      '<a href="javascript:alert(1)">',
      "<a href='JAVASCRIPT:alert(1)'>",
      '<a href=javascript:alert(1)>',
      '<a href="java&#115;cript:alert(1)">',
      '<a href="&#x6A;avascript&colon;alert(1)">',
      '<a href="java\nscript:alert(1)">',
      '<a href="java&Tab;script:alert(1)">',
      '<a href = " javascript:alert(1)">',
      '<img src="data:text/html,<script>">',
      '<form action="vbscript:x">',
    ];
    for (const html of refused) assert.ok(checkHtmlLinks(html), html);
  });
});
