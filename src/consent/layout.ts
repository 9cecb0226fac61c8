import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { html, Markup } from './html.ts';
import type { Language } from './language.ts';

const STYLE = readFileSync(new URL('./page.css', import.meta.url), 'utf8');

/**
 * For every page. The token in the address is the only secret, so the address goes nowhere: no referrer, no cache, no
 * index, no frame. No script runs and nothing is loaded; the one style sheet is known by its hash.
 */
export const PAGE_HEADERS: Record<string, string> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    `default-src 'none'; style-src 'sha256-${hash('sha256', STYLE, 'base64')}'; form-action 'self'; ` +
    "base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'x-robots-tag': 'noindex, nofollow',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

export interface Page {
  /** HTTP status. */
  status: number;
  title: string;
  body: Markup;
}

/** A whole document. */
export function renderPage({ title, body }: Page, { tag }: Language): string {
  return html`<!doctype html>
<html lang="${tag}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex, nofollow">
<title>${title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`.text;
}
