import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cardOf, shorten, splitUrls } from './card.ts';

test('a card keeps what the web can open, and drops the rest', () => {
  const actions = [
    { id: 'a', title: 'Open', url: 'https://a.org/' },
    { id: 'b', title: 'Later' },
    { id: 'c', title: 'App', url: 'shop://orders/7' },
    { id: 'd', title: 'Evil', url: 'javascript:alert(1)' },
  ];
  const card = cardOf({
    title: 'Two\r\nlines ',
    body: 'a\r\nb',
    url: 'shop://x',
    image: 'https://a.org/i',
    actions,
  });
  assert.deepEqual(card, {
    title: 'Two lines',
    body: 'a\nb',
    image: 'https://a.org/i',
    fields: [],
    links: [{ title: 'Open', url: 'https://a.org/' }],
  });
  assert.deepEqual(cardOf({ url: `https://a.org/${'x'.repeat(2_000)}` }), { fields: [], links: [] });
});

test('what is cut shows that it was, and no character is halved', () => {
  assert.equal(shorten('abcd', 4), 'abcd');
  assert.equal(shorten('abcde', 4), 'abc…');
  assert.equal(shorten('ab📦d', 4), 'ab…');
  assert.equal(shorten('ab', 0), '');
});

test('addresses are told from the words around them', () => {
  assert.deepEqual(splitUrls('See https://a.org/x_y?a=1&b=2. Or (http://b.org), not ftp://c.org'), [
    { text: 'See ', isUrl: false },
    { text: 'https://a.org/x_y?a=1&b=2', isUrl: true },
    { text: '. Or (', isUrl: false },
    { text: 'http://b.org', isUrl: true },
    { text: '), not ftp://c.org', isUrl: false },
  ]);
  assert.deepEqual(splitUrls(''), []);
});
