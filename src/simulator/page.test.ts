import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { mail, openPage, push, skip, useBrowser } from './browser-fixture.ts';
import { startSimulator } from './fixture.ts';

useBrowser();

test('the empty page teaches how to send the first message', { skip }, async (t) => {
  const started = await startSimulator(t, {
    baseUrl: 'http://bell.example:3000',
    hint: './data/credentials.json',
  });
  const { page, complaints } = await openPage(t, started);
  const text = await page.locator('#welcome').innerText();
  assert.match(text, /\.\/data\/credentials\.json/);
  assert.match(text, /curl http:\/\/bell\.example:3000\/v1\/notifications/);
  assert.match(text, /Bearer \$BELLHOP_TEST_KEY/);
  assert.deepEqual(complaints, []);
});

test('served by the simulator alone, the page teaches where programs are pointed', { skip }, async (t) => {
  const started = await startSimulator(t);
  const { page } = await openPage(t, { ...started, pageOrigin: started.origin });
  const text = await page.locator('#welcome').innerText();
  assert.ok(
    text.includes(`${started.origin}/textery`) && text.includes(`smtp://127.0.0.1:${started.smtpPort}`),
  );
});

test('a message appears by itself, under its user, and is announced', { skip }, async (t) => {
  const started = await startSimulator(t);
  const { page } = await openPage(t, started);
  await push(started, { userId: 'ann', platform: 'ios', content: { title: 'Room ready', body: 'Room 412' } });
  const card = page.getByRole('article', { name: 'Push · iOS for ann' });
  await card.getByText('Room 412').waitFor();
  await page.getByRole('navigation', { name: 'Users' }).getByText('Room ready').waitFor();
  assert.equal(await page.locator('#welcome').isVisible(), false);
  await push(started, { userId: 'bob' });
  await page.getByText('1 new message for bob').waitFor({ state: 'attached' });
});

test('each channel and platform has looks of its own', { skip }, async (t) => {
  const started = await startSimulator(t);
  const { page, complaints } = await openPage(t, started);
  for (const platform of ['ios', 'android', 'web', 'macos', 'windows']) {
    await push(started, {
      platform,
      content: { title: platform, body: 'x', actions: [{ id: 'a', title: 'Go' }] },
    });
  }
  for (const channel of ['sms', 'chat', 'inbox', 'webhook']) await push(started, { channel });
  await push(started, { content: { silent: true, data: { sync: 'now' } } });
  await mail(t, started, { subject: 'Hi', text: 'Plain', html: '<p>Rich</p>' });
  await page.locator('.scene.mail').waitFor();
  for (const look of ['ios', 'android', 'sms', 'chat', 'inbox', 'webhook', 'plain', 'mail']) {
    assert.equal(await page.locator(`.scene.${look}`).count(), 1, look);
  }
  assert.equal(await page.locator('.scene.desktop').count(), 3);
  await page.frameLocator('.frame iframe').getByText('Rich').waitFor();
  await page.locator('.webhook').getByText('{}', { exact: true }).waitFor();
  assert.deepEqual(complaints, []);
});

test('users, channels and words narrow the list', { skip }, async (t) => {
  const started = await startSimulator(t);
  for (const userId of ['ann', 'bob']) {
    await push(started, { userId, content: { title: `Push to ${userId}` } });
    await push(started, { userId, channel: 'sms', content: { body: `Text to ${userId}` } });
  }
  const { page } = await openPage(t, started);
  const count = () => page.locator('.card').count();
  assert.equal(await count(), 4);
  await page.getByRole('navigation').getByRole('button', { name: 'ann' }).click();
  assert.equal(await count(), 2);
  await page.getByRole('group', { name: 'Channels' }).getByRole('button', { name: 'SMS' }).click();
  assert.equal(
    await page
      .locator('.card')
      .innerText()
      .then((text) => text.includes('Text to ann')),
    true,
  );
  await page.keyboard.press('/');
  await page.keyboard.type('nothing of the kind');
  await page.getByText('No message matches.').waitFor();
  await page.getByRole('button', { name: 'Show all' }).click();
  assert.equal(await count(), 4);
  assert.equal(await page.getByRole('searchbox').inputValue(), '');
});

test('clear empties the mailbox and the page', { skip }, async (t) => {
  const started = await startSimulator(t);
  await push(started);
  const { page } = await openPage(t, started);
  await page.locator('.card').waitFor();
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.locator('#welcome').waitFor();
  assert.equal(started.mailbox.list().length, 0);
});

async function moveSlider(page: Page, label: string, value: number): Promise<void> {
  const saved = page.waitForResponse((response) => response.request().method() === 'PUT');
  await page.getByRole('slider', { name: label, exact: true }).fill(String(value));
  await saved;
}

test('the faults panel changes how providers answer', { skip }, async (t) => {
  const started = await startSimulator(t);
  const { page, complaints } = await openPage(t, started);
  await page.getByRole('button', { name: 'Faults' }).click();
  await moveSlider(page, 'Latency', 20);
  await moveSlider(page, 'rejected', 100);
  assert.deepEqual(started.faults.settings.all, {
    latencyMs: 20,
    jitterMs: 0,
    mix: { accepted: 100, rejected: 100 },
  });
  assert.match(await page.getByRole('group', { name: 'Answers' }).innerText(), /rejected\s+50 %/);
  await page.getByLabel('For', { exact: true }).selectOption('Pushery');
  await moveSlider(page, 'hang', 5);
  assert.equal(started.faults.of('pushery').mix.hang, 5);
  assert.equal(started.faults.of('textery').mix.hang, undefined);
  await page.getByRole('button', { name: 'Follow all providers' }).click();
  await page.getByRole('button', { name: 'Follow all providers' }).waitFor();
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('#faults').isVisible(), false);
  await page.getByRole('button', { name: 'Faults on' }).waitFor();
  assert.deepEqual(complaints, []);
});

test('a message that the provider did not take says so', { skip }, async (t) => {
  const started = await startSimulator(t);
  await push(started, {}, 'simulate-rejected');
  await push(started, {}, 'simulate-cut');
  const { page } = await openPage(t, started);
  await page.getByText('pushery refused this message for good. It did not arrive.').waitFor();
  await page.getByText('attempt 2').waitFor();
  assert.match(await page.locator('.card').first().innerText(), /Nobody can tell whether it arrived/);
});

test('tabs are moved through with the arrow keys', { skip }, async (t) => {
  const started = await startSimulator(t);
  await mail(t, started, { subject: 'Hi', text: 'Plain words', html: '<p>Rich</p>' });
  const { page } = await openPage(t, started);
  await page.getByRole('tab', { name: 'HTML' }).focus();
  await page.keyboard.press('ArrowRight');
  await page.getByRole('tabpanel', { name: 'Text' }).getByText('Plain words').waitFor();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  await page.getByRole('tabpanel', { name: 'Raw' }).getByText('Subject: Hi').waitFor();
});

test('nothing sticks out of a phone', { skip }, async (t) => {
  const started = await startSimulator(t);
  const { page } = await openPage(t, started, { viewport: { width: 390, height: 844 } });
  const overflow = () => page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
  await page.locator('#welcome').waitFor();
  assert.equal(await overflow(), 0);
  const long = `${'A long sentence about nothing. '.repeat(8)}${'x'.repeat(300)}`;
  const content = { title: long, body: long, subtitle: long, url: `https://acme.org/${'y'.repeat(300)}` };
  for (const platform of ['ios', 'android', 'web'])
    await push(started, { platform, content, userId: 'z'.repeat(200) });
  for (const channel of ['sms', 'chat', 'inbox', 'webhook']) await push(started, { channel, content });
  await mail(t, started, { subject: long, text: long });
  await page.locator('.card').nth(7).waitFor();
  assert.equal(await overflow(), 0);
  for (const tab of await page.getByRole('tab', { name: 'Raw' }).all()) await tab.click();
  await page.locator('.raw .facts').nth(7).waitFor();
  assert.equal(await overflow(), 0);
});
