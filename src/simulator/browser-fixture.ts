import { existsSync } from 'node:fs';
import { after, before, type TestContext } from 'node:test';
import { createTransport } from 'nodemailer';
import { type Browser, type BrowserContextOptions, chromium } from 'playwright-core';
import { previewHeader, type startSimulator } from './fixture.ts';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking ' +
  '--disable-component-update --disable-sync';
// In CI a missing browser is a failure: the launch itself will say so.
export const skip =
  existsSync(CHROMIUM) || process.env.CI ? false : `${CHROMIUM} is missing (apt-get install chromium)`;

let browser: Browser;

/** One browser for all tests of a file. */
export function useBrowser(): void {
  before(async () => {
    if (!skip) browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS.split(' ') });
  });
  after(() => browser?.close());
}

export type Started = Awaited<ReturnType<typeof startSimulator>>;

export async function openPage(t: TestContext, { pageOrigin }: Started, options: BrowserContextOptions = {}) {
  const opened = await openAddress(t, `${pageOrigin}/simulator/`, options);
  await opened.page.locator('#status[data-state=live]').waitFor();
  return opened;
}

/** Opens any page; `complaints` is what went wrong in it, or left its origin. */
export async function openAddress(t: TestContext, address: string, options: BrowserContextOptions = {}) {
  const pageOrigin = new URL(address).origin;
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  t.after(() => context.close());
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  // Chromium also reports requests that the page's policy stopped before they left, sometimes: those are no harm.
  const isForeign = (url: string) => !url.startsWith(pageOrigin) && !url.startsWith('about:');
  page.on('requestfinished', (request) => {
    if (isForeign(request.url())) complaints.push(`request: ${request.url()}`);
  });
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText ?? '';
    if (isForeign(request.url()) && !/csp|BLOCKED/i.test(why))
      complaints.push(`request: ${request.url()} (${why})`);
  });
  await page.goto(address);
  return { page, complaints };
}

export async function push(
  { origin }: Started,
  fields: Record<string, unknown> = {},
  path = 'x',
): Promise<void> {
  const headers = { 'x-bellhop-preview': previewHeader(fields) };
  await fetch(`${origin}/pushery/${path}`, { method: 'POST', headers, body: '{}' }).catch(() => {});
}

export async function mail(
  t: TestContext,
  { smtpPort }: Started,
  fields: { subject?: string; text?: string; html?: string },
) {
  const mailer = createTransport({ host: '127.0.0.1', port: smtpPort, secure: false });
  t.after(() => mailer.close());
  const preview = previewHeader({ channel: 'email', provider: 'mailery', content: {} });
  const headers = { 'X-Bellhop-Preview': preview };
  await mailer.sendMail({ from: 'Acme <a@acme.org>', to: 'ann@example.com', ...fields, headers });
}
