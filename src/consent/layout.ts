import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { html, Markup } from './html.ts';
import type { Language } from './language.ts';
import type { Owner } from './owner-store.ts';

const STYLE = readFileSync(new URL('./page.css', import.meta.url), 'utf8');

const POLICY =
  `default-src 'none'; style-src 'sha256-${hash('sha256', STYLE, 'base64')}'; form-action 'self'; ` +
  "base-uri 'none'; frame-ancestors 'none'";

const HEADERS: Record<string, string> = {
  'content-type': 'text/html; charset=utf-8',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'x-robots-tag': 'noindex, nofollow',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/**
 * For every page. The token in the address is the only secret, so the address goes nowhere: no referrer, no cache, no
 * index, no frame. No script runs, the one style sheet is known by its hash, and nothing is loaded but the owner's logo.
 */
export function headersOf({ logoUrl }: Owner): Record<string, string> {
  const images = logoUrl === null ? '' : `; img-src ${new URL(logoUrl).origin}`;
  return { ...HEADERS, 'content-security-policy': `${POLICY}${images}` };
}

export interface Page {
  /** HTTP status. */
  status: number;
  title: string;
  body: Markup;
}

/** A whole document. */
export function renderPage({ title, body }: Page, { tag }: Language, owner: Owner): string {
  return html`<!doctype html>
<html lang="${tag}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex, nofollow">
<title>${owner.name === null ? title : `${title} – ${owner.name}`}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<main>
${header(owner)}<h1>${title}</h1>
${body}
</main>
</body>
</html>
`.text;
}

/** Whose page it is; the logo says the name to those who do not see it. */
function header({ name, logoUrl }: Owner): Markup | null {
  if (logoUrl !== null) return html`<p class="owner"><img src="${logoUrl}" alt="${name ?? ''}"></p>\n`;
  return name === null ? null : html`<p class="owner">${name}</p>\n`;
}
