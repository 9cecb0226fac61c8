import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Secret } from '../../../lib/secret.ts';
import type { Content, Receipt } from '../../contract.ts';
import smtp from '../smtp.ts';
import { bounceAddressOf } from './bounce-address.ts';

const FOLDER = new URL('./bounces/', import.meta.url);
const ID = '019aa6b0-0000-7000-8000-000000000001';
const OTHER = '019aa6b0-0000-7000-8000-00000000beef';
const SECRET = new Secret('s'.repeat(40));
const ADDRESS = 'bounce@mail.acme.org';
const config = { ...smtp.testConfig(), bounceAddress: ADDRESS, bounceSecret: SECRET };

const tokenOf = (id: string, secret = SECRET) => /\+(\w+)@/.exec(bounceAddressOf(id, ADDRESS, secret))![1]!;
const fixture = (name: string, { token = tokenOf(ID), id = ID } = {}) =>
  readFileSync(new URL(`${name}.eml`, FOLDER), 'latin1')
    .replaceAll('{token}', token)
    .replaceAll('{id}', id);
const parse = (text: string): Receipt[] =>
  smtp.receipts!.parse(
    {
      method: 'POST',
      url: 'https://bellhop.example/r',
      headers: {},
      body: Buffer.from(text.replace(/\r?\n/g, '\r\n'), 'latin1'),
    },
    config,
  );
const told = (receipts: Receipt[]) =>
  receipts.map(({ deliveryId, event, reason, code, effect }) => [
    deliveryId,
    event,
    reason,
    code,
    effect?.type,
  ]);

const SUPPRESS = 'suppress-contact';
const MEANT: Record<string, unknown[]> = {
  'postfix-unknown-user': ['bounced', 'recipient_invalid', '5.1.1', SUPPRESS],
  'postfix-delayed': ['delayed', undefined, '4.4.1', undefined],
  'postfix-given-up': ['bounced', 'recipient_unreachable', '4.4.1', undefined],
  'exim-mailbox-full': ['bounced', 'recipient_unreachable', '5.2.2', undefined],
  'exim-old-letter': ['bounced', 'recipient_invalid', '550', SUPPRESS],
  'exchange-not-found': ['bounced', 'recipient_invalid', '5.1.10', SUPPRESS],
  'gmail-unknown-user': ['bounced', 'recipient_invalid', '5.1.1', SUPPRESS],
  'qmail-failure-notice': ['bounced', 'recipient_invalid', '5.1.1', SUPPRESS],
  'refused-as-spam': ['bounced', 'content_refused', '5.7.1', undefined],
  complaint: ['complained', 'recipient_opted_out', undefined, SUPPRESS],
};

test('every fixture has its meaning', () => {
  const names = readdirSync(FOLDER).map((name) => name.replace('.eml', ''));
  assert.deepEqual(names.sort(), [...Object.keys(MEANT), 'absence-note'].sort());
});

for (const [name, meaning] of Object.entries(MEANT)) {
  test(`${name} is understood`, () => {
    assert.deepEqual(told(parse(fixture(name))), [[ID, ...meaning]]);
    const repeated = parse(fixture(name)).map(({ eventKey }) => eventKey);
    assert.deepEqual(
      repeated,
      parse(fixture(name)).map(({ eventKey }) => eventKey),
    );
  });
}

test('an absence note and an answer are no bounces, whatever they talk about', () => {
  assert.deepEqual(parse(fixture('absence-note')), []);
  assert.deepEqual(
    parse(`From: Ann <ann@example.net>\nTo: x+${tokenOf(ID)}@y\n\n550 5.1.1 User unknown`),
    [],
  );
});

test('the signed address goes before the id of the mail, and a forged one counts for nothing', () => {
  const withOther = fixture('postfix-unknown-user', { id: OTHER });
  assert.equal(parse(withOther)[0]!.deliveryId, ID);
  const forged = fixture('postfix-unknown-user', {
    token: tokenOf(ID, new Secret('f'.repeat(40))),
    id: OTHER,
  });
  assert.equal(parse(forged)[0]!.deliveryId, OTHER);
  assert.deepEqual(parse(fixture('refused-as-spam', { token: `${'0'.repeat(47)}1` })), []);
  const changed = tokenOf(ID).replace(/^.{32}/, OTHER.replaceAll('-', ''));
  assert.deepEqual(parse(fixture('refused-as-spam', { token: changed })), []);
});

test('an address in capitals is still ours', () => {
  const token = tokenOf(ID).toUpperCase();
  assert.equal(parse(fixture('refused-as-spam', { token }))[0]!.deliveryId, ID);
});

test('a report of success is a receipt too, and one about a list is none', () => {
  const report = (action: string, status: string) =>
    parse(
      fixture('refused-as-spam')
        .replace('Action: failed', action)
        .replace('Status: 5.7.1', status)
        .replace(/Diagnostic-Code[\s\S]*?\n\n/, '\n'),
    ).map(({ event }) => event);
  assert.deepEqual(report('Action: delivered (to mailbox)', 'Status: 2.1.5'), ['delivered']);
  assert.deepEqual(report('Action: relayed', 'Status: 2.0.0'), ['sent']);
  assert.deepEqual(report('Action: expanded', 'Status: 2.0.0'), []);
  assert.deepEqual(report('X-A: b', 'Status: 4.2.2 (mailbox full)'), ['delayed']);
  assert.deepEqual(report('X-A: b', 'Status: 5.1.1'), ['bounced']);
  assert.deepEqual(report('Action: failed', 'X-Status: none'), ['bounced']);
  assert.deepEqual(report('X-A: b', 'Status: nonsense'), []);
});

test('a cut or odd report is read as far as it goes', () => {
  const whole = fixture('postfix-unknown-user');
  for (let length = 0; length < whole.length; length += 97) parse(whole.slice(0, length));
  for (const odd of ['boundary=', 'boundary=""', 'boundary="nowhere"', 'boundary=x; boundary=y'])
    assert.deepEqual(parse(whole.replace(/boundary="[^"]*"/, odd)).length <= 1, true);
});

test('the time to read grows with the input and not with its square', () => {
  const monsters: Record<string, (size: number) => string> = {
    'folded lines': (size) => `Content-Type: multipart/report; boundary=b\n${' a\n'.repeat(size / 3)}`,
    boundaries: (size) => `Content-Type: multipart/report; boundary=b\n\n${'--b\n'.repeat(size / 4)}`,
    tokens: (size) => `From: postmaster@x\n\n${`+${'0'.repeat(48)}@`.repeat(size / 50)}`,
    names: (size) => `From: postmaster@x\n\n550 5.1.1\n${'Message-ID:\n'.repeat(size / 12)}`,
    blanks: (size) => `From: postmaster@x\n\n550 5.1.1\nMessage-ID:${' '.repeat(size)}`,
    groups: (size) =>
      `Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n${'a: b\n\n'.repeat(size / 6)}`,
    words: (size) => `From: postmaster@x\nX-Failed-Recipients: a\n\n${'550 '.repeat(size / 4)}`,
  };
  for (const [name, monster] of Object.entries(monsters)) {
    const timeOf = (size: number) => {
      const text = Buffer.from(monster(size));
      const times = Array.from({ length: 5 }, () => {
        const startedAt = performance.now();
        smtp.receipts!.parse({ method: 'POST', url: '', headers: {}, body: text }, config);
        return performance.now() - startedAt;
      });
      return Math.min(...times);
    };
    timeOf(50_000);
    const [small, large] = [timeOf(60_000), timeOf(240_000)];
    assert.ok(large < small * 16 + 20, `${name}: ${small} ms, four times as much ${large} ms`);
  }
});

test('only who knows the secret hands bounces on', () => {
  const ask = (authorization?: string, given = config) =>
    smtp.receipts!.verify(
      {
        method: 'POST',
        url: '',
        headers: authorization ? { authorization } : {},
        body: Buffer.from(fixture('complaint')),
      },
      given,
      { now: 0 },
    );
  assert.equal(ask(`Bearer ${SECRET.reveal()}`), true);
  for (const wrong of [undefined, '', 'Bearer ', 'Bearer s', `Bearer ${SECRET.reveal()}s`, SECRET.reveal()])
    assert.equal(ask(wrong), false);
  assert.equal(ask('Bearer undefined', smtp.testConfig() as typeof config), false);
});

test('a mail leaves with an address of its own for bounces, within the limits of addresses', () => {
  const message = {
    channel: 'email',
    recipient: { address: 'ann@example.net' },
    content: { subject: 'a', text: 'b' } as Content,
    priority: 'normal',
    category: 'news',
    userId: 'u1',
  } as const;
  const context = { now: 0, random: (bytes: number) => new Uint8Array(bytes), deliveryId: ID, baseUrl: '' };
  const { envelope, mail } = smtp.request(
    message,
    { ...config, bounceAddress: 'fifteen_letters@a.org' },
    context,
  );
  assert.equal(envelope.from, `fifteen_letters+${tokenOf(ID)}@a.org`);
  assert.equal(envelope.from.indexOf('@'), 64);
  assert.deepEqual(envelope.dsn, { id: ID });
  assert.equal(mail.from, config.from);
  const without = smtp.request(message, { ...config, bounceSecret: undefined } as never, context);
  assert.deepEqual(without.envelope, { from: 'bellhop@example.com', to: 'ann@example.net' });
});
