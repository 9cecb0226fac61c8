import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually, type RunningBellhop, startBellhop, temporaryFolder } from '../support/process.ts';
import { type MailServer, startMailServer } from './counterparts.ts';

const TEXTS = {
  subject: '{{ count }} new comments',
  text: 'Dear {{ user.id }}:{% for e in events %} {{ e.data.by }} said {{ e.data.what }}.{% endfor %}',
};

// One process, its database in a folder, and a mail server that really gets the mail.
describe('a digest', () => {
  const dataDir = temporaryFolder();
  let bellhop: RunningBellhop;
  let mail: MailServer;
  before(async () => {
    mail = await startMailServer();
    bellhop = await startBellhop({}, { dataDir });
    const config = { host: '127.0.0.1', port: mail.port, security: 'none', from: 'Blog <news@blog.example>' };
    for (const [url, body] of [
      ['/v1/connections/mail', { provider: 'smtp', config }],
      ['/v1/users/ada', { contacts: { email: 'ada@mail.example' } }],
      [
        '/v1/templates/comments',
        { name: 'Comments', defaultLocale: 'en', channels: { email: { en: TEXTS } }, variables: {} },
      ],
    ] as const)
      assert.ok((await bellhop.call('PUT', url, body)).status < 300, url);
    await bellhop.call('POST', '/v1/templates/comments/publish', { version: 1 });
  });
  after(async () => {
    await bellhop?.dispose();
    await mail.close();
  });

  const comment = async (by: string, window: object) => {
    const { body } = await bellhop.call('POST', '/v1/notifications', {
      userId: 'ada',
      channels: ['email'],
      template: { id: 'comments', variables: { by, what: `hello ${by}` } },
      digest: { window },
    });
    return body.id as string;
  };
  const becomes = async (id: string, status: string) =>
    (
      await eventually(
        () => bellhop.call('GET', `/v1/notifications/${id}`),
        (answer) => answer.body.status === status,
      )
    ).body;

  it('is one mail made by the template, and its events lead to it', async () => {
    const window = { quietSeconds: 2, atMostSeconds: 10 };
    const ids = [await comment('bob', window), await comment('cyd', window), await comment('dan', window)];
    const { digest } = await becomes(ids[0]!, 'digested');
    await becomes(digest.notificationId, 'sent');
    assert.equal(mail.mails.length, 1);
    assert.equal(mail.mails[0]!.subject, '3 new comments');
    assert.equal(
      mail.mails[0]!.text?.trim(),
      'Dear ada: bob said hello bob. cyd said hello cyd. dan said hello dan.',
    );
    for (const id of ids)
      assert.equal((await becomes(id, 'digested')).digest.notificationId, digest.notificationId);
  });

  it('is sent once although the process is killed while it collects', async () => {
    const ids = [await comment('eve', { everySeconds: 5 }), await comment('fay', { everySeconds: 5 })];
    for (const id of ids) await becomes(id, 'collected');
    await bellhop.end('SIGKILL');
    bellhop = await startBellhop({}, { dataDir });
    const { digest } = await becomes(ids[1]!, 'digested');
    await becomes(digest.notificationId, 'sent');
    assert.deepEqual(
      mail.mails.map(({ subject }) => subject),
      ['3 new comments', '2 new comments'],
    );
    const { body } = await bellhop.call('GET', `/v1/notifications/${digest.notificationId}`);
    assert.equal(body.digest.events, 2);
  });
});
