import { el } from './dom.js';

const section = document.getElementById('welcome');
let shownFor = null;

/** The empty mailbox teaches how to fill it. */
export function showWelcome({ messages, setup }) {
  section.hidden = messages.length > 0 || setup.providers.length === 0;
  if (section.hidden || shownFor === setup) return;
  shownFor = setup;
  section.replaceChildren(
    el('img', { src: './bell.svg', alt: '', width: 56, height: 56 }),
    el('h2', { id: 'welcome-title' }, 'Nothing has arrived yet'),
    ...(setup.isAlone ? endpoints(setup) : firstSteps(setup)),
  );
}

function firstSteps({ baseUrl, hint }) {
  const origin = baseUrl ?? location.origin;
  const intro =
    'Every message sent with a test key goes the whole way and ends on this page. Nobody is bothered.';
  return [
    el('p', {}, intro),
    el(
      'ol',
      {},
      step('Take your test key', keyHelp(hint)),
      step('Say who Ann is', command(userCurl(origin))),
      step('Send her a message', command(messageCurl(origin))),
      step('Look here', el('p', {}, 'It appears by itself, at once.')),
    ),
  ];
}

/** Without Bellhop around it the simulator is still good for any program that talks to these providers. */
function endpoints({ providers, smtpOrigin }) {
  const places = providers
    .filter(({ behaviours }) => behaviours.length > 0)
    .map(({ id, name, isSmtp }) => [name, isSmtp ? smtpOrigin : `${location.origin}/${id}`]);
  return [
    el('p', {}, 'Point a program at one of these instead of the real provider. What it sends appears here.'),
    el(
      'dl.facts',
      {},
      places.map(([name, place]) => [el('dt', {}, name), el('dd', {}, place)]),
    ),
  ];
}

function step(title, ...children) {
  return el('li', {}, el('h3', {}, title), children);
}

function keyHelp(hint) {
  if (!hint) return command('export BELLHOP_TEST_KEY=bh_test_…');
  return [
    el('p', {}, 'It stands in ', el('code', {}, hint), '.'),
    command('export BELLHOP_TEST_KEY=bh_test_…'),
  ];
}

function userCurl(baseUrl) {
  return [
    `curl -X PUT ${baseUrl}/v1/users/ann \\`,
    '  -H "Authorization: Bearer $BELLHOP_TEST_KEY" \\',
    '  -H "Content-Type: application/json" \\',
    `  -d '{"contacts": {"email": "ann@example.com",`,
    `                    "phone": "+15005550009"}}'`,
  ].join('\n');
}

function messageCurl(baseUrl) {
  return [
    `curl ${baseUrl}/v1/notifications \\`,
    '  -H "Authorization: Bearer $BELLHOP_TEST_KEY" \\',
    '  -H "Content-Type: application/json" \\',
    `  -d '{"userId": "ann", "channels": ["email", "sms"],`,
    `       "message": {"title": "Hello Ann",`,
    `                   "body": "Your room is ready."}}'`,
  ].join('\n');
}

function command(text) {
  const copy = el('button', { type: 'button', onclick: () => copyText(text, copy) }, 'Copy');
  return el('div.command', {}, el('pre', { tabindex: '0' }, el('code', {}, text)), copy);
}

async function copyText(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  } catch {
    // Without TLS and outside localhost browsers keep the clipboard closed.
    getSelection().selectAllChildren(button.previousElementSibling);
    button.textContent = 'Selected';
  }
  setTimeout(() => {
    button.textContent = 'Copy';
  }, 1_500);
}
