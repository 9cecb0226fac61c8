import { escapeHtml } from '../lib/text.ts';

const STYLE = `
  body { margin: 0; padding: 0; background: #f4f5f7; color: #1f2328; }
  .card { background: #ffffff; border-radius: 8px; }
  .button { background: #1f6feb; color: #ffffff; }
  .picture { max-width: 100%; height: auto; border: 0; border-radius: 4px; }
  a { color: #0b57d0; }
  p { margin: 0 0 16px; }
  @media (prefers-color-scheme: dark) {
    body, .page { background: #111418 !important; color: #e6e8eb !important; }
    .card { background: #1b1f24 !important; }
    .button { background: #8ab4f8 !important; color: #111418 !important; }
    a { color: #8ab4f8; }
  }
  @media (max-width: 620px) { .card { border-radius: 0; } .inside { padding: 24px 20px !important; } }`;

const FONT = "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";

export interface LayoutInput {
  title: string;
  /** HTML paragraphs, escaped by whoever made them. */
  bodyHtml: string;
  image?: string;
  buttons: { label: string; url: string }[];
}

/** The e-mail that is sent when the caller gives texts and no HTML: one column, readable in every mail program. */
export function renderEmailLayout({ title, bodyHtml, image, buttons }: LayoutInput): string {
  const heading =
    title === ''
      ? ''
      : `<h1 style="margin:0 0 16px;font-size:22px;line-height:1.3">${escapeHtml(title)}</h1>\n`;
  const picture = image
    ? `<p><img class="picture" src="${escapeHtml(image)}" alt="" width="504" style="max-width:100%;height:auto"></p>\n`
    : '';
  return `<!doctype html>
<html dir="auto">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${STYLE}
</style>
</head>
<body style="margin:0;padding:0;background:#f4f5f7;color:#1f2328">
<table class="page" role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0">
<tr><td align="center" style="padding:24px 0">
<table class="card" role="presentation" width="600" cellpadding="0" cellspacing="0" border="0" style="width:100%;max-width:600px;background:#ffffff">
<tr><td class="inside" style="padding:40px 48px;${FONT};font-size:16px;line-height:1.6">
${heading}${picture}${bodyHtml}
${buttons.map(renderButton).join('\n')}
</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
`;
}

function renderButton({ label, url }: { label: string; url: string }): string {
  const style =
    'display:inline-block;padding:12px 24px;border-radius:6px;font-weight:600;text-decoration:none';
  return (
    `<p style="margin:24px 0 0"><a class="button" href="${escapeHtml(url)}" ` +
    `style="${style};background:#1f6feb;color:#ffffff">${escapeHtml(label)}</a></p>`
  );
}

/** Puts the line that mail programs show beside the subject at the start of the body, where readers do not see it. */
export function addPreheader(html: string, preheader: string): string {
  const hidden =
    '<div style="display:none;max-height:0;overflow:hidden;mso-hide:all" aria-hidden="true">' +
    `${escapeHtml(preheader)}</div>`;
  const body = html.search(/<body\b/i);
  // Behind the whole tag; 0 when there is none.
  const at = body === -1 ? 0 : html.indexOf('>', body) + 1;
  return html.slice(0, at) + hidden + html.slice(at);
}
