import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { addTenant, buildTemplateServer, type Call, callTemplates } from './testing.ts';

const clock = new FakeClock();
const PATH = '/v1/template-settings';

describeStores('the default locale of a tenant', (store) => {
  let call: Call;
  let stranger: string;

  before(async () => {
    const tenant = await addTenant(store(), clock);
    stranger = `${await addTenant(store(), clock)}:owner`;
    call = callTemplates(await buildTemplateServer(store(), clock), tenant);
  });

  const body = async (id: string, channel: string, locale: string) =>
    (await call('POST', `/${id}/preview`, { channel, locale })).body.content.body;

  it('is none until it is set, and set for one tenant', async () => {
    assert.deepEqual((await call('GET', PATH)).body, { defaultLocale: null });
    assert.deepEqual((await call('PUT', PATH, { defaultLocale: 'fr' })).body, { defaultLocale: 'fr' });
    assert.deepEqual((await call('GET', PATH)).body, { defaultLocale: 'fr' });
    assert.deepEqual((await call('GET', PATH, undefined, stranger)).body, { defaultLocale: null });
    assert.equal(
      (await call('PUT', PATH, { defaultLocale: 'en_US' })).body.errors[0].field,
      '/defaultLocale',
    );
  });

  it('comes behind what is asked for and the default of the template', async () => {
    await call('PUT', PATH, { defaultLocale: 'fr' });
    const texts = (...locales: string[]) =>
      Object.fromEntries(locales.map((locale) => [locale, { body: locale }]));
    const channels = { sms: texts('pt', 'de', 'fr'), chat: texts('pt', 'fr') };
    assert.equal((await call('PUT', '/chain', { defaultLocale: 'de', channels })).status, 200);
    assert.deepEqual(
      [
        await body('chain', 'sms', 'pt-BR'),
        await body('chain', 'sms', 'nl'),
        await body('chain', 'chat', 'nl'),
      ],
      ['pt', 'de', 'fr'],
    );
    const refused = await call('PUT', '/none', { defaultLocale: 'de', channels: { sms: texts('pt') } });
    assert.deepEqual(refused.body.errors, [
      { field: '/channels/sms', rule: 'must have the default locale "de" or "fr"' },
    ]);
  });

  it('is that of templates which name none, and stays with a version when it changes', async () => {
    await call('PUT', PATH, { defaultLocale: 'fr' });
    await call('PUT', '/unnamed', { channels: { sms: { fr: { body: 'fr' } } } });
    await call('PUT', PATH, { defaultLocale: null });
    assert.equal((await call('GET', '/unnamed')).body.latest.defaultLocale, 'fr');
    assert.equal(await body('unnamed', 'sms', 'nl'), 'fr');
    assert.equal((await call('PUT', '/unnamed', { channels: { sms: { fr: { body: 'fr' } } } })).status, 422);
  });
});
