import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createTransport } from 'nodemailer';
import { FakeClock } from '../lib/clock.ts';
import { previewHeader, startSimulator } from './fixture.ts';

const MAIL = {
  from: 'Acme <news@acme.org>',
  to: 'ann@example.com',
  subject: 'Räksmörgås 🦐',
  text: 'Plain words',
  html: '<p>Rich words</p>',
};

interface SmtpError extends Error {
  code: string;
  response?: string;
  responseCode?: number;
  command?: string;
}

function openMailer(t: TestContext, port: number, options: object = {}) {
  const mailer = createTransport({ host: '127.0.0.1', port, secure: false, ...options });
  t.after(() => mailer.close());
  return mailer;
}

async function failureOf(sending: Promise<unknown>): Promise<SmtpError> {
  return sending.then(
    () => assert.fail('the mail was accepted'),
    (error: SmtpError) => error,
  );
}

test('a mail is accepted from anybody and parsed into the mailbox', async (t) => {
  const { smtpPort, mailbox } = await startSimulator(t);
  const info = await openMailer(t, smtpPort).sendMail({ ...MAIL, headers: { 'X-Campaign': 'spring' } });
  assert.equal(info.response, '250 2.0.0 Ok: queued as 4Xw1');
  const [message] = mailbox.list();
  assert.equal(message?.channel, 'email');
  assert.equal(message?.answered, 'accepted');
  assert.equal(message?.userId, null);
  assert.equal(message?.recipient, 'ann@example.com');
  assert.equal(message?.content.subject, MAIL.subject);
  assert.equal(message?.content.text?.trim(), MAIL.text);
  assert.equal(message?.content.html?.trim(), MAIL.html);
  assert.equal(message?.mail?.from, MAIL.from);
  assert.ok(message?.mail?.headers.some(([name, value]) => name === 'x-campaign' && value === 'spring'));
  assert.match((message!.raw as { source: string }).source, /^Subject: /m);
});

test('any user name and password are right', async (t) => {
  const { smtpPort, mailbox } = await startSimulator(t);
  const auth = { user: 'whoever', pass: 'whatever' };
  await openMailer(t, smtpPort, { auth }).sendMail(MAIL);
  assert.equal(mailbox.list().length, 1);
});

test('the preview in a mail tells the user, the mail itself tells what he sees', async (t) => {
  const { smtpPort, mailbox } = await startSimulator(t);
  const preview = previewHeader({
    channel: 'email',
    provider: 'mailery',
    userId: 'bob',
    content: { subject: 'Cut', title: 'kept', body: 'x'.repeat(5_000) },
  });
  await openMailer(t, smtpPort).sendMail({ ...MAIL, headers: { 'X-Bellhop-Preview': preview } });
  const [message] = mailbox.list();
  assert.equal(message?.userId, 'bob');
  assert.equal(message?.deliveryId, 'd-1');
  assert.equal(message?.content.subject, MAIL.subject);
  assert.equal(message?.content.title, 'kept');
  assert.ok(!message?.mail?.headers.some(([name]) => name === 'x-bellhop-preview'));
  assert.ok(!/x-bellhop-preview|^ *ey/im.test((message!.raw as { source: string }).source));
});

test('a recipient named simulate-<example> gets the literal reply of the example', async (t) => {
  const { smtpPort, mailbox } = await startSimulator(t);
  const mailer = openMailer(t, smtpPort);
  const rejected = await failureOf(mailer.sendMail({ ...MAIL, to: 'simulate-rejected@example.com' }));
  assert.equal(rejected.responseCode, 550);
  assert.match(
    rejected.response!,
    /^550-5\.1\.1 The account does not exist\.\s+550 5\.1\.1 Check it for typos\.$/,
  );
  assert.equal(rejected.command, 'RCPT TO');
  const blocked = await failureOf(mailer.sendMail({ ...MAIL, to: 'Ann <ann+simulate-blocked@example.com>' }));
  assert.equal(blocked.response, '550 5.7.1 Looks like spam');
  assert.equal(blocked.command, 'DATA');
  const unavailable = await failureOf(mailer.sendMail({ ...MAIL, to: 'simulate-unavailable@example.com' }));
  assert.equal(unavailable.response, '535 5.7.8 Error');
  assert.deepEqual(
    mailbox.list().map(({ answered, kind }) => [answered, kind]),
    [
      ['rejected', 'rejected'],
      ['blocked', 'rejected'],
      ['unavailable', 'unavailable'],
    ],
  );
});

test('a reset breaks the connection after the mail was handed over, a dead network before', async (t) => {
  const { smtpPort, mailbox } = await startSimulator(t);
  for (const name of ['reset', 'networkdown']) {
    const { code } = await failureOf(
      openMailer(t, smtpPort).sendMail({ ...MAIL, to: `simulate-${name}@example.com` }),
    );
    assert.match(code, /^(ECONNECTION|ESOCKET|ECONNRESET)$/);
  }
  const [reset, networkDown] = mailbox.list();
  assert.equal(reset?.content.subject, MAIL.subject);
  assert.deepEqual([networkDown?.answered, networkDown?.content], ['networkDown', {}]);
});

test('a hanging server takes the mail and says nothing more', async (t) => {
  const { smtpPort, mailbox, simulator } = await startSimulator(t);
  const received = new Promise<void>((resolve) => mailbox.onChange(() => resolve()));
  const failure = failureOf(openMailer(t, smtpPort).sendMail({ ...MAIL, to: 'simulate-hang@example.com' }));
  await received;
  assert.equal(mailbox.list()[0]?.kind, 'fault');
  simulator.close();
  await failure;
});

test('the mix and the latency apply to mail', async (t) => {
  const clock = new FakeClock();
  const { smtpPort, mailbox, faults } = await startSimulator(t, { clock });
  faults.set({ all: { latencyMs: 5_000, jitterMs: 0, mix: { retry: 1 } } });
  const received = new Promise<void>((resolve) => mailbox.onChange(() => resolve()));
  const failure = failureOf(openMailer(t, smtpPort).sendMail(MAIL));
  await received;
  await new Promise(setImmediate);
  clock.advance(5_000);
  assert.equal((await failure).responseCode, 451);
});

test('a mail of more than 10 MB is refused', async (t) => {
  const { smtpPort, mailbox } = await startSimulator(t);
  const { responseCode } = await failureOf(
    openMailer(t, smtpPort).sendMail({ ...MAIL, text: 'x'.repeat(10 * 1024 * 1024) }),
  );
  assert.equal(responseCode, 552);
  assert.equal(mailbox.list().length, 0);
});
