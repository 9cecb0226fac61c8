import { el, safeLink, withLinks } from './dom.js';
import { hueOf, initialsOf } from './words.js';

/** The views of an e-mail: as HTML, as text, its links, its headers. */
export function buildMailTabs(message) {
  const { content, mail } = message;
  const text = content.text ?? content.body ?? '';
  const links = content.html ? linksOf(content.html) : [];
  const sheet = (...children) => el('div.scene.mail', {}, letterhead(message), children);
  return [
    content.html && { label: 'HTML', build: () => sheet(frame(content.html)) },
    (text || !content.html) && {
      label: 'Text',
      build: () => sheet(el('div.mail-text', {}, withLinks(text))),
    },
    links.length > 0 && { label: `Links (${links.length})`, build: () => sheet(linkList(links)) },
    mail?.headers.length > 0 && { label: 'Headers', build: () => sheet(headerList(mail.headers)) },
  ].filter(Boolean);
}

function letterhead({ content, mail, recipient }) {
  const from = mail?.from || 'Your app';
  const name = from.replace(/\s*<.*>$/, '').trim() || from;
  const avatar = el('span.avatar', { 'aria-hidden': 'true' }, initialsOf(name));
  avatar.style.setProperty('--hue', hueOf(from));
  const replyTo = content.replyTo ? [el('dt', {}, 'Reply to'), el('dd', {}, content.replyTo)] : [];
  return el(
    'div.letterhead',
    {},
    el('h2', {}, content.subject || content.title || '(no subject)'),
    avatar,
    el(
      'dl',
      {},
      el('dt', {}, 'From'),
      el('dd', {}, from),
      el('dt', {}, 'To'),
      el('dd', {}, mail?.to || recipient),
      replyTo,
    ),
  );
}

// S3: besides the sandbox (no scripts, no forms, no navigation of the page) the mail may load nothing at all.
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
const LOOK =
  'html{color-scheme:light;background:#fff}body{margin:20px;font:15px/1.5 system-ui,sans-serif;color:#222;' +
  'overflow-wrap:anywhere}a{pointer-events:none!important}img{max-width:100%}';

function frame(html) {
  const head = `<meta http-equiv="Content-Security-Policy" content="${POLICY}"><style>${LOOK}</style>`;
  const view = el('iframe', {
    sandbox: '',
    srcdoc: `<!doctype html><html><head>${head}</head><body>${html}</body></html>`,
    title: 'The mail as HTML',
    referrerpolicy: 'no-referrer',
    loading: 'lazy',
  });
  const box = el('div.frame', {}, view);
  box.style.height = `${estimateHeight(html)}px`;
  return box;
}

const parse = (html) => new DOMParser().parseFromString(html, 'text/html');
const BLOCKS = 'p, h1, h2, h3, h4, li, tr, hr, div, table, blockquote, ul, ol';

/** A sandboxed frame cannot be measured; the box can be dragged larger. */
function estimateHeight(html) {
  const { body } = parse(html);
  for (const hidden of body.querySelectorAll('style, script, template')) hidden.remove();
  const lines = body.textContent.trim().length / Math.min(75, innerWidth / 10);
  const blocks = body.querySelectorAll(BLOCKS).length + body.querySelectorAll('br').length / 2;
  return Math.min(560, Math.max(120, Math.round(70 + lines * 24 + blocks * 26)));
}

function linksOf(html) {
  return [...parse(html).querySelectorAll('a[href]')].map((link) => ({
    text: link.textContent.trim().slice(0, 200),
    address: link.getAttribute('href').trim(),
  }));
}

function linkList(links) {
  return el(
    'ul.links',
    {},
    links.map(({ text, address }) => el('li', {}, el('b', {}, text || '(no text)'), safeLink(address))),
  );
}

function headerList(headers) {
  return el(
    'dl.facts',
    {},
    headers.map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]),
  );
}
