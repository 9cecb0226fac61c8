import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually, type RunningBellhop, startBellhop } from '../support/process.ts';
import { type MailServer, startMailServer } from './counterparts.ts';

const PENDING = ['accepted', 'processing'];

// The life of a template, up to the mail that arrives.
describe('a template', () => {
  let bellhop: RunningBellhop;
  let mail: MailServer;
  before(async () => {
    mail = await startMailServer();
    bellhop = await startBellhop();
    const config = { host: '127.0.0.1', port: mail.port, security: 'none', from: 'Shop <news@shop.example>' };
    await bellhop.call('PUT', '/v1/connections/mail', { provider: 'smtp', config });
    await bellhop.call('PUT', '/v1/users/ada', { contacts: { email: 'ada@mail.example' } });
  });
  after(async () => {
    await bellhop?.dispose();
    await mail.close();
  });

  /** Waits until it is sent, and gives the mail that arrived. */
  const arrived = async (id: string) => {
    const { body } = await eventually(
      () => bellhop.call('GET', `/v1/notifications/${id}`),
      (answer) => !PENDING.includes(answer.body.status),
    );
    assert.equal(body.status, 'sent', JSON.stringify(body));
    return { notification: body, email: mail.mails.at(-1)! };
  };
  const variables = { name: { type: 'string', required: true }, total: { type: 'number', default: 3 } };
  const version = (greeting: string) => ({
    variables,
    channels: {
      email: { en: { subject: `${greeting} {{ name }}`, layout: 'base', html: '<p>{{ total }} €</p>' } },
    },
  });
  const send = (given: object) =>
    bellhop.call('POST', '/v1/notifications', {
      userId: 'ada',
      channels: ['email'],
      template: { id: 'order', variables: given },
    });

  it('is tried out as a draft, published, and rolled back', async () => {
    await bellhop.call('PUT', '/v1/fragments/base', { text: '<h1>Shop</h1>{{ content }}' });
    assert.equal((await bellhop.call('PUT', '/v1/templates/order', version('Hello'))).status, 200);
    await bellhop.call('PUT', '/v1/fragments/base', { text: '<h1>New shop</h1>{{ content }}' });
    const draft = await bellhop.call('PUT', '/v1/templates/order', { ...version('Welcome'), publish: false });
    assert.deepEqual([draft.body.version, draft.body.publishedVersion], [2, 1]);

    const to = { kind: 'email', address: 'editor@mail.example' };
    const test = await bellhop.call('POST', '/v1/templates/order/test', {
      to,
      version: 2,
      variables: { name: 'Eve' },
    });
    assert.equal(test.status, 202, JSON.stringify(test.body));
    const tried = await arrived(test.body.id);
    assert.equal(tried.notification.test, true);
    assert.equal(tried.email.subject, '[Test] Welcome Eve');
    assert.deepEqual(
      tried.email.to?.map(({ address }) => address),
      ['editor@mail.example'],
    );

    const before = await arrived((await send({ name: 'Ada' })).body.id);
    assert.deepEqual([before.email.subject, before.email.text?.trim()], ['Hello Ada', 'Shop\n\n3 €']);
    await bellhop.call('POST', '/v1/templates/order/publish', { version: 2 });
    const after = await arrived((await send({ name: 'Ada', total: 4 })).body.id);
    assert.deepEqual([after.email.subject, after.email.text?.trim()], ['Welcome Ada', 'New shop\n\n4 €']);
    assert.equal((await bellhop.call('POST', '/v1/templates/order/rollback')).body.version, 1);
    assert.equal((await arrived((await send({ name: 'Ada' })).body.id)).email.subject, 'Hello Ada');
  });

  it('takes no other variables than it declares, and says so at once', async () => {
    for (const [given, field] of [
      [{}, '/template/variables/name'],
      [{ name: 'Ada', total: 'three' }, '/template/variables/total'],
    ] as const) {
      const { status, body } = await send(given);
      assert.deepEqual([status, body.errors?.[0].field], [400, field]);
    }
  });

  it('stays while a schedule names it', async () => {
    const notification = { userId: 'ada', template: { id: 'order', variables: { name: 'Ada' } } };
    const schedule = { notification, recurrence: { cron: '0 9 * * 1' }, timezone: 'Europe/Berlin' };
    const put = await bellhop.call('PUT', '/v1/schedules/weekly', schedule);
    assert.ok(put.status < 300, JSON.stringify(put.body));
    const refused = await bellhop.call('DELETE', '/v1/templates/order');
    assert.deepEqual([refused.status, refused.body.detail], [409, 'It is used by the schedule "weekly"']);
    await bellhop.call('DELETE', '/v1/schedules/weekly');
    assert.equal((await bellhop.call('DELETE', '/v1/templates/order')).status, 204);
    assert.equal((await send({ name: 'Ada' })).body.errors[0].field, '/template/id');
  });
});
