import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import { queueDeliveries } from '../../test/support/ledger.ts';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { Agenda } from './agenda.ts';
import { createPostgresQueue } from './postgres.ts';

describeStores('the agenda', (store) => {
  let clock: FakeClock;
  let agenda: Agenda;
  beforeEach(async () => {
    await store().engine.query('truncate deliveries, notifications, claims');
    clock = new FakeClock(store().clock.now());
    agenda = new Agenda(store().engine, clock);
  });
  const read = async (perLane = 64) =>
    (await agenda.read(perLane)).map(({ lane, connection }) => `${lane} ${connection}`).sort();
  const queue = (connection: string, lane = 'webhook.normal', dueAt = clock.now()) =>
    queueDeliveries(store(), 1, { connection, lane, dueAt: new Date(dueAt) });

  it('shows what is new before, between and behind the slices it knows', async () => {
    for (const connection of ['d', 'h']) await queue(connection);
    assert.deepEqual(await read(), ['webhook.normal d', 'webhook.normal h']);
    for (const connection of ['a', 'e', 'z']) await queue(connection);
    for (const lane of ['email.high', 'webhook.low', 'webhook.o']) await queue('x', lane);
    assert.deepEqual(await read(), [
      'email.high x',
      'webhook.low x',
      'webhook.normal a',
      'webhook.normal d',
      'webhook.normal e',
      'webhook.normal h',
      'webhook.normal z',
      'webhook.o x',
    ]);
  });

  it('shows nothing of a slice it knows that has nothing any more, and what comes to it later', async () => {
    await queue('d');
    await queue('f');
    assert.deepEqual(await read(), ['webhook.normal d', 'webhook.normal f']);
    const turn = { tenantId: '01900000-0000-7000-8000-00000000000a', connection: 'd', count: 10 };
    await createPostgresQueue(store().engine, clock).claim('webhook.normal', uuidv7(1), [turn]);
    assert.deepEqual(await read(), ['webhook.normal f']);
    clock.advance(1_500);
    assert.deepEqual(await read(), ['webhook.normal f']);
    await queue('d');
    assert.deepEqual(await read(), ['webhook.normal d', 'webhook.normal f']);
  });

  it('goes round among the slices it knows as among others', async () => {
    for (const connection of ['a', 'b', 'c', 'd', 'e']) await queue(connection);
    await read();
    assert.deepEqual(await read(2), ['webhook.normal a', 'webhook.normal b']);
    assert.deepEqual(await read(2), ['webhook.normal c', 'webhook.normal d']);
    assert.deepEqual(await read(2), ['webhook.normal e']);
  });

  it('shows what became due long before its commit at the next look at everything', async () => {
    await queue('d');
    await read();
    const turn = { tenantId: '01900000-0000-7000-8000-00000000000a', connection: 'd', count: 10 };
    await createPostgresQueue(store().engine, clock).claim('webhook.normal', uuidv7(1), [turn]);
    await read();
    await queue('d', 'webhook.normal', clock.now() - 10_000);
    assert.deepEqual(await read(), [], 'it looks behind the dead entries only');
    clock.advance(2_000);
    assert.deepEqual(await read(), ['webhook.normal d']);
  });

  it('tells the first due time of a slice it knows, also when that is to come', async () => {
    await queue('d', 'webhook.normal', clock.now() + 60_000);
    await read();
    await queue('d', 'webhook.normal', clock.now() + 30_000);
    const [slice] = await agenda.read(64);
    assert.equal(slice!.dueAt, clock.now() + 30_000);
  });
});
