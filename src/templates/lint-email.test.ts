import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lintEmailHtml } from './lint-email.ts';

const html = (body: string) => `<html lang="en"><head><title>t</title></head><body>${body}</body></html>`;

describe('the HTML of an e-mail', () => {
  const messages = (body: string) =>
    lintEmailHtml(html(body), '/f').map(({ code, message }) => `${code} ${message}`);

  it('has a language and a title', () => {
    assert.deepEqual(
      lintEmailHtml('<p>x</p>', '/f').map(({ code }) => code),
      ['email.language', 'email.title'],
    );
    assert.deepEqual(messages(''), []);
  });

  it('has words for its pictures, or says that there are none', () => {
    assert.deepEqual(messages('<img src="a.png" alt=""><img alt="A dog" src="b.png"><img src=c.png>'), [
      'email.image_alt has an image without alt (c.png); alt="" for decoration',
    ]);
  });

  it('has headings in order', () => {
    assert.deepEqual(messages('<h1>a</h1><h2>b</h2><h3>c</h3><h2>d</h2>'), []);
    assert.deepEqual(messages('<h1>a</h1><h3>b</h3>'), [
      'email.heading_order has a heading out of order: <h3> follows <h1>',
    ]);
  });

  it('has links that say where they lead, and lead there from everywhere', () => {
    const link = (href: string, text: string) =>
      messages(`<a class="b" href="${href}">${text}</a>`).map((each) => each.split(' ')[0]);
    assert.deepEqual(link('https://x.example/', '<b>Your order</b>'), []);
    assert.deepEqual(link('https://x.example/', '<img src="x" alt="Shop">'), []);
    assert.deepEqual(link('https://x.example/', 'Click <b>here</b>…'), ['email.link_text']);
    assert.deepEqual(link('https://x.example/', '<img src="x" alt="">'), ['email.link_text']);
    assert.deepEqual(link('http://x.example/', 'Your order'), ['link.insecure']);
    assert.deepEqual(link('/orders', 'Your order'), ['link.relative']);
    assert.deepEqual(link('https://', 'Your order'), ['link.invalid']);
    assert.deepEqual(link('', 'Your order'), ['link.empty']);
    assert.deepEqual(link('mailto:a@b.example', 'Write to us'), []);
  });

  it('is short enough to be shown whole', () => {
    assert.deepEqual(
      messages('x'.repeat(105_000)).map((each) => each.split(' ')[0]),
      ['email.size'],
    );
  });

  it('costs linear time, however hostile', () => {
    for (const piece of ['<a href="', '<!--', '<h1 ', '<a href="x">', "<img alt='", ' alt="', '<'])
      assert.ok(lintEmailHtml(piece.repeat(50_000), '/f').length >= 2, piece);
    assert.equal(lintEmailHtml(`<${'a'.repeat(400_000)}`, '/f').length, 3);
    const dots = '.'.repeat(400_000);
    assert.deepEqual(messages(`<a href="https://x.example/">${dots}x</a>`).length, 1);
  });
});
