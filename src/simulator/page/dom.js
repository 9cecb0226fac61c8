// The only way this page makes elements. Text is always set as text: stored messages are never parsed as HTML.

/** `el('p.note', { title: 'x', onclick }, 'text', child)`: a tag with classes, attributes or listeners, children. */
export function el(selector, attributes = {}, ...children) {
  const [tag, ...classes] = selector.split('.');
  const element = document.createElement(tag || 'div');
  if (classes.length > 0) element.className = classes.join(' ');
  setAttributes(element, attributes);
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
}

/** Makes `parent` hold exactly these children, moving none that is in place already (a moved frame reloads). */
export function place(parent, wanted) {
  const keep = new Set(wanted);
  for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
  let cursor = parent.firstElementChild;
  for (const child of wanted) {
    if (child === cursor) cursor = cursor.nextElementSibling;
    else parent.insertBefore(child, cursor);
  }
}

/** A link for http and https, plain text for every other scheme. */
export function safeLink(address, label = address) {
  if (!isWebAddress(address)) return el('span.dead-link', {}, label);
  return el('a', { href: address, target: '_blank', rel: 'noopener noreferrer' }, label);
}

function isWebAddress(address) {
  return URL.canParse(address) && /^https?:$/.test(new URL(address).protocol);
}

/** The text with its web addresses made clickable. */
export function withLinks(text) {
  return text
    .split(/(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]])/)
    .map((part, i) => (i % 2 === 1 ? safeLink(part) : part));
}

const SVG = 'http://www.w3.org/2000/svg';
const PATHS = {
  push: 'M6 17h12l-1.5-2v-4a4.5 4.5 0 0 0-9 0v4zM10.5 19.5a1.6 1.6 0 0 0 3 0',
  email: 'M4 6.5h16v11H4zM4.5 7l7.5 6 7.5-6',
  sms: 'M4.5 5.5h15v10H11l-4 3.5v-3.5H4.5zM8 9.5h8M8 12h5',
  chat: 'M5 6h14v9h-7l-4 3.5V15H5z',
  inbox: 'M5 13l2.5-7h9L19 13v5H5zM5 13h4l1 2h4l1-2h4',
  webhook: 'M9 7l-5 5 5 5M15 7l5 5-5 5',
  everyone:
    'M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM3.5 19a5.5 5.5 0 0 1 11 0M16 11a2.5 2.5 0 1 0-1-4.8M17 14a5 5 0 0 1 3.5 5',
};

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.classList.add('icon');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', PATHS[name] ?? PATHS.webhook);
  svg.append(path);
  return svg;
}
