/** Who a message is for: the caller's id of the user, else the address, else nobody is known. */
export function personOf(message) {
  return message.userId || message.recipient || 'Other programs';
}

export const CHANNEL_NAMES = {
  push: 'Push',
  email: 'E-mail',
  sms: 'SMS',
  chat: 'Chat',
  inbox: 'Inbox',
  webhook: 'Webhook',
};

export const PLATFORM_NAMES = {
  ios: 'iOS',
  android: 'Android',
  web: 'Web',
  macos: 'macOS',
  windows: 'Windows',
};

/** What the recipient's app is called on his screen. */
export function appName({ tenant }) {
  const isName = tenant && tenant !== 'default' && !/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(tenant);
  return isName ? tenant : 'Your app';
}

/** One line that stands for the whole message in lists. */
export function summaryOf({ content, channel }) {
  return (
    content.title || content.subject || content.body || content.text || `${CHANNEL_NAMES[channel]} message`
  );
}

/** Everything a search looks through, in lower case. */
export function searchTextOf(message) {
  const { content, recipient, provider, answered, notificationId, deliveryId, platform } = message;
  const own = [content.title, content.subtitle, content.subject, content.body, content.text, content.url];
  const facts = [personOf(message), recipient, provider, answered, notificationId, deliveryId, platform];
  return [...own, ...facts].filter(Boolean).join('\n').toLowerCase();
}

export function initialsOf(name) {
  const words = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const letters =
    words.length > 1 ? [words[0], words[1]].map(([first]) => first) : [...(words[0] ?? '?')].slice(0, 2);
  return letters.join('').toUpperCase();
}

/** A colour of one's own, as a hue. */
export function hueOf(name) {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)) % 360;
  return hash;
}

const clock24 = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });
const day = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

export const clockTime = (at) => clock.format(at);
/** As a lock screen shows it: digits only. */
export const lockTime = (at) => clock24.format(at);
export const fullTime = (at) => full.format(at);
export const dayOf = (at) => day.format(at);

export function ago(at, now = Date.now()) {
  const minutes = Math.floor((now - at) / 60_000);
  if (minutes < 1) return 'now';
  if (minutes < 60) return `${minutes} min`;
  return clockTime(at);
}

export function plural(count, word) {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
