import { el, icon, place } from './dom.js';
import { narrow, peopleOf } from './store.js';
import { ago, hueOf, initialsOf, summaryOf } from './words.js';

const list = document.getElementById('people');
const rows = new Map();

/** The users on the left: everyone, then each who received something. */
export function showPeople(state) {
  const people = peopleOf(state);
  list.closest('nav').hidden = people.length === 0;
  const tenants = new Set(people.map(({ tenant }) => tenant));
  const wanted = [
    everyone(state),
    ...people.map((person) => rowOf(person, state.person === person.key, tenants.size > 1)),
  ];
  for (const key of rows.keys()) if (key && !people.some((person) => person.key === key)) rows.delete(key);
  place(list, wanted);
}

function everyone({ messages, person }) {
  const row = cached('', () => buildRow(null, el('span.avatar.everyone', {}, icon('everyone')), 'Everyone'));
  return update(row, { isChosen: person === null, count: messages.length, line: 'All messages', at: null });
}

function rowOf({ key, name, tenant, latest, count }, isChosen, showTenant) {
  const row = cached(key, () => {
    const avatar = el('span.avatar', { 'aria-hidden': 'true' }, initialsOf(name));
    avatar.style.setProperty('--hue', hueOf(name));
    return buildRow(key, avatar, name);
  });
  const line = showTenant && tenant ? `${tenant.slice(0, 8)} · ${summaryOf(latest)}` : summaryOf(latest);
  return update(row, { isChosen, count, line, at: latest.at });
}

function cached(key, build) {
  if (!rows.has(key)) rows.set(key, build());
  return rows.get(key);
}

function buildRow(key, avatar, name) {
  const button = el(
    'button',
    { type: 'button', onclick: () => narrow({ person: key }) },
    avatar,
    el('span.name', {}, name),
    el('time'),
    el('span.line'),
    el('span.count'),
  );
  return el('li', {}, button);
}

function update(row, { isChosen, count, line, at }) {
  const button = row.firstElementChild;
  button.setAttribute('aria-pressed', String(isChosen));
  button.querySelector('.line').textContent = line;
  button.querySelector('.count').textContent = String(count);
  const time = button.querySelector('time');
  if (at !== null) {
    time.dataset.at = String(at);
    time.textContent = ago(at);
  }
  return row;
}
