import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mail, openPage, push, skip, useBrowser } from './browser-fixture.ts';
import { startSimulator } from './fixture.ts';

useBrowser();

const HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>"><svg onload=alert(3)>';
const SCRIPT_LINK = 'javascript:alert(4)';

test('hostile text stays text in every field', { skip }, async (t) => {
  const started = await startSimulator(t);
  const { page, complaints } = await openPage(t, started);
  const texts = 'title subtitle body subject text image icon sound collapseKey replyTo'.split(' ');
  const content = {
    ...Object.fromEntries(texts.map((name) => [name, HOSTILE])),
    url: SCRIPT_LINK,
    actions: [{ id: HOSTILE, title: HOSTILE, url: SCRIPT_LINK }],
    fields: [{ title: HOSTILE, value: HOSTILE }],
    data: { [HOSTILE]: HOSTILE },
  };
  const everywhere = { userId: HOSTILE, tenant: HOSTILE, recipient: HOSTILE, content };
  for (const platform of ['ios', 'android', 'web']) await push(started, { ...everywhere, platform });
  for (const channel of ['sms', 'chat', 'inbox', 'webhook', 'email'])
    await push(started, { ...everywhere, channel });
  await page.locator('.card').nth(7).waitFor();
  for (const tab of await page.getByRole('tab').all()) await tab.click();
  await page.locator('.raw .facts').nth(7).waitFor({ state: 'attached' });
  await page.getByRole('searchbox').fill('<img');
  assert.equal(await page.locator('.card').count(), 8);
  assert.equal(await page.locator('main img:not(.welcome img), main script, main svg[onload]').count(), 0);
  assert.equal(await page.locator('a[href^="javascript"]').count(), 0);
  await page.locator('.dead-link', { hasText: SCRIPT_LINK }).first().waitFor({ state: 'attached' });
  assert.deepEqual(complaints, []);
});

test('a hostile mail runs no script, loads nothing and leads nowhere', { skip }, async (t) => {
  const started = await startSimulator(t);
  const { page, complaints } = await openPage(t, started);
  const html =
    `${HOSTILE}<img src="https://tracker.example/pixel.png"><link rel="stylesheet" href="https://evil.example/x.css">` +
    '<style>@import "https://evil.example/y.css"; a { pointer-events: auto !important }</style>' +
    '<meta http-equiv="refresh" content="0;url=https://evil.example/"><base href="https://evil.example/">' +
    `<iframe src="https://evil.example/"></iframe><form action="https://evil.example/"><button>Send</button></form>` +
    `<p id="end">The end</p><a id="bad" href="${SCRIPT_LINK}">Bad</a> <a href="https://acme.org/a">Good</a>`;
  await mail(t, started, { subject: HOSTILE, html });
  const frame = page.frameLocator('.frame iframe').first();
  await frame.locator('#end').waitFor();
  await frame.locator('#bad').dispatchEvent('click');
  await frame.getByRole('button', { name: 'Send' }).dispatchEvent('click');
  assert.equal(await page.locator('.frame iframe').getAttribute('sandbox'), '');
  await page.getByRole('tab', { name: 'Links (2)' }).click();
  assert.deepEqual(await page.locator('.links a').allInnerTexts(), ['https://acme.org/a']);
  assert.equal(page.url(), `${started.pageOrigin}/simulator/`);
  const broken = complaints.filter((text) => !/Content Security Policy|sandboxed|Blocked script/i.test(text));
  assert.deepEqual(broken, []);
});
