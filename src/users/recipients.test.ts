import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import type { Queryable } from '../store/index.ts';
import { contactKind, loadRecipients, registerUserRoutes, suppressContacts } from './index.ts';

describeStores('recipients', (store) => {
  let api: TwoTenants;
  before(async () => {
    api = await serveTwoTenants(store(), registerUserRoutes);
  });
  after(() => api.close());

  const load = (...externalIds: string[]) =>
    loadRecipients(
      store().engine,
      externalIds.map((externalId) => ({ tenantId: api.tenantId, externalId })),
    );

  it('are loaded with contacts and active devices, keyed by tenant and external id', async () => {
    const { body } = await api.call('PUT', '/v1/users/ada', {
      contacts: { email: 'ada@example.com', phone: '+4915112345678' },
      attributes: { plan: 'pro' },
      locale: 'en',
    });
    const device = await api.call('POST', '/v1/users/ada/devices', { platform: 'android', token: 'a1' });
    const unused = await api.call('POST', '/v1/users/ada/devices', { platform: 'android', token: 'a2' });
    await api.call('DELETE', `/v1/users/ada/devices/${unused.body.id}`);
    const recipients = await load('ada', 'ada', 'nobody');
    assert.deepEqual([...recipients.keys()], [`${api.tenantId}/ada`]);
    assert.deepEqual(recipients.get(`${api.tenantId}/ada`), {
      user: {
        id: body.id,
        tenantId: api.tenantId,
        externalId: 'ada',
        locale: 'en',
        timezone: null,
        attributes: { plan: 'pro' },
      },
      contacts: [
        { kind: 'email', address: 'ada@example.com', inactive: false, suppressed: false },
        { kind: 'phone', address: '+4915112345678', inactive: false, suppressed: false },
      ],
      devices: [
        {
          id: device.body.id,
          app: 'default',
          platform: 'android',
          token: 'a1',
          keys: null,
          registeredAt: api.clock.now(),
        },
      ],
    });
  });

  it('of equal external ids are kept apart by tenant', async () => {
    await api.call('PUT', '/v1/users/same', { locale: 'de' });
    await api.callAsOther('PUT', '/v1/users/same', { locale: 'fr', contacts: { slack: 'U1' } });
    const recipients = await loadRecipients(store().engine, [
      { tenantId: api.tenantId, externalId: 'same' },
      { tenantId: api.otherTenantId, externalId: 'same' },
    ]);
    const [mine, theirs] = [...[api.tenantId, api.otherTenantId]].map((id) => recipients.get(`${id}/same`));
    assert.deepEqual([mine?.user.locale, theirs?.user.locale], ['de', 'fr']);
    assert.deepEqual([mine?.contacts.length, theirs?.contacts.length], [0, 1]);
  });

  it('have at most 50 devices, the last active first', async () => {
    await api.call('PUT', '/v1/users/hoarder', {});
    for (let n = 0; n < 52; n++) {
      api.clock.advance(1);
      await api.call('POST', '/v1/users/hoarder/devices', { platform: 'android', token: `hoard-${n}` });
    }
    const { devices } = (await load('hoarder')).get(`${api.tenantId}/hoarder`)!;
    assert.deepEqual([devices.length, devices[0]?.token, devices[49]?.token], [50, 'hoard-51', 'hoard-2']);
  });

  it('take three statements, however many they are', async () => {
    let statements = 0;
    const counting = {
      query: (...args: [never]) => {
        statements++;
        return store().engine.query(...args);
      },
    } as unknown as Queryable;
    const names = ['ada', 'same', 'hoarder', 'nobody'];
    await loadRecipients(
      counting,
      names.map((externalId) => ({ tenantId: api.tenantId, externalId })),
    );
    assert.equal(statements, 3);
    await loadRecipients(counting, []);
    assert.equal(statements, 3);
  });

  it('are suppressed by address whatever its case, in their own tenant only', async () => {
    const contacts = { email: 'Sam@example.com', phone: '+4915112345679' };
    await api.call('PUT', '/v1/users/sam', { contacts });
    await api.callAsOther('PUT', '/v1/users/sam', { contacts });
    const entry = { tenantId: api.tenantId, kind: 'email', reason: 'bounced', source: 'smtp-1' };
    await suppressContacts(store().engine, api.clock.now(), [
      { ...entry, address: 'sam@example.com' },
      { ...entry, address: 'SAM@example.com', reason: 'complained' },
    ]);
    const { rows } = await store().engine.query('select address, reason from suppressions');
    assert.deepEqual(rows, [{ address: 'sam@example.com', reason: 'complained' }]);
    const recipients = await loadRecipients(store().engine, [
      { tenantId: api.tenantId, externalId: 'sam' },
      { tenantId: api.otherTenantId, externalId: 'sam' },
    ]);
    const states = [api.tenantId, api.otherTenantId].map((id) =>
      recipients.get(`${id}/sam`)?.contacts.map((contact) => contact.suppressed),
    );
    assert.deepEqual(states, [
      [true, false],
      [false, false],
    ]);
    const shown = (await api.call('GET', '/v1/users/sam')).body.contacts;
    assert.deepEqual([shown.email.state, shown.email.reason], ['suppressed', 'complained']);
  });

  it('have one kind of contact for e-mail, SMS and webhooks, and none for other channels', () => {
    assert.deepEqual((['email', 'sms', 'webhook', 'push', 'chat', 'inbox'] as const).map(contactKind), [
      'email',
      'phone',
      'webhook',
      null,
      null,
      null,
    ]);
  });
});
