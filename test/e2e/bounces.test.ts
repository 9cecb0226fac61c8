import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { eventually, type RunningBellhop, startBellhop } from '../support/process.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const SECRET = 'bounce-secret-of-forty-characters-or-more';
const PENDING = ['accepted', 'processing'];

interface Bounced {
  /** The envelope's sender, to which the bounce goes. */
  to: string;
  bounce: string;
}

/** A mail server as the next hop is: takes every mail, then finds that nobody is there, and says so to the sender. */
async function startBouncer() {
  const bounced: Bounced[] = [];
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    authOptional: true,
    onData(stream, session, done) {
      buffer(stream).then((raw) => {
        const { mailFrom, rcptTo } = session.envelope;
        const to = (mailFrom as { address: string }).address;
        bounced.push({ to, bounce: writeBounce(to, rcptTo[0]!.address, raw.toString('latin1')) });
        done(null);
      }, done);
    },
  });
  server.on('error', () => {});
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  return {
    port: (server.server.address() as { port: number }).port,
    bounced,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

function writeBounce(to: string, recipient: string, mail: string): string {
  const [status, action, diagnostic] = recipient.startsWith('gone')
    ? ['5.1.1', 'failed', `smtp; 550 5.1.1 <${recipient}>: User unknown`]
    : ['4.4.1', 'delayed', 'X-Postfix; Connection timed out'];
  return [
    'Return-Path: <>',
    'From: MAILER-DAEMON@mail.acme.org (Mail Delivery System)',
    `To: ${to}`,
    'Subject: Undelivered Mail Returned to Sender',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b1"',
    '',
    '--b1',
    'Content-Type: text/plain',
    '',
    'I am sorry.',
    '',
    '--b1',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mail.acme.org',
    '',
    `Final-Recipient: rfc822; ${recipient}`,
    `Action: ${action}`,
    `Status: ${status}`,
    `Diagnostic-Code: ${diagnostic}`,
    '',
    '--b1',
    'Content-Type: message/rfc822',
    '',
    mail,
    '--b1--',
    '',
  ].join('\r\n');
}

describe('a mail that comes back', () => {
  let bellhop: RunningBellhop;
  let bouncer: Awaited<ReturnType<typeof startBouncer>>;
  let folder: string;
  let receipts: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bellhop-bounces-'));
    writeFileSync(join(folder, 'secret'), `${SECRET}\n`);
    writeFileSync(join(folder, 'wrong'), 'another-secret');
    bouncer = await startBouncer();
    bellhop = await startBellhop();
    const config = {
      host: '127.0.0.1',
      port: bouncer.port,
      security: 'none',
      from: 'Shop <news@acme.org>',
      bounceAddress: 'bounce@mail.acme.org',
      bounceSecret: SECRET,
    };
    const { status, body } = await bellhop.call('PUT', '/v1/connections/mail', { provider: 'smtp', config });
    assert.equal(status < 300, true, JSON.stringify(body));
    receipts = bellhop.url + body.receiptsPath;
  });
  after(async () => {
    await bellhop?.dispose();
    await bouncer?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Pipes the bounce into the command, as a mail server does; answers the exit code. */
  const pipe = async ({ bounce }: Bounced, { secret = 'secret', to = receipts } = {}) => {
    const args = ['bin/bellhop.mjs', 'bounce', '--to', to, '--secret-file', join(folder, secret)];
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: { PATH: process.env.PATH },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    child.stdin.end(bounce);
    const [code] = await once(child, 'exit');
    return code;
  };
  const send = async (userId: string) => {
    await bellhop.call('PUT', `/v1/users/${userId}`, { contacts: { email: `${userId}@example.net` } });
    const request = { userId, channels: ['email'], message: { title: 'Hello', body: 'You' } };
    const { body } = await bellhop.call('POST', '/v1/notifications', request);
    const view = await eventually(
      () => bellhop.call('GET', `/v1/notifications/${body.id}`),
      (answer) => !PENDING.includes(answer.body.status),
    );
    return view.body;
  };
  const read = async (id: string) => (await bellhop.call('GET', `/v1/notifications/${id}`)).body;

  it('has an address of its own, by which its delivery fails and its recipient is suppressed', async () => {
    const { id, status } = await send('gone');
    assert.equal(status, 'sent');
    const [bounced] = bouncer.bounced.splice(0);
    assert.match(bounced!.to, /^bounce\+[0-9a-f]{48}@mail\.acme\.org$/);
    assert.equal(await pipe(bounced!), 0);
    const { deliveries } = await read(id);
    assert.partialDeepStrictEqual(deliveries[0], { state: 'failed', reason: 'recipient_invalid' });
    const listed = await bellhop.call('GET', '/v1/suppressions');
    assert.partialDeepStrictEqual(listed.body.items, [
      { kind: 'email', address: 'gone@example.net', reason: 'recipient_invalid', source: 'mail' },
    ]);
    const again = await send('gone');
    assert.equal(again.status, 'skipped');
    assert.equal(bouncer.bounced.length, 0);
  });

  it('that is only late changes nothing', async () => {
    const { id } = await send('late');
    const [bounced] = bouncer.bounced.splice(0);
    assert.equal(await pipe(bounced!), 0);
    assert.partialDeepStrictEqual((await read(id)).deliveries[0], { state: 'sent' });
  });

  it('is kept by the mail server while Bellhop can not take it, and given up where it is not believed', async () => {
    await send('gone2');
    const [bounced] = bouncer.bounced.splice(0);
    assert.equal(await pipe(bounced!, { secret: 'wrong' }), 77);
    assert.equal(await pipe(bounced!, { secret: 'missing' }), 75);
    assert.equal(await pipe(bounced!, { to: receipts.replace(/:\d+\//, ':1/') }), 75);
    assert.equal(await pipe(bounced!), 0);
  });
});
