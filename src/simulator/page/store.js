import { personOf, searchTextOf } from './words.js';

const MAX_MESSAGES = 1_000;
const FIRST_SHOWN = 60;

/** Everything the page shows follows from this; `change` tells all parts to show it again. */
export const state = {
  /** Oldest first, as the server sends them. */
  messages: [],
  person: null,
  channel: null,
  search: '',
  shown: FIRST_SHOWN,
  setup: { providers: [], breakdowns: [] },
  faults: { all: { latencyMs: 0, jitterMs: 0, mix: {} }, providers: {} },
};

const listeners = [];

export function onChange(listener) {
  listeners.push(listener);
}

export function change(changes) {
  Object.assign(state, changes);
  for (const listener of listeners) listener(state);
}

export function addMessages(messages) {
  for (const message of messages) prepare(message);
  change({ messages: [...state.messages, ...messages].slice(-MAX_MESSAGES) });
}

export function showAll() {
  change({ person: null, channel: null, search: '', shown: FIRST_SHOWN });
}

export function narrow(changes) {
  change({ ...changes, shown: FIRST_SHOWN });
}

/** Newest first. */
export function matchingMessages({ messages, person, channel, search }) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return messages
    .filter(
      (message) =>
        (person === null || message.personKey === person) &&
        (channel === null || message.channel === channel) &&
        words.every((word) => message.searchText.includes(word)),
    )
    .reverse();
}

/** Who received something, the latest first. */
export function peopleOf({ messages }) {
  const people = new Map();
  for (const message of messages.toReversed()) {
    const known = people.get(message.personKey);
    if (known) known.count++;
    else {
      const { personKey: key, tenant } = message;
      people.set(key, { key, name: personOf(message), tenant, latest: message, count: 1 });
    }
  }
  return [...people.values()];
}

// The same delivery comes again when its first attempt failed: the card tells the number.
const attempts = new Map();

function prepare(message) {
  message.personKey = JSON.stringify([message.tenant, personOf(message)]);
  message.searchText = searchTextOf(message);
  if (!message.deliveryId) return;
  message.attempt = (attempts.get(message.deliveryId) ?? 0) + 1;
  attempts.set(message.deliveryId, message.attempt);
  if (attempts.size > 5 * MAX_MESSAGES) attempts.clear();
}
