import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import type { Definition } from './definition.ts';
import type { Finding } from './finding.ts';
import { type LintOptions, lintTemplate } from './lint.ts';
import { addTenant, buildTemplateServer, type Call, callTemplates } from './testing.ts';
import type { Variables } from './variable-schema.ts';

const definition = (channels: Definition['channels'], variables: Variables = {}): Definition => ({
  defaultLocale: 'en',
  variables,
  channels,
});
const show = ({ level, code, field }: Finding) => `${level} ${code} ${field}`;
const lint = async (source: Definition, options?: LintOptions) =>
  (await lintTemplate(source, options)).findings.map(show);
const push = (body: string, more: object = {}) => ({ push: { en: { title: 't', body, ...more } } });
const html = (body: string) => `<html lang="en"><head><title>t</title></head><body>${body}</body></html>`;
const mail = (body: string) => ({ email: { en: { subject: 's', html: html(body) } } });

describe('the look for mistakes', () => {
  it('finds none in a template that is in order', async () => {
    const variables: Variables = { name: { type: 'string', examples: ['Ada'] } };
    const channels = {
      ...push('{{ name }}'),
      ...mail(
        '<h1>Hi {{ name }}</h1><p><a href="https://x.example">Your order</a> {{ unsubscribe_url }}</p>',
      ),
      sms: { en: { body: 'Hi {{ name }}' } },
    };
    assert.deepEqual(await lint(definition(channels, variables), { marketing: true }), []);
  });

  it('finds variables that are unknown, unused, or unknown where the list is closed', async () => {
    const source = definition(
      { sms: { en: { body: 'x {{ nmae }}{{ user.id }}' } } },
      { name: { type: 'string' } },
    );
    assert.deepEqual(await lint(source), [
      'warning variable.unknown /channels/sms/en/body',
      'warning variable.unused /variables',
    ]);
    const closed: Variables = { type: 'object', properties: {}, additionalProperties: false };
    assert.deepEqual(await lint({ ...source, variables: closed }), [
      'error variable.unknown /channels/sms/en/body',
    ]);
  });

  it('finds variables in fragments and layouts', async () => {
    const source = definition({ email: { en: { subject: 's', html: '<p>x</p>', layout: 'base' } } });
    source.fragments = {
      base: { version: 1, text: html('{{ content }}{% render "foot", year: year %}') },
      foot: { version: 1, text: '{{ year }}{{ author }}' },
    };
    const { findings } = await lintTemplate(source);
    assert.deepEqual(
      findings.map(({ message }) => message),
      ['year', 'author'].map((name) => `names the variable "${name}", which is not declared`),
    );
  });

  it('finds personal variables in push messages, also on one platform only', async () => {
    const variables: Variables = { iban: { type: 'string', personal: true } };
    const text = { sms: { en: { body: '{{ iban }}' } } };
    assert.deepEqual(await lint(definition(text, variables)), []);
    assert.deepEqual(await lint(definition({ ...push('{{ iban }}'), ...text }, variables)), [
      'error push.personal /channels/push/en/body',
    ]);
    const override = push('x', { platforms: { ios: { body: '{{ iban }}' } } });
    assert.deepEqual(await lint(definition(override, variables)), [
      'error push.personal /channels/push/en/platforms',
    ]);
  });

  it('weighs push messages on each platform', async () => {
    const { findings, push: sizes } = await lintTemplate(definition(push('x'.repeat(2_500))));
    assert.deepEqual(findings.map(show), ['warning push.large /channels/push/en']);
    assert.deepEqual(
      sizes.map(({ platform, provider }) => `${platform} ${provider}`),
      [
        ...['ios apns', 'ios sns-push', 'android fcm', 'android huawei', 'android sns-push'],
        ...['web webpush', 'macos apns', 'macos sns-push'],
      ],
    );
    const large = await lintTemplate(
      definition(push('x', { platforms: { android: { body: 'x'.repeat(4_000) } } })),
    );
    const tooLarge = 'error push.too_large /channels/push/en';
    assert.deepEqual(large.findings.map(show), [tooLarge, tooLarge]);
    for (const [i, vendor] of ['fcm', 'huawei'].entries())
      assert.match(
        large.findings[i]!.message,
        new RegExp(`^has 4\\d{3} bytes on android: ${vendor} takes 4096$`),
      );
    const given = { variables: { text: 'x'.repeat(4_000) } };
    assert.ok(
      (await lint(definition(push('{{ text }}')), given)).includes('error push.too_large /channels/push/en'),
    );
  });

  it('counts text messages, and says what makes them dear', async () => {
    const body = `${'x'.repeat(100)}’`;
    const { findings, sms } = await lintTemplate(
      definition({ sms: { en: { body }, de: { body: 'x'.repeat(500) } } }),
    );
    assert.deepEqual(
      findings.map(({ message }) => message),
      ['costs 2 messages and would cost 1 without ’', 'costs 4 messages'],
    );
    assert.deepEqual(
      sms.map(({ locale, segments }) => [locale, segments]),
      [
        ['en', 2],
        ['de', 4],
      ],
    );
  });

  it('finds locales that one channel has and another comes not even near', async () => {
    const channels = {
      sms: { en: { body: 'x' }, 'pt-BR': { body: 'x' }, de: { body: 'x' } },
      chat: { en: { body: 'x' }, pt: { body: 'x' } },
    };
    const { findings } = await lintTemplate(definition(channels));
    assert.deepEqual(
      findings.map(({ field, message }) => `${field} ${message}`),
      [
        '/channels/sms has no "pt", which other channels have',
        '/channels/chat has no "de", which other channels have',
      ],
    );
  });

  it('takes the values of the caller at their word, and its own as a guess', async () => {
    const variables: Variables = {
      url: { type: 'string' },
      n: { type: 'integer', multipleOf: 7, minimum: 8 },
    };
    const source = definition(
      { sms: { en: { body: '{{ n }}' } }, ...push('x', { url: '{{ url }}' }) },
      variables,
    );
    assert.deepEqual(await lint(source), ['warning variable.sample /variables/n']);
    assert.deepEqual(await lint(source, { variables: { n: 8 } }), ['error variable.invalid /variables/n']);
    const wrong = await lint(source, { variables: { n: 14, url: 'nowhere' } });
    assert.deepEqual(wrong, ['error render.failed /channels/push/en']);
  });

  it('misses the way out of marketing mail, and only there', async () => {
    const source = definition(mail('<p>x</p>'));
    assert.deepEqual(await lint(source), []);
    assert.deepEqual(await lint(source, { marketing: true }), [
      'warning email.unsubscribe /channels/email/en',
    ]);
  });

  it('ends, whatever it is given', async () => {
    const locales = Object.fromEntries(
      Array.from({ length: 120 }, (_, i) => [`en-x-a${i}`, { title: 't', body: '{{ x }}' }]),
    );
    const found = await lint(definition({ push: { en: { title: 't', body: 'b' }, ...locales } }));
    assert.ok(found.includes('warning lint.incomplete /channels'));
    assert.ok(found.length <= 200);
  });
});

it('a look at dear messages ends after a while', async () => {
  const texts = Object.fromEntries(['en', 'de', 'fr', 'it'].map((locale) => [locale, { body: 'x' }]));
  let clockMs = 0;
  const { sms, findings } = await lintTemplate(definition({ sms: texts }), {}, () => {
    clockMs += 1_000;
    return clockMs;
  });
  assert.deepEqual(
    sms.map(({ locale }) => locale),
    ['en', 'de', 'fr', 'it'],
  );
  assert.deepEqual(findings, []);
  const slow = await lintTemplate(definition({ sms: texts }), {}, () => {
    clockMs += 2_000;
    return clockMs;
  });
  assert.equal(slow.sms.length, 2);
  assert.deepEqual(
    slow.findings.map(({ message }) => message),
    ['has too much to look at: 2 messages were'],
  );
});

describeStores('a template that is looked at', (store) => {
  const clock = new FakeClock();
  let tenant: string;
  let call: Call;

  before(async () => {
    tenant = await addTenant(store(), clock);
    call = callTemplates(await buildTemplateServer(store(), clock), tenant);
  });

  const personal = { variables: { iban: { type: 'string', personal: true } }, channels: push('{{ iban }}') };

  it('is not published with an error, and may be a draft', async () => {
    const refused = await call('PUT', '/leaky', personal);
    assert.deepEqual([refused.status, refused.body.code], [422, 'template.invalid']);
    assert.deepEqual(refused.body.errors, [
      { field: '/channels/push/en/body', rule: 'shows the personal variable "iban" in a push message' },
    ]);
    const draft = await call('PUT', '/leaky', { ...personal, publish: false });
    assert.deepEqual([draft.status, draft.body.findings[0].code], [200, 'push.personal']);
    const later = await call('POST', '/leaky/publish', { version: 1 });
    assert.deepEqual([later.status, later.body.code], [422, 'template.invalid']);
    assert.equal((await call('GET', '/leaky')).body.publishedVersion, null);
  });

  it('is published with warnings, which are answered', async () => {
    const { status, body } = await call('PUT', '/warned', {
      channels: { sms: { en: { body: 'Hi {{ name }}' } } },
    });
    assert.deepEqual(
      [status, body.publishedVersion, body.findings.map(show)],
      [200, 1, ['warning variable.unknown /channels/sms/en/body']],
    );
  });

  it('gets a report on any version, with what texts cost', async () => {
    await call('PUT', '/report', { channels: { sms: { en: { body: '{{ text }}' } } } });
    const ask = (body: object) => call('POST', '/report/lint', body, `${tenant}:templates:read`);
    const { status, body } = await ask({ variables: { text: 'x'.repeat(200) }, pricePerSegment: 0.07 });
    assert.deepEqual([status, body.version, body.sms[0].segments, body.sms[0].cost], [200, 1, 2, 0.14]);
    assert.equal((await ask({ version: 2 })).body.code, 'template.version_not_found');
    assert.equal((await ask({ nonsense: true })).status, 400);
  });
});
