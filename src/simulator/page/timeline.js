import { buildCard } from './card.js';
import { el, icon, place } from './dom.js';
import { matchingMessages, narrow } from './store.js';
import { CHANNEL_NAMES } from './words.js';

const container = document.getElementById('cards');
const chips = document.getElementById('channels');
const cards = new Map();

/** The messages, newest first, and the chips that narrow them to a channel. */
export function showTimeline(state) {
  showChannels(state);
  const matching = matchingMessages(state);
  const ids = new Set(state.messages.map(({ id }) => id));
  for (const id of cards.keys()) if (!ids.has(id)) cards.delete(id);
  place(
    container,
    matching.slice(0, state.shown).map((message) => {
      if (!cards.has(message.id)) cards.set(message.id, buildCard(message));
      return cards.get(message.id);
    }),
  );
  document.getElementById('more').hidden = matching.length <= state.shown;
  document.getElementById('nothing').hidden = matching.length > 0 || state.messages.length === 0;
}

function showChannels({ messages, channel: chosen, person }) {
  const counts = new Map();
  for (const { channel, personKey } of messages) {
    if (person === null || personKey === person) counts.set(channel, (counts.get(channel) ?? 0) + 1);
  }
  if (chosen !== null && !counts.has(chosen)) counts.set(chosen, 0);
  chips.hidden = counts.size < 2 && chosen === null;
  const names = Object.keys(CHANNEL_NAMES).filter((name) => counts.has(name));
  const signature = JSON.stringify([names.map((name) => [name, counts.get(name)]), chosen]);
  if (chips.dataset.signature === signature) return;
  chips.dataset.signature = signature;
  const focused = document.activeElement?.dataset?.channel;
  chips.replaceChildren(
    chip('All', null, chosen),
    ...names.map((name) =>
      chip([icon(name), CHANNEL_NAMES[name], el('b', {}, String(counts.get(name)))], name, chosen),
    ),
  );
  if (focused !== undefined) chips.querySelector(`[data-channel="${CSS.escape(focused)}"]`)?.focus();
}

function chip(label, channel, chosen) {
  return el(
    'button',
    {
      type: 'button',
      'data-channel': channel ?? 'all',
      'aria-pressed': String(channel === chosen),
      onclick: () => narrow({ channel }),
    },
    label,
  );
}
