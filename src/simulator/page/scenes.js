import { getJson } from './api.js';
import { el, safeLink, withLinks } from './dom.js';
import { code, prettyBody } from './raw.js';
import { appName, dayOf, lockTime, plural } from './words.js';

const PUSH_SCENES = { ios: lockScreen, android: shade, web: toast, macos: toast, windows: toast };

const SCENES = {
  push: (message) => (PUSH_SCENES[message.platform] ?? lockScreen)(message),
  sms: (message) => bubble(message, 'sms'),
  chat,
  inbox,
  webhook,
};

/** What the recipient would see on his screen. */
export function buildScene(message) {
  if (message.channel === 'push' && message.content.silent) return silent(message);
  return (SCENES[message.channel] ?? chat)(message);
}

/** iOS: the lock screen with its clock, and the notification on it. */
function lockScreen(message) {
  const { at, content } = message;
  const time = el(
    'div.lock-clock',
    { 'aria-hidden': 'true' },
    el('span', {}, dayOf(at)),
    el('b', {}, lockTime(at)),
  );
  const texts = [
    el('p.title', {}, el('b', {}, content.title || appName(message)), el('span.when', {}, 'now')),
    content.subtitle && el('p.subtitle', {}, content.subtitle),
    content.body && el('p.body', {}, content.body),
  ];
  const notice = el('div.notice', {}, appIcon(message), el('div.texts', {}, texts, picture(content)));
  return el('div.scene.ios', {}, time, notice, actionRow(content), destination(content));
}

/** Android: a card of the notification shade. */
function shade(message) {
  const { content } = message;
  const line = el('p.app', {}, appName(message), el('span', {}, ' • now'));
  const texts = [
    line,
    content.title && el('p.title', {}, content.title),
    content.body && el('p.body', {}, content.body),
    picture(content),
    actionRow(content),
  ];
  return el(
    'div.scene.android',
    {},
    el('div.notice', {}, appIcon(message), el('div.texts', {}, texts)),
    destination(content),
  );
}

/** Browsers and desktops: a toast in the corner. */
function toast(message) {
  const { content } = message;
  const texts = [
    el('p.title', {}, content.title || appName(message)),
    content.subtitle && el('p.subtitle', {}, content.subtitle),
    content.body && el('p.body', {}, content.body),
    el('p.app', {}, appName(message)),
  ];
  const notice = el(
    'div.notice',
    {},
    appIcon(message),
    el('div.texts', {}, texts),
    picture(content),
    actionRow(content),
  );
  return el('div.scene.desktop', {}, notice, destination(content));
}

function silent({ content }) {
  return el(
    'div.scene.plain',
    {},
    el('p.quiet', {}, 'Silent push: nothing is shown, the app receives'),
    code(JSON.stringify(content.data ?? {}, null, 2)),
  );
}

function bubble({ content, recipient }) {
  const text = content.body ?? content.text ?? content.title ?? '';
  return el(
    'div.scene.sms',
    {},
    el('p.number', {}, recipient),
    el('p.bubble', {}, withLinks(text)),
    el('p.quiet', {}, plural([...text].length, 'character')),
  );
}

function chat(message) {
  const { content } = message;
  const texts = [
    el('p.app', {}, el('b', {}, appName(message)), el('span.bot', {}, 'app')),
    content.title && el('p.title', {}, content.title),
    el('p.body', {}, withLinks(content.body ?? content.text ?? '')),
    fieldList(content),
    picture(content),
    actionRow(content),
  ];
  return el('div.scene.chat', {}, appIcon(message), el('div.texts', {}, texts, destination(content)));
}

function inbox(message) {
  const { content } = message;
  const texts = [
    el('p.title', {}, content.title || content.subject || ''),
    el('p.body', {}, content.body ?? content.text ?? ''),
    picture(content),
    actionRow(content),
  ];
  return el(
    'div.scene.inbox',
    {},
    el('i.unread', { title: 'unread' }),
    el('div.texts', {}, texts, destination(content)),
  );
}

/** The body that was posted; until it is fetched, the content it was made of. */
function webhook(message) {
  const box = el('div.scene.webhook', {}, code(JSON.stringify(message.content, null, 2)));
  getJson(`messages/${message.id}`)
    .then(({ raw }) => raw?.body && box.replaceChildren(code(prettyBody(raw.body))))
    .catch(() => {});
  return box;
}

function appIcon(message) {
  return el('span.app-icon', { 'aria-hidden': 'true' }, appName(message)[0].toUpperCase());
}

/** Nothing is loaded from elsewhere: a picture is told, not shown. */
function picture({ image }) {
  return image ? el('p.picture', { title: image }, 'Picture: ', image) : null;
}

function fieldList({ fields = [] }) {
  if (fields.length === 0) return null;
  return el(
    'dl.fields',
    {},
    fields.map(({ title, value }) => [el('dt', {}, title), el('dd', {}, value)]),
  );
}

function actionRow({ actions = [] }) {
  if (actions.length === 0) return null;
  return el(
    'ul.actions',
    {},
    actions.map(({ title, id }) => el('li', {}, title || id)),
  );
}

function destination({ url }) {
  return url ? el('p.destination', {}, 'Opens ', safeLink(url)) : null;
}
