import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressHeader, fold, subjectHeader, textHeader } from './mail-header.ts';

test('a subject that looks encoded is shown as it was written; a header that is encoded stays so', () => {
  assert.equal(subjectHeader('=?UTF-8?Q?x?='), 'Subject: =?UTF-8?Q?=3D=3FUTF-8=3FQ=3Fx=3F=3D?=');
  assert.equal(textHeader('X-Note', '=?UTF-8?Q?x?='), 'X-Note: =?UTF-8?Q?x?=');
  assert.match(textHeader('X-Note', 'a =?UTF-8?X?x?= b'), /^X-Note: =\?UTF-8\?Q\?/, 'an unknown encoding');
});

test('message ids are never encoded, and get the brackets they lack', () => {
  assert.equal(textHeader('In-Reply-To', 'a@example.com'), 'In-Reply-To: <a@example.com>');
  assert.equal(
    textHeader('References', '<a@example.com> <b@example.com>'),
    'References: <a@example.com> <b@example.com>',
  );
});

test('a list header keeps every character, folded between its links', () => {
  const links = `<https://example.com/u/${'x'.repeat(60)}>, <mailto:unsubscribe@example.com>`;
  const header = textHeader('List-Unsubscribe', links);
  assert.equal(header, `List-Unsubscribe: ${links.replace(', ', ',\r\n ')}`);
});

test('an address keeps its meaning: quoted names, encoded names, international domains', () => {
  for (const [given, written] of [
    ['to@example.com', 'to@example.com'],
    ['Acme News 24 <to@example.com>', 'Acme News 24 <to@example.com>'],
    ['Acme & Co. <to@example.com>', '"Acme & Co." <to@example.com>'],
    ['"Acme, Inc." <to@example.com>', '"Acme, Inc." <to@example.com>'],
    ['Zoë <to@example.com>', '=?UTF-8?Q?Zo=C3=AB?= <to@example.com>'],
    ['to@bücher.example', 'to@xn--bcher-kva.example'],
  ] as const) {
    assert.equal(addressHeader('To', given), `To: ${written}`);
  }
  assert.equal(addressHeader('To', ''), '');
});

test('unfolding gives back every character, and no line is blank or longer than it must be', () => {
  const text = fc.array(fc.constantFrom('a', ' ', '   ', 'word', 'w'.repeat(90)), { maxLength: 60 });
  fc.assert(
    fc.property(text, (pieces) => {
      const header = `X: ${pieces.join('')}`;
      const lines = fold(header).split('\r\n');
      assert.equal(lines.join(''), header);
      for (const line of lines.slice(1)) assert.match(line, /^ \S/);
      for (const line of lines) assert.ok(line.length <= 76 || !/\S \S/.test(line.slice(3)), line);
    }),
  );
});
