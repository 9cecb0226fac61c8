import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeWords, formatMailbox, parseMailbox } from './mailbox.ts';

test('a mailbox is an address, with a name or without', () => {
  assert.deepEqual(parseMailbox('news@acme.org'), { email: 'news@acme.org' });
  assert.deepEqual(parseMailbox('Acme, Inc <news@acme.org>'), { email: 'news@acme.org', name: 'Acme, Inc' });
  assert.deepEqual(parseMailbox('"Acme, Inc" <news@acme.org>'), {
    email: 'news@acme.org',
    name: 'Acme, Inc',
  });
  assert.deepEqual(parseMailbox('<news@acme.org>'), { email: 'news@acme.org' });
});

test('a name is quoted where its punctuation would mean something', () => {
  assert.equal(formatMailbox('Acme <news@acme.org>'), 'Acme <news@acme.org>');
  assert.equal(formatMailbox('Zoë Ångström <z@acme.org>'), 'Zoë Ångström <z@acme.org>');
  assert.equal(formatMailbox('Acme, Inc <news@acme.org>'), '"Acme, Inc" <news@acme.org>');
  assert.equal(formatMailbox('A "B" C <a@acme.org>'), String.raw`"A \"B\" C" <a@acme.org>`);
  assert.equal(formatMailbox('x\r\nBcc: eve@x.org <a@acme.org>'), '"x Bcc: eve@x.org" <a@acme.org>');
});

test('text that is not ASCII becomes encoded words of at most 75 characters, whole characters each', () => {
  assert.equal(encodeWords('Acme'), 'Acme');
  assert.equal(encodeWords('Zoë'), '=?UTF-8?B?Wm/Dqw==?=');
  assert.equal(formatMailbox('Zoë, Inc <z@acme.org>', encodeWords), '=?UTF-8?B?Wm/DqywgSW5j?= <z@acme.org>');
  const text = '📦 заказ готов '.repeat(12);
  const words = encodeWords(text).split(' ');
  for (const word of words) assert.ok(word.length <= 75, word);
  const decoded = words.map((word) => Buffer.from(word.slice(10, -2), 'base64').toString());
  assert.equal(decoded.join(''), text);
});
