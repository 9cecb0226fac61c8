import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { type Consent, serveConsent } from '../../test/support/consent.ts';
import { describeStores } from '../../test/support/stores.ts';

const FORM = 'application/x-www-form-urlencoded';
const BOUNDARY = '----bellhop';
const MULTIPART = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--${BOUNDARY}--\r\n`;

describeStores('the pages behind links', (store) => {
  let api: Consent;
  before(async () => {
    api = await serveConsent(store());
    const offers = {
      kind: 'marketing',
      name: 'Offers & <more>',
      description: 'Once a week',
      channels: { sms: 'off' },
      translations: { de: { name: 'Angebote' }, 'de-AT': { description: 'Einmal in der Woche' } },
    };
    await api.call('PUT', '/v1/categories/offers', offers);
    await api.call('PUT', '/v1/categories/news', { kind: 'marketing', name: 'News', doubleOptIn: true });
  });
  beforeEach(async () => {
    api.clock.advance(5_000);
    await api.call('DELETE', '/v1/users/ada');
    const contacts = { email: 'ada@mail.example', phone: '+4915123456789' };
    await api.call('PUT', '/v1/users/ada', { contacts, locale: 'en' });
  });
  after(() => api.close());

  const linkOf = async () => (await api.call('GET', '/v1/users/ada/preference-link')).body.url as string;
  const said = async () =>
    ((await api.call('GET', '/v1/users/ada/preferences')).body.preferences as Record<string, string>[]).map(
      ({ category, channel, choice, source }) => `${category}/${channel}/${choice} by ${source}`,
    );
  const unsubscribeLink = () => api.unsubscribeLink('ada', { category: 'offers', channel: 'email' });
  const undoIn = (body: string) =>
    new URLSearchParams({ undo: /name="undo" value="([^"]+)"/.exec(body)![1]! });

  it('show what the user may choose, closed to everything from outside', async () => {
    const { status, body, headers } = await api.open(await linkOf());
    assert.equal(status, 200);
    assert.match(body, /<html lang="en">/);
    assert.match(body, /<legend>Offers &amp; &lt;more&gt;<\/legend>\s*<p class="quiet">Once a week<\/p>/);
    assert.match(body, /name="on"\s+value="offers\/email" checked>E-mail/);
    assert.match(body, /name="on"\s+value="offers\/sms">Text messages/);
    assert.match(body, /disabled aria-describedby="why-news-unconfirmed">E-mail/);
    assert.match(body, /<li>Sign-in codes<\/li><li>Security of your account<\/li>/);
    assert.ok(!body.includes('ada'), 'neither the id nor an address of the user');
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.match(String(headers['x-robots-tag']), /noindex/);
    assert.match(String(headers['content-security-policy']), /^default-src 'none'.*frame-ancestors 'none'$/);
    assert.equal(headers['set-cookie'], undefined);
    assert.ok(!/<script|https?:\/\//.test(body));
  });

  it('say whose they are, and load nothing but his logo', async () => {
    const nobody = (await api.open(await linkOf())).headers['content-security-policy'];
    assert.doesNotMatch(String(nobody), /img-src/);
    const owner = { name: 'Ann & <Sons>', logoUrl: 'https://cdn.shop.example/logo.svg?v="2' };
    const kept = { ...owner, logoUrl: 'https://cdn.shop.example/logo.svg?v=%222' };
    assert.deepEqual((await api.call('PUT', '/v1/preference-page', owner)).body, kept);
    assert.deepEqual((await api.call('GET', '/v1/preference-page')).body, kept);
    const { body, headers } = await api.open(await linkOf());
    assert.match(body, /<title>[^<]+ – Ann &amp; &lt;Sons&gt;<\/title>/);
    assert.match(
      body,
      /<img src="https:\/\/cdn\.shop\.example\/logo\.svg\?v=%222" alt="Ann &amp; &lt;Sons&gt;">/,
    );
    assert.match(String(headers['content-security-policy']), /; img-src https:\/\/cdn\.shop\.example$/);
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.doesNotMatch((await api.open(await api.linkOfOther())).body, /Ann|<img/);
    for (const logoUrl of [
      'http://cdn.shop.example/a.png',
      'javascript:alert(1)',
      'https://a:b@shop.example/',
    ])
      assert.equal(
        (await api.call('PUT', '/v1/preference-page', { logoUrl })).body.errors[0].field,
        '/logoUrl',
      );
    assert.deepEqual((await api.call('PUT', '/v1/preference-page', { name: 'Ann' })).body, {
      name: 'Ann',
      logoUrl: null,
    });
    assert.match((await api.open(await linkOf())).body, /<p class="owner">Ann<\/p>/);
    await api.call('PUT', '/v1/preference-page', {});
  });

  it('call categories what they are called in the language of the page', async () => {
    await api.call('PUT', '/v1/users/ada', { locale: 'de-AT' });
    const { body } = await api.open(await linkOf());
    assert.match(body, /<html lang="de">/);
    assert.match(body, /<legend>Angebote<\/legend>\s*<p class="quiet">Once a week<\/p>/);
    assert.match((await api.open(await unsubscribeLink())).body, /Angebote/);
  });

  it('write down what differs when the user saves, and take it back', async () => {
    const link = await linkOf();
    const form = new URLSearchParams({ do: 'save', on: 'offers/sms' });
    for (const cell of ['offers/email', 'offers/sms', 'marketing/email', 'news/email'])
      form.append('shown', cell);
    form.append('on', 'marketing/email');
    const saved = await api.post(link, form);
    assert.equal(saved.status, 200);
    assert.match(saved.body, /role="status"><p>Your choices are saved\./);
    assert.deepEqual(await said(), ['offers/email/out by page', 'offers/sms/in by page']);
    const undone = await api.post(link, undoIn(saved.body));
    assert.match(undone.body, /Your earlier choices are back/);
    assert.deepEqual(await said(), []);
  });

  it('let the user say how often, where the category does, on record and to be undone', async () => {
    const rule = { window: { everySeconds: 3_600 }, usersChoose: true };
    await api.call('PUT', '/v1/categories/tips', { kind: 'marketing', name: 'Tips', digest: rule });
    const chosen = { frequency: 'daily', at: '18:30' };
    await api.call('PUT', '/v1/users/ada/frequencies/tips', chosen);
    const frequencies = async () =>
      (await api.call('GET', '/v1/users/ada/frequencies')).body.frequencies.map(
        ({ updatedAt: _, ...rest }: { updatedAt: string }) => rest,
      );
    const link = await linkOf();
    const page = await api.open(link);
    assert.match(page.body, /<label>How often <select name="often\/tips">/);
    assert.match(page.body, /<option value="daily" selected>Once a day<\/option>/);
    assert.equal(page.body.match(/<select/g)!.length, 1, 'nowhere else');
    const saved = await api.post(link, new URLSearchParams({ do: 'save', 'often/tips': 'weekly' }));
    assert.match(saved.body, /Your choices are saved/);
    assert.match(saved.body, /<option value="weekly" selected>/);
    assert.deepEqual(await frequencies(), [{ category: 'tips', frequency: 'weekly', source: 'page' }]);
    const undone = await api.post(link, undoIn(saved.body));
    assert.match(undone.body, /<option value="daily" selected>/);
    assert.deepEqual(await frequencies(), [{ category: 'tips', ...chosen, source: 'page' }]);
    const usual = await api.post(link, new URLSearchParams({ do: 'save', 'often/tips': 'usual' }));
    assert.match(usual.body, /<option value="usual" selected>As usual/);
    assert.deepEqual(await frequencies(), []);
    const unknown = { do: 'save', 'often/tips': 'never', 'often/offers': 'daily', 'often/gone': 'daily' };
    assert.match((await api.post(link, new URLSearchParams(unknown))).body, /Nothing was changed/);
    assert.deepEqual(await frequencies(), []);
    await api.call('DELETE', '/v1/categories/tips');
  });

  it('unsubscribe from everything, a yes said before included, and take that back too', async () => {
    const yes = { category: 'offers', channel: 'email', choice: 'in' };
    await api.call('PATCH', '/v1/users/ada/preferences', { preferences: [yes] });
    const link = await linkOf();
    const { body } = await api.post(link, new URLSearchParams({ do: 'nothing' }));
    assert.match(body, /You are unsubscribed from everything/);
    assert.ok(!body.includes('value="nothing"'), 'once is enough');
    assert.deepEqual(await said(), ['*/*/out by page', 'offers/email/out by page']);
    await api.post(link, undoIn(body));
    assert.deepEqual(await said(), ['offers/email/in by page']);
  });

  it('speak the language of the user, or else of the browser', async () => {
    const link = await linkOf();
    await api.call('PUT', '/v1/users/ada', { locale: 'de-CH' });
    assert.match(
      (await api.open(link, { 'accept-language': 'fr' })).body,
      /<html lang="de">.*Benachrichtigungen/s,
    );
    await api.call('PUT', '/v1/users/ada', { locale: null });
    assert.match((await api.open(link, { 'accept-language': 'fr' })).body, /<html lang="fr">/);
    const missing = await api.open(`${link}x`, { 'accept-language': 'ja' });
    assert.match(missing.body, /<html lang="ja">/);
  });

  it('change nothing when they are looked at', async () => {
    const link = await unsubscribeLink();
    for (const method of ['GET', 'HEAD'] as const)
      assert.equal((await api.open(link, {}, method)).status, 200);
    assert.match(
      (await api.open(link)).body,
      /name="List-Unsubscribe" value="One-Click">Unsubscribe<\/button>/,
    );
    assert.deepEqual(await said(), []);
  });

  it('unsubscribe at once by one click, in either way that a form is written', async () => {
    for (const [type, body] of [
      [FORM, 'List-Unsubscribe=One-Click'],
      [`multipart/form-data; boundary=${BOUNDARY}`, MULTIPART],
    ] as const) {
      const answer = await api.post(await unsubscribeLink(), body, type);
      assert.equal(answer.status, 200, type);
      assert.match(answer.body, /You are unsubscribed from “Offers &amp; &lt;more&gt;” \(E-mail\)/);
      assert.deepEqual(await said(), ['offers/email/out by one-click']);
      const again = await api.post(await unsubscribeLink(), body, type);
      assert.equal(again.status, 200, 'twice');
      await api.post(await unsubscribeLink(), undoIn(answer.body));
      assert.deepEqual(await said(), []);
    }
  });

  it('take no other body', async () => {
    const link = await unsubscribeLink();
    for (const [body, type] of [
      ['List-Unsubscribe=No', FORM],
      ['', FORM],
      ['{"List-Unsubscribe":"One-Click"}', 'application/json'],
      ['List-Unsubscribe=One-Click', 'text/plain'],
      [MULTIPART, 'multipart/form-data; boundary=other'],
      ['List-Unsubscribe=One-Click&x='.padEnd(70_000, 'x'), FORM],
      [new URLSearchParams({ undo: link.split('/').at(-1)! }).toString(), FORM],
    ] as const) {
      const answer = await api.post(link, body, type);
      assert.equal(answer.status, 400, body.slice(0, 40));
      assert.match(String(answer.headers['content-type']), /^text\/html/);
    }
    assert.deepEqual(await said(), []);
  });

  it('make a yes a confirmed one, unless it was taken back', async () => {
    const topic = { category: 'news', channel: 'email' };
    const asked = await api.call('POST', '/v1/users/ada/opt-in', topic);
    assert.deepEqual([asked.status, asked.body.choice], [200, 'pending']);
    assert.deepEqual(await said(), ['news/email/pending by api']);
    assert.match((await api.open(asked.body.url)).body, /Do you want to receive “News” \(E-mail\)\?/);
    assert.deepEqual(await said(), ['news/email/pending by api'], 'looking is no yes');
    const confirmed = await api.post(asked.body.url, new URLSearchParams({ do: 'confirm' }));
    assert.match(confirmed.body, /Thank you\. You will receive “News”/);
    assert.deepEqual(await said(), ['news/email/in by confirmed']);
    assert.equal((await api.call('POST', '/v1/users/ada/opt-in', topic)).body.choice, 'in');
    await api.call('PATCH', '/v1/users/ada/preferences', { preferences: [{ ...topic, choice: null }] });
    assert.equal((await api.open(asked.body.url)).status, 410);
    assert.equal((await api.post(asked.body.url, new URLSearchParams({ do: 'confirm' }))).status, 410);
    assert.deepEqual(await said(), []);
  });

  it('do not let an unconfirmed yes overrule a no', async () => {
    const topic = { category: 'offers', channel: 'email' };
    await api.call('PATCH', '/v1/users/ada/preferences', { preferences: [{ ...topic, choice: 'out' }] });
    assert.equal((await api.call('POST', '/v1/users/ada/opt-in', topic)).body.choice, 'out');
    assert.deepEqual(await said(), ['offers/email/out by api']);
  });

  it('are not there for what is no link, or is one to something else', async () => {
    const link = await unsubscribeLink();
    const token = link.split('/').at(-1)!;
    const origin = link.slice(0, link.indexOf('/u/'));
    const foreign = await api.foreignToken();
    for (const path of [
      `/p/${token}`,
      `/c/${token}`,
      `/u/${token}A`,
      `/u/${token.slice(1)}`,
      '/u/x',
      `/p/${'a'.repeat(900)}`,
      `/u/${foreign}`,
    ]) {
      const answer = await api.open(origin + path);
      assert.equal(answer.status, 404, path);
      assert.match(answer.body, /This link does not work/, path);
    }
    api.clock.advance(2_000);
    assert.equal((await api.open(`${origin}/u/%00`)).status, 400);
    assert.deepEqual(await said(), []);
  });

  it('are gone with the user, and shut for a second to who tries too many', async () => {
    const link = await linkOf();
    await api.call('DELETE', '/v1/users/ada');
    assert.equal((await api.open(link)).status, 410);
    api.clock.advance(2_000);
    const origin = link.slice(0, link.indexOf('/p/'));
    for (let i = 0; i < 10; i++) assert.equal((await api.open(`${origin}/p/guess${i}`)).status, 404);
    const busy = await api.open(`${origin}/p/guess`);
    assert.deepEqual([busy.status, busy.headers['retry-after']], [429, '1']);
    api.clock.advance(2_000);
    assert.equal((await api.open(link)).status, 410);
  });

  it('end when the tenant takes all links back, and only his', async () => {
    const [link, theirs] = [await linkOf(), await api.linkOfOther()];
    assert.equal((await api.call('POST', '/v1/preference-links/rotate')).status, 204);
    assert.equal((await api.open(link)).status, 404);
    assert.equal((await api.open(await linkOf())).status, 200);
    assert.equal((await api.open(theirs)).status, 200);
  });

  it('say so when the link was made with a test key', async () => {
    const { body } = await api.callAsTest('GET', '/v1/users/ada/preference-link');
    assert.match((await api.open(body.url)).body, /made with a test key/);
    assert.ok(!/test key/.test((await api.open(await linkOf())).body));
  });
});
