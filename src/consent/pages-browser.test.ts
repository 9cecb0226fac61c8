import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { serveConsent } from '../../test/support/consent.ts';
import { openEmbeddedTestStore } from '../../test/support/stores.ts';
import { openAddress, skip, useBrowser } from '../simulator/browser-fixture.ts';

useBrowser();

const WITHOUT_SCRIPTS = { javaScriptEnabled: false };
const OVERFLOW = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
/** The words on what has the focus, or on its label. */
const FOCUSED = `(() => {
  const { activeElement: focused } = document;
  const texts = [...(focused.closest('label') ?? focused).childNodes].filter(({ nodeType }) => nodeType === 3);
  return texts.map(({ data }) => data).join('').trim();
})()`;
const PHONE = { viewport: { width: 390, height: 844 } };

/** The pages on a real port, and the path of the link to ada's. */
async function startPages(t: TestContext) {
  const store = await openEmbeddedTestStore();
  const api = await serveConsent(store);
  t.after(async () => {
    await api.close();
    await store.close();
  });
  const offers = { kind: 'marketing', name: 'Offers', description: 'What is cheaper this week' };
  await api.call('PUT', '/v1/categories/offers', offers);
  const tips = { kind: 'marketing', name: 'Tips', digest: { usersChoose: true } };
  await api.call('PUT', '/v1/categories/tips', tips);
  await api.call('PUT', '/v1/categories/marketing', { name: 'News of the shop', optOut: true });
  const contacts = { email: 'ada@mail.example', phone: '+4915123456789' };
  await api.call('PUT', '/v1/users/ada', { contacts, locale: 'en' });
  const origin = await api.app.listen({ port: 0, host: '127.0.0.1' });
  const local = (link: string) => origin + new URL(link).pathname;
  const { url } = (await api.call('GET', '/v1/users/ada/preference-link')).body;
  const unsubscribe = await api.unsubscribeLink('ada', { category: 'offers', channel: 'email' });
  const said = async () => (await api.call('GET', '/v1/users/ada/preferences')).body.preferences.length;
  return { api, said, link: local(url), unsubscribe: local(unsubscribe) };
}

test('a user chooses and takes it back, without any script', { skip }, async (t) => {
  const { link, said } = await startPages(t);
  const { page, complaints } = await openAddress(t, link, WITHOUT_SCRIPTS);
  const offers = page.getByRole('group', { name: 'Offers' });
  await offers.getByLabel('E-mail').uncheck();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('status').getByText('Your choices are saved.').waitFor();
  assert.equal(await offers.getByLabel('E-mail').isChecked(), false);
  assert.equal(await offers.getByLabel('Text messages').isChecked(), true);
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('Your earlier choices are back.').waitFor();
  assert.equal(await offers.getByLabel('E-mail').isChecked(), true);
  assert.equal(await said(), 0);
  await page.getByRole('button', { name: 'Unsubscribe from everything' }).click();
  assert.equal(await page.locator('input:checked').count(), 0);
  assert.deepEqual(complaints, []);
});

test('a user says how often, by keyboard and without any script', { skip }, async (t) => {
  const { api, link } = await startPages(t);
  const { page, complaints } = await openAddress(t, link, WITHOUT_SCRIPTS);
  const often = page.getByRole('group', { name: 'Tips' }).getByRole('combobox', { name: 'How often' });
  const chosen = async () =>
    (await api.call('GET', '/v1/users/ada/frequencies')).body.frequencies[0]?.frequency;
  await often.focus();
  await page.keyboard.press('End');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('status').getByText('Your choices are saved.').waitFor();
  assert.equal(await often.inputValue(), 'weekly');
  assert.equal(await chosen(), 'weekly');
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('Your earlier choices are back.').waitFor();
  assert.equal(await often.inputValue(), 'every');
  assert.equal(await chosen(), undefined);
  assert.deepEqual(complaints, []);
});

test('the keyboard reaches everything in the order in which it is read', { skip }, async (t) => {
  const { link } = await startPages(t);
  const { page } = await openAddress(t, link);
  const reached: unknown[] = [];
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press('Tab');
    reached.push(await page.evaluate(FOCUSED));
  }
  const channels = ['E-mail', 'Text messages', 'In the app'];
  assert.deepEqual(reached, [
    ...channels,
    ...channels,
    ...channels,
    'How often',
    'Save',
    'Unsubscribe from everything',
  ]);
});

test('the page fits a phone, and its words stand out in light and dark', { skip }, async (t) => {
  const { link } = await startPages(t);
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page, complaints } = await openAddress(t, link, { ...PHONE, colorScheme });
    assert.equal(await page.evaluate(OVERFLOW), 0);
    for (const box of await page.locator('label, button, select').all())
      assert.ok((await box.boundingBox())!.height >= 44, 'large enough for a thumb');
    assert.ok(Number(await page.evaluate(LEAST_CONTRAST)) >= 4.5, colorScheme);
    assert.deepEqual(complaints, [], 'the style sheet obeys the policy');
  }
});

test('the link of a mail asks first, and one button ends it', { skip }, async (t) => {
  const { unsubscribe, said } = await startPages(t);
  const { page } = await openAddress(t, unsubscribe, { ...WITHOUT_SCRIPTS, ...PHONE });
  await page.getByText('Do you no longer want “Offers” (E-mail)?').waitFor();
  assert.equal(await said(), 0);
  await page.getByRole('button', { name: 'Unsubscribe' }).click();
  await page.getByRole('status').getByText('You are unsubscribed from “Offers” (E-mail).').waitFor();
  assert.equal(await said(), 1);
  assert.equal(await page.getByRole('link', { name: 'All notification settings' }).count(), 1);
});

/** The least contrast (WCAG 2.2, 1.4.3) of any text with what lies behind it. Runs in the page. */
const LEAST_CONTRAST = `(() => {
  const channels = (color) => (color.match(/[\\d.]+/g) ?? []).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    if (!element) return 'rgb(255, 255, 255)';
    const color = getComputedStyle(element).backgroundColor;
    return channels(color)[3] === 0 ? behind(element.parentElement) : color;
  };
  const texts = [...document.querySelectorAll('h1, h2, p, legend, label, button, select, li, a')];
  return Math.min(...texts.map((element) => {
    const [one, other] = [luminance(getComputedStyle(element).color), luminance(behind(element))];
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  }));
})()`;
