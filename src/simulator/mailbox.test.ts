import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Mailbox, type SimulatedMessage } from './mailbox.ts';

const MESSAGE: Omit<SimulatedMessage, 'id'> = {
  at: 0,
  answered: 'accepted',
  kind: 'accepted',
  tenant: 't',
  userId: 'ann',
  notificationId: 'n',
  deliveryId: 'd',
  channel: 'push',
  provider: 'pushery',
  platform: null,
  recipient: 'token',
  content: {},
  raw: null,
};

test('the mailbox keeps the last thousand messages', () => {
  const mailbox = new Mailbox();
  for (let i = 0; i < 1_500; i++) mailbox.add(MESSAGE);
  const ids = mailbox.list().map(({ id }) => id);
  assert.deepEqual([ids.length, ids[0], ids.at(-1)], [1_000, 501, 1_500]);
  assert.equal(mailbox.get(500), undefined);
  assert.equal(mailbox.get(501)?.id, 501);
});

test('large messages push out older ones before memory runs out', () => {
  const mailbox = new Mailbox();
  for (let i = 0; i < 1_000; i++) mailbox.add({ ...MESSAGE, content: { html: 'x'.repeat(250_000) } });
  const kept = mailbox.list().length;
  assert.ok(kept > 100 && kept < 140, `${kept} kept`);
});

test('a list is narrowed by user, channel and the last id seen', () => {
  const mailbox = new Mailbox();
  mailbox.add(MESSAGE);
  mailbox.add({ ...MESSAGE, channel: 'email' });
  mailbox.add({ ...MESSAGE, userId: 'bob' });
  const ids = (...filter: Parameters<Mailbox['list']>) => mailbox.list(...filter).map(({ id }) => id);
  assert.deepEqual(ids({ userId: 'ann' }), [1, 2]);
  assert.deepEqual(ids({ userId: 'ann', channel: 'email' }), [2]);
  assert.deepEqual(ids({ after: 2 }), [3]);
  assert.deepEqual(ids({ after: 3 }), []);
});

test('ids go on after the mailbox was cleared', () => {
  const mailbox = new Mailbox();
  const events: string[] = [];
  const end = mailbox.onChange((event) => events.push(event));
  mailbox.add(MESSAGE);
  mailbox.clear();
  assert.equal(mailbox.list().length, 0);
  assert.equal(mailbox.add(MESSAGE).id, 2);
  end();
  mailbox.clear();
  assert.deepEqual(events, ['added', 'cleared', 'added']);
});
