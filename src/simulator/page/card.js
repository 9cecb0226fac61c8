import { el, icon } from './dom.js';
import { buildMailTabs } from './mail.js';
import { buildRaw } from './raw.js';
import { buildScene } from './scenes.js';
import { buildTabs } from './tabs.js';
import { ago, CHANNEL_NAMES, fullTime, PLATFORM_NAMES, personOf } from './words.js';

/** One message of the timeline: who, what he sees, how the provider answered. */
export function buildCard(message) {
  const { channel, platform, at, kind } = message;
  const isUnknown = message.userId === null && !message.mail;
  const look =
    channel === 'email' ? buildMailTabs(message) : [{ label: 'Preview', build: () => buildScene(message) }];
  const tabs = [...(isUnknown ? [] : look), { label: 'Raw', build: () => buildRaw(message) }];
  const { bar, panels } = buildTabs('View', tabs);
  const where = platform ? `${CHANNEL_NAMES[channel]} · ${PLATFORM_NAMES[platform]}` : CHANNEL_NAMES[channel];
  return el(
    'article.card',
    { 'data-channel': channel, 'data-kind': kind, 'aria-label': `${where} for ${personOf(message)}` },
    el('span.channel', { title: CHANNEL_NAMES[channel] }, icon(channel)),
    el(
      'header',
      {},
      el('strong', {}, personOf(message)),
      el('span.where', {}, where),
      el('time', { datetime: new Date(at).toISOString(), title: fullTime(at), 'data-at': at }, ago(at)),
    ),
    verdictNote(message),
    panels,
    el('footer', {}, answerPill(message), bar),
  );
}

const LOST = 'It did not arrive.';
const UNCERTAIN = 'Nobody can tell whether it arrived.';
const VERDICTS = {
  retry: `asked to try again later. ${LOST}`,
  rejected: `refused this message for good. ${LOST}`,
  unavailable: `said that this account does not work. ${LOST}`,
  'token-expired': `asked for a fresh token. ${LOST}`,
  unknown: `gave an answer that tells nothing. ${UNCERTAIN}`,
  hang: `never answered. ${UNCERTAIN}`,
  reset: `broke the connection before an answer. ${UNCERTAIN}`,
  cut: `broke the connection in the middle of the answer. ${UNCERTAIN}`,
};

/** What happened when the provider did not simply take the message. */
function verdictNote({ kind, answered, provider }) {
  const verdict = VERDICTS[kind === 'fault' ? answered : kind];
  return verdict ? el('p.verdict', {}, el('b', {}, provider), ` ${verdict}`) : null;
}

function answerPill({ answered, kind, provider, attempt }) {
  return el(
    'p.answer',
    {},
    el('span.pill', { 'data-kind': kind }, answered),
    el('span', {}, `by ${provider}`),
    attempt > 1 && el('span.attempt', {}, `attempt ${attempt}`),
  );
}
