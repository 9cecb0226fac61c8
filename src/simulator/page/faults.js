import { putFaults } from './api.js';
import { el } from './dom.js';
import { state } from './store.js';

const panel = document.getElementById('faults');
const button = document.getElementById('faults-button');
const COMMON = ['accepted', 'retry', 'rejected', 'unavailable'];
const MEANINGS = {
  accepted: 'takes the message',
  retry: 'asks to try again later',
  rejected: 'refuses this recipient',
  unavailable: 'says the account is broken',
  hang: 'accepts the request, never answers',
  reset: 'breaks the connection before the answer',
  cut: 'breaks the connection in the middle of the answer',
};
const SAVE_AFTER_MS = 150;

let scope = 'all';
let drawn = '';
let timer = null;

button.addEventListener('click', () => toggle(panel.hidden));
panel.addEventListener('keydown', ({ key }) => key === 'Escape' && toggle(false));

function toggle(open) {
  panel.hidden = !open;
  button.setAttribute('aria-expanded', String(open));
  if (open) panel.querySelector('h2')?.focus();
  else button.focus();
}

/** Draws the panel anew only when somebody else changed the faults: a slider that is being dragged must stay. */
export function showFaults({ faults, setup }) {
  const isOn = [faults.all, ...Object.values(faults.providers)].some(isFaulty);
  button.classList.toggle('on', isOn);
  button.textContent = isOn ? 'Faults on' : 'Faults';
  const signature = JSON.stringify([faults, setup, scope]);
  if (setup.providers.length === 0 || signature === drawn) return;
  drawn = signature;
  const focused = document.activeElement?.id;
  draw();
  if (focused?.startsWith('faults-')) document.getElementById(focused)?.focus();
}

const isFaulty = ({ latencyMs, jitterMs, mix }) =>
  latencyMs > 0 ||
  jitterMs > 0 ||
  Object.entries(mix).some(([name, weight]) => name !== 'accepted' && weight > 0);

const own = () => state.faults.providers[scope] ?? state.faults.all;

function draw() {
  const { setup, faults } = state;
  const isProvider = scope !== 'all';
  const provider = setup.providers.find(({ id }) => id === scope);
  const examples = isProvider
    ? provider.behaviours.filter((name) => !setup.breakdowns.includes(name))
    : COMMON;
  panel.replaceChildren(
    el(
      'header',
      {},
      el('h2', { id: 'faults-title', tabindex: '-1' }, 'Faults'),
      el('button', { type: 'button', 'aria-label': 'Close', onclick: () => toggle(false) }, '×'),
    ),
    el('p.quiet', {}, 'How the simulated providers behave from now on. Real providers do all of this.'),
    scopeChoice(setup.providers),
    isProvider && !faults.providers[scope]
      ? el('p.quiet', {}, 'Follows “All providers” until you change something.')
      : '',
    group('Speed', [slider('latencyMs', 'Latency', 2_000, 'ms'), slider('jitterMs', 'Jitter', 2_000, 'ms')]),
    group('Answers', examples.map(weight)),
    group('Breakdowns', setup.breakdowns.map(weight)),
    el(
      'button.normal',
      { type: 'button', id: 'faults-normal', onclick: backToNormal },
      isProvider ? 'Follow all providers' : 'Back to normal',
    ),
    el(
      'p.hint',
      {},
      'For one recipient only: an address, token or text that contains ',
      el('code', {}, 'simulate-rejected'),
      ' (or any other name) is always answered so.',
    ),
    el('p.problem', { role: 'alert' }),
  );
  showShares();
}

function scopeChoice(providers) {
  const options = providers
    .filter(({ behaviours }) => behaviours.length > 0)
    .map(({ id, name }) => el('option', { value: id, selected: id === scope }, name));
  const select = el(
    'select',
    { id: 'faults-scope' },
    el('option', { value: 'all' }, 'All providers'),
    options,
  );
  select.addEventListener('change', () => {
    scope = select.value;
    showFaults(state);
  });
  return el('div.scope', {}, el('label', { for: 'faults-scope' }, 'For'), select);
}

function group(title, rows) {
  return el('fieldset', {}, el('legend', {}, title), rows);
}

function slider(name, label, max, unit) {
  const value = own()[name];
  const number = el('output', { for: `faults-${name}` }, `${value} ${unit}`);
  const input = el('input', {
    type: 'range',
    id: `faults-${name}`,
    min: 0,
    max: Math.max(max, value),
    step: 10,
    value,
  });
  input.addEventListener('input', () => {
    number.textContent = `${input.value} ${unit}`;
    save({ ...own(), [name]: Number(input.value) });
  });
  return el('div.row', {}, el('label', { for: `faults-${name}` }, label), number, input);
}

/** `accepted` stands at 100 as long as nobody moved anything. */
const weightOf = (name) =>
  own().mix[name] ?? (name === 'accepted' && Object.keys(own().mix).length === 0 ? 100 : 0);

function weight(name) {
  const value = weightOf(name);
  const id = `faults-mix-${name}`;
  const share = el('output', { for: id, 'data-weight': name });
  const input = el('input', { type: 'range', id, min: 0, max: Math.max(100, value), step: 1, value });
  input.addEventListener('input', () => {
    const mix = { accepted: weightOf('accepted'), ...own().mix, [name]: Number(input.value) };
    save({ ...own(), mix });
    showShares();
  });
  const label = el('label', { for: id, title: MEANINGS[name] ?? '' }, name);
  return el('div.row', {}, label, share, input, MEANINGS[name] && el('small', {}, MEANINGS[name]));
}

/** The weights as they come out: percent of all answers. */
function showShares() {
  const outputs = [...panel.querySelectorAll('output[data-weight]')];
  const sum = outputs.reduce((total, { dataset }) => total + weightOf(dataset.weight), 0);
  for (const output of outputs) {
    const share = sum === 0 ? 0 : (100 * weightOf(output.dataset.weight)) / sum;
    output.textContent = `${share > 0 && share < 1 ? share.toFixed(1) : Math.round(share)} %`;
  }
}

function save(changed) {
  const { all, providers } = state.faults;
  state.faults =
    scope === 'all' ? { all: changed, providers } : { all, providers: { ...providers, [scope]: changed } };
  drawn = JSON.stringify([state.faults, state.setup, scope]);
  clearTimeout(timer);
  timer = setTimeout(send, SAVE_AFTER_MS);
}

async function send() {
  panel.querySelector('.problem').textContent = (await putFaults(state.faults)) ?? '';
}

function backToNormal() {
  const { [scope]: _, ...others } = state.faults.providers;
  const normal = { latencyMs: 0, jitterMs: 0, mix: {} };
  state.faults =
    scope === 'all'
      ? { all: normal, providers: state.faults.providers }
      : { ...state.faults, providers: others };
  showFaults(state);
  send();
}
