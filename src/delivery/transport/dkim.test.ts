import assert from 'node:assert/strict';
import { generateKeyPairSync, verify } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import DKIM from 'nodemailer/lib/dkim';
import { Secret } from '../../lib/secret.ts';
import { readDkimKey, signMail } from './dkim.ts';
import { type MailText, renderMail } from './mail-text.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const names = { domainName: 'example.com', keySelector: 's1' };
const ours = readDkimKey({ ...names, privateKey: new Secret(pem) });

const FIELDS =
  'from:sender:reply-to:to:cc:subject:date:message-id:in-reply-to:references:mime-version:content-type:' +
  'content-transfer-encoding:list-id:list-unsubscribe:list-unsubscribe-post';

/** The tags of the signature that nodemailer's own signer puts before the same message. */
async function signLikeNodemailer(mail: MailText): Promise<Record<string, string>> {
  const signer = new DKIM({ ...names, privateKey: pem, headerFieldNames: FIELDS });
  const signed = Buffer.concat(await Array.fromAsync(signer.sign(Buffer.from(renderMail(mail))))).toString();
  return tagsOf(signed.slice(0, signed.search(/\r\n(?![ \t])/)));
}

function tagsOf(header: string): Record<string, string> {
  const tags = header
    .slice(header.indexOf(':') + 1)
    .replace(/\s/g, '')
    .split(';')
    .filter(Boolean);
  return Object.fromEntries(
    tags.map((tag) => [tag.slice(0, tag.indexOf('=')), tag.slice(tag.indexOf('=') + 1)]),
  );
}

const word = fc.constantFrom('a', 'word', ' ', '  ', '\t', '=', '.', 'x'.repeat(40));
const value = fc.array(word, { minLength: 1, maxLength: 8 }).map((words) => `v${words.join('')}`);
const line = fc.array(word, { maxLength: 6 }).map((words) => words.join(''));
const mail: fc.Arbitrary<MailText> = fc.record({
  headers: fc
    .array(
      fc.tuple(
        fc.constantFrom(
          'From',
          'Subject',
          'To',
          'X-Own',
          'List-Unsubscribe',
          'List-Unsubscribe-Post',
          'MIME-Version',
        ),
        value,
        fc.constantFrom('', '\r\n folded', '\r\n\tfolded  '),
      ),
      { maxLength: 8 },
    )
    .map((fields) => fields.map(([name, text, more]) => `${name}: ${text}${more}`))
    .map((headers) => ['From: Acme <from@example.com>', ...headers]),
  body: fc.array(line, { maxLength: 8 }).map((lines) => lines.map((text) => `${text}\r\n`).join('')),
});

test("the signature of any message is the one that nodemailer's signer makes", async () => {
  await fc.assert(
    fc.asyncProperty(mail, async (mail) => {
      assert.deepEqual(tagsOf(await signMail(mail, ours)), await signLikeNodemailer(mail));
    }),
    { numRuns: 60 },
  );
});

test('who has the public key finds the signature right, whatever relays do to blanks and the case of names', async () => {
  const headers = ['From: Acme <from@example.com>', 'Subject: Hello\r\n   there '];
  const header = await signMail({ headers, body: 'How  are you? \r\n\r\n' }, ours);
  const { b, ...tags } = tagsOf(header);
  assert.deepEqual(tags, {
    v: '1',
    a: 'rsa-sha256',
    c: 'relaxed/relaxed',
    d: 'example.com',
    q: 'dns/txt',
    s: 's1',
    // sha256 of "How are you?\r\n"
    bh: 'qLKbpaSndNO6Wp/cm+OE7R8kTAxUkYfIjerX8SOSVtc=',
    h: 'from:subject',
  });
  const own = header
    .slice(0, header.indexOf('\r\n b=') + 5)
    .replaceAll('\r\n', '')
    .replace('DKIM-Signature: ', '');
  const signed = `from:Acme <from@example.com>\r\nsubject:Hello there\r\ndkim-signature:${own}`;
  assert.ok(verify('sha256', Buffer.from(signed), publicKey, Buffer.from(b!, 'base64')));
  for (const line of header.split('\r\n')) assert.ok(line.length <= 76, line);
});

test('a selector or domain cannot bring tags of its own', async () => {
  const key = readDkimKey({
    domainName: 'bücher.example; x=1',
    keySelector: 's;\r\nl=0',
    privateKey: new Secret(pem),
  });
  const { d, s, l, x } = tagsOf(await signMail({ headers: ['From: a@example.com'], body: '' }, key));
  assert.deepEqual({ d, s, l, x }, { d: 'bücher.examplex1', s: 'sl0', l: undefined, x: undefined });
});

test('a key that is not RSA is refused', () => {
  const { privateKey: other } = generateKeyPairSync('ed25519');
  const secret = new Secret(other.export({ type: 'pkcs8', format: 'pem' }) as string);
  assert.throws(() => readDkimKey({ ...names, privateKey: secret }), /not an RSA key/);
});
