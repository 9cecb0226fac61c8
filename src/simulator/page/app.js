import { clearMessages, getJson, openStream } from './api.js';
import { showFaults } from './faults.js';
import { showPeople } from './people.js';
import { addMessages, change, narrow, onChange, showAll, state } from './store.js';
import { showTimeline } from './timeline.js';
import { showWelcome } from './welcome.js';
import { ago, personOf, plural } from './words.js';

const find = (id) => document.getElementById(id);
const STATES = { connecting: 'Connecting', live: 'Live', lost: 'Reconnecting' };

onChange(showPeople);
onChange(showTimeline);
onChange(showWelcome);
onChange(showFaults);

find('search').addEventListener('input', ({ target }) => narrow({ search: target.value }));
find('clear').addEventListener('click', () => clearMessages());
find('show-all').addEventListener('click', () => {
  find('search').value = '';
  showAll();
});
find('more').addEventListener('click', () => change({ shown: state.shown + 100 }));
document.addEventListener('keydown', (event) => {
  const isTyping = event.target.closest?.('input, textarea, select');
  if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  find('search').focus();
});

function announce(messages) {
  const names = [...new Set(messages.map(personOf))];
  const whom = names.length > 3 ? plural(names.length, 'user') : names.join(', ');
  find('announcer').textContent = `${plural(messages.length, 'new message')} for ${whom}`;
}

let isFirst = true;

openStream({
  onMessages(messages) {
    addMessages(messages);
    if (!isFirst) announce(messages);
    isFirst = false;
  },
  onCleared: () => change({ messages: [], person: null, channel: null }),
  onFaults: (faults) => change({ faults }),
  onState(name) {
    find('status').dataset.state = name;
    find('status').lastElementChild.textContent = STATES[name];
  },
});

setInterval(() => {
  for (const time of document.querySelectorAll('time[data-at]'))
    time.textContent = ago(Number(time.dataset.at));
}, 20_000);

change({ setup: await getJson('setup') });
