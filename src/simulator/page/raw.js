import { getJson } from './api.js';
import { el } from './dom.js';

/** What came over the wire, fetched when it is looked at. */
export function buildRaw(message) {
  const box = el('div.raw', { 'aria-busy': 'true' }, el('p.quiet', {}, 'Loading'));
  getJson(`messages/${message.id}`)
    .then(({ raw, ...facts }) => box.replaceChildren(factList(facts), ...wire(raw)))
    .catch(() => box.replaceChildren(el('p.quiet', {}, 'This message is no longer in the mailbox.')))
    .finally(() => box.removeAttribute('aria-busy'));
  return box;
}

function factList({ notificationId, deliveryId, tenant, recipient, provider, content }) {
  const facts = {
    recipient,
    provider,
    tenant,
    notification: notificationId,
    delivery: deliveryId,
    data: content.data,
  };
  const entries = Object.entries(facts).filter(([, value]) => value);
  return el(
    'dl.facts',
    {},
    entries.map(([name, value]) => [
      el('dt', {}, name),
      el('dd', {}, typeof value === 'string' ? value : JSON.stringify(value)),
    ]),
  );
}

function wire(raw) {
  if (raw === null) return [];
  if (raw.source !== undefined) return [code(raw.source)];
  const head = [
    `${raw.method} ${raw.path}`,
    ...Object.entries(raw.headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return [code(head.join('\n')), raw.body && code(prettyBody(raw.body))].filter(Boolean);
}

/** A block that the keyboard can scroll. */
export function code(text) {
  return el('pre', { tabindex: '0' }, el('code', {}, text));
}

export function prettyBody(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    const isForm = /^[\w.[\]%-]+=[^\s]*$/.test(text);
    return isForm
      ? [...new URLSearchParams(text)].map(([name, value]) => `${name} = ${value}`).join('\n')
      : text;
  }
}
