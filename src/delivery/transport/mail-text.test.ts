import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import MailComposer from 'nodemailer/lib/mail-composer';
import PostalMime, { decodeWords } from 'postal-mime';
import type { MailRequest } from '../../providers/index.ts';
import { composeMail, renderMail } from './mail-text.ts';

type Mail = MailRequest['mail'];

const MAIL: Mail = {
  messageId: '<m1@example.com>',
  from: 'Acme <from@example.com>',
  to: 'to@example.com',
  subject: 'Hello',
  text: 'How are you?',
  headers: {},
};

const NOW = 1_750_000_000_000;
const write = (mail: Mail) => renderMail(composeMail(mail, { now: NOW, boundary: '=_boundary' }));

/** What nodemailer makes of the same message, with the line ends that it has on the wire. */
async function writeLikeNodemailer(mail: Mail): Promise<string> {
  const built = await new MailComposer({ ...mail, date: new Date(NOW) }).compile().build();
  return built.toString().replace(/\r\n?|\n/g, '\r\n');
}

/** What a reader sees of a message; parsers differ from each other in blanks at the ends. */
async function read(source: string | Buffer) {
  const { from, to, replyTo, subject, text, html, messageId, date, headers } = await PostalMime.parse(source);
  const own = headers.filter(({ key }) => key.startsWith('x-') || key.startsWith('list-'));
  const header = (text = '') => text.replace(/[ \t]+/g, ' ').trim();
  const body = (part = '') => part.replace(/\r\n?|\n/g, '\n').trimEnd();
  const fields = Object.fromEntries(
    own.map(({ key, value }) => [key, header(decodeWords(value))]).filter(([, value]) => value),
  );
  const shown = { from, to, replyTo, subject: header(subject), text: body(text), html: body(html) };
  return { ...shown, messageId, date, fields };
}

/** Pieces that mail has trouble with. */
const piece = fc.constantFrom(
  ...[
    'a',
    'Z',
    ' ',
    '  ',
    '.',
    ',',
    ';',
    '"',
    '\\',
    '<b>',
    '(c)',
    '=',
    '?',
    '_',
    '=?',
    '?=',
    '=3D',
    'é',
    'ß',
    'Ж',
    '日本',
  ],
  ...['👩‍👩‍👧', '🙂', 'שלום', '\u202e', 'e\u0301', '\ud83d', '\t', '\u0001', '\u007f', '\u00a0', '\u2028'],
  ...['=?UTF-8?X?x?=', 'word '.repeat(20), 'w'.repeat(120), 'ü'.repeat(80), 'x'.repeat(998)],
);
const headerText = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
const bodyPiece = fc.constantFrom(
  '\n',
  '\r\n',
  '\r',
  '\n\n',
  '\n.',
  '\r\n.\r\n',
  '.',
  ' \n',
  '\t\n',
  '\0',
  'From ',
  '--=_bound',
);
const bodyText = fc.array(fc.oneof(piece, bodyPiece), { maxLength: 20 }).map((pieces) => pieces.join(''));

const oddMail: fc.Arbitrary<Mail> = fc.record({
  messageId: fc.constant('<m1@example.com>'),
  from: fc.constantFrom(
    'from@example.com',
    'Acme <from@example.com>',
    '"A, B" <from@example.com>',
    'Zoë <from@example.com>',
  ),
  to: fc.constantFrom(
    'to@example.com',
    "o'neil+tag@sub.example.com",
    'a@xn--bcher-kva.example',
    'a@bücher.example',
  ),
  replyTo: fc.option(
    fc.constantFrom('help@example.com', 'Help, please <help@example.com>', 'שלום <h@example.com>'),
    {
      nil: undefined,
    },
  ),
  subject: headerText,
  text: bodyText,
  html: fc.option(bodyText, { nil: undefined }),
  headers: fc.record({
    'X-Odd': headerText,
    'List-Unsubscribe': fc.webUrl().map((url) => `<${url}>, <mailto:u@example.com>`),
  }),
});

test('a reader sees in any message what nodemailer would have shown', async () => {
  await fc.assert(
    fc.asyncProperty(oddMail, async (mail) => {
      assert.deepEqual(await read(write(mail)), await read(await writeLikeNodemailer(mail)));
    }),
    { numRuns: 300 },
  );
});

test('a reader sees subject and texts exactly as they were written', async () => {
  await fc.assert(
    fc.asyncProperty(oddMail, async (mail) => {
      const seen = await PostalMime.parse(write(mail));
      const lines = (text: string) =>
        text
          .toWellFormed()
          .replace(/\r\n?|\n/g, '\n')
          .trimEnd();
      assert.equal(seen.subject?.trim() ?? '', mail.subject.toWellFormed().trim());
      assert.equal(lines(seen.text ?? ''), lines(mail.text));
      if (mail.html) assert.equal(lines(seen.html ?? ''), lines(mail.html));
    }),
    { numRuns: 300 },
  );
});

test('whatever is in it, a message is ASCII in lines that every server takes, with the headers it should have', () => {
  fc.assert(
    fc.property(oddMail, (mail) => {
      const { headers, body } = composeMail(mail, { now: NOW, boundary: '=_boundary' });
      const text = renderMail({ headers, body });
      assert.match(text, /^[\t\r\n\x20-\x7e]*$/);
      assert.doesNotMatch(text, /[^\r]\n|\r[^\n]|\r$/, 'a bare line end');
      for (const line of body.split('\r\n')) assert.ok(line.length <= 76, line);
      for (const header of headers) {
        for (const line of header.split('\r\n')) {
          // A word of a caller's own header cannot be broken: a URL would not be one any more.
          assert.ok(line.length <= 998 || header.startsWith('X-Odd'), 'RFC 5322, 2.1.1');
          assert.ok(line.length <= 76 || !/\S \S/.test(line.replace(/^[^:]*: /, '')), line);
          assert.match(line, /\S/, 'a line of blanks ends the headers for some');
        }
      }
      const names = headers.map((header) => header.slice(0, header.indexOf(':')));
      const optional = [
        ...(mail.headers['X-Odd']!.trim() ? ['X-Odd'] : []),
        'List-Unsubscribe',
        'From',
        'To',
        ...(mail.replyTo ? ['Reply-To'] : []),
        ...(mail.subject.trim() ? ['Subject'] : []),
      ];
      assert.deepEqual(names.slice(0, optional.length + 3), [
        ...optional,
        'Message-ID',
        'Date',
        'MIME-Version',
      ]);
      assert.ok(
        names.slice(optional.length + 3).every((name) => /^Content-(Type|Transfer-Encoding)$/.test(name)),
      );
    }),
    { numRuns: 300 },
  );
});

test('a plain message is written as a person would write it', () => {
  const mail = {
    ...MAIL,
    replyTo: 'Help <help@example.com>',
    html: '<p>How are you?</p>',
    headers: { 'X-One': '1' },
  };
  assert.equal(
    write(mail),
    [
      'X-One: 1',
      'From: Acme <from@example.com>',
      'To: to@example.com',
      'Reply-To: Help <help@example.com>',
      'Subject: Hello',
      'Message-ID: <m1@example.com>',
      'Date: Sun, 15 Jun 2025 15:06:40 +0000',
      'MIME-Version: 1.0',
      'Content-Type: multipart/alternative;',
      ' boundary="=_boundary"',
      '',
      '--=_boundary',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: 7bit',
      '',
      'How are you?',
      '',
      '--=_boundary',
      'Content-Type: text/html; charset=utf-8',
      'Content-Transfer-Encoding: 7bit',
      '',
      '<p>How are you?</p>',
      '',
      '--=_boundary--',
      '',
    ].join('\r\n'),
  );
});

test('the encoding of a text leaves most of it legible', () => {
  const encodingOf = (text: string) => /Encoding: (\S+)/.exec(write({ ...MAIL, text }))![1];
  assert.equal(encodingOf(`${'w'.repeat(76)}\nshort`), '7bit');
  assert.equal(encodingOf('w'.repeat(77)), 'quoted-printable');
  assert.equal(encodingOf('Grüße aus Köln, wir sehen uns'), 'quoted-printable');
  assert.equal(encodingOf('こんにちは'), 'base64');
});

test('a message of a megabyte is written in a moment', () => {
  for (const text of [
    'word '.repeat(200_000),
    'ü'.repeat(500_000),
    'a\n'.repeat(500_000),
    ' '.repeat(1_000_000),
  ]) {
    const startedAt = performance.now();
    write({ ...MAIL, text, subject: text.slice(0, 10_000) });
    assert.ok(performance.now() - startedAt < 5_000);
  }
});
