import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conformance } from '../conformance.ts';
import type { Content, RequestContext } from '../contract.ts';
import inbox from './inbox.ts';

const context: RequestContext = { now: 0, random: (n) => new Uint8Array(n), deliveryId: 'd1', baseUrl: '' };

function build(content: Content) {
  const message = {
    channel: 'inbox',
    recipient: { address: '' },
    content,
    priority: 'normal',
    category: 'news',
  } as const;
  return inbox.request({ ...message, userId: 'u1' }, {}, context);
}

conformance(inbox);

test('a message becomes an item with its links, buttons and data', () => {
  const content = {
    title: 'Parcel',
    body: 'It is here.',
    url: 'acme://parcels/1',
    image: 'https://acme.org/p.png',
    actions: [
      { id: 'open', title: 'Open', url: 'https://acme.org/p' },
      { id: 'later', title: 'Later' },
    ],
    data: { parcel: 1 },
  };
  assert.deepEqual(build(content), content);
});

test('an item that is tracked carries its beacon', () => {
  const beacon = { url: 'https://bell.example/v1/beacons', token: 'tok' };
  const message = { channel: 'inbox', recipient: { address: '' }, content: { title: 'T' }, beacon } as const;
  const item = inbox.request({ ...message, priority: 'normal', category: 'news', userId: 'u1' }, {}, context);
  assert.deepEqual(item.beacon, beacon);
});

test('what a message does not have is empty', () => {
  assert.deepEqual(build({}), { title: '', body: '', actions: [], data: {} });
});

test('a link that would run a script on the page is left out', () => {
  for (const url of [
    'javascript:alert(1)',
    ' JavaScript:alert(1)',
    'java\nscript:alert(1)',
    '\u0001data:text/html,x',
    'vbscript:x',
  ]) {
    const item = build({ url, image: url, actions: [{ id: 'a', title: 'A', url }] });
    assert.deepEqual(item, { title: '', body: '', actions: [{ id: 'a', title: 'A' }], data: {} }, url);
  }
});

test('how an item is kept stands apart from what is shown', () => {
  const keeping = { collapseKey: 'order 7', tags: ['orders'], expiresAfterSeconds: 60 };
  assert.deepEqual(build({ title: 'T', ...keeping }), {
    title: 'T',
    body: '',
    actions: [],
    data: {},
    keeping,
  });
  assert.deepEqual(build({ tags: [] }).keeping, { tags: [] });
});
