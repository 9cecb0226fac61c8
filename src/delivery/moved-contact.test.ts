import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';
import { queueDeliveries } from '../../test/support/ledger.ts';
import { describeStores } from '../../test/support/stores.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import telegram from '../providers/chat/telegram.ts';
import { type Claimed, createPostgresQueue } from '../queue/index.ts';
import { makeTenant } from '../tenants/testing.ts';
import { Recorder } from './recorder.ts';
import { scheduleFor } from './retry.ts';
import { type SettledOutcome, settle } from './settle.ts';

const OLD = '-987654321';
const NEW = '-1001234567890';
const { body } = telegram.examples.migrated!.reply;

describeStores('a contact that the vendor has moved', (store) => {
  let tenantId: string;
  let user: string;
  before(async () => {
    tenantId = await makeTenant(store(), store().clock.now());
  });
  beforeEach(async () => {
    await store().engine.query('truncate deliveries, notifications, claims, attempts');
    const at = new Date(store().clock.now());
    user = uuidv7(store().clock.now());
    await store().engine.query(
      "insert into users (tenant_id, id, external_id, attributes, created_at, updated_at) values ($1, $2, $4, '{}', $3, $3)",
      [tenantId, user, at, user],
    );
    await store().engine.query(
      "insert into contacts (tenant_id, user_id, kind, address, updated_at) values ($1, $2, 'telegram', $3, $4)",
      [tenantId, user, OLD, at],
    );
  });

  const chat = {
    channel: 'chat',
    lane: 'chat.normal',
    provider: 'telegram',
    connection: 'bot',
    contactKind: 'telegram',
  };
  async function claim(): Promise<Claimed> {
    const queue = createPostgresQueue(store().engine, store().clock);
    const turns = [{ tenantId, connection: 'bot', count: 1 }];
    const { deliveries } = await queue.claim('chat.normal', uuidv7(1), turns);
    assert.equal(deliveries.length, 1);
    return deliveries[0]!;
  }

  /** What an attempt does with the answer of Telegram, less the waiting. */
  async function record(claimed: Claimed): Promise<void> {
    const now = store().clock.now();
    const outcome = telegram.classify({ status: 400, headers: {}, body }, { now }) as SettledOutcome;
    const settled = settle(outcome, {
      now,
      random: 0,
      retries: 0,
      expiresAt: null,
      schedule: scheduleFor('chat', 'normal'),
      category: { evidenceMs: 0 },
      connection: 'bot',
      choice: null,
      alternative: null,
      patience: 3,
      breakMs: 0,
    });
    assert.equal(settled.state, 'queued');
    const recorder = new Recorder({ store: store(), clock: store().clock, logger: silentLogger });
    const settlement = { ...settled, dueAt: now };
    const result = { claimed, settlement, outcome: outcome.kind, detail: null, startedAt: now, latencyMs: 1 };
    assert.equal(await recorder.record({ ...result, finishedAt: now }), true);
  }
  const addresses = async () =>
    (await store().engine.query('select address from contacts where user_id = $1', [user])).rows.map(
      ({ address }) => address,
    );

  it('gets the same message again at its new address', async () => {
    await queueDeliveries(store(), 1, { ...chat, tenantId, userId: user });
    const first = await claim();
    assert.equal(first.contact?.address, OLD);
    await record(first);
    assert.deepEqual(await addresses(), [NEW]);
    const again = await claim();
    assert.deepEqual([again.id, again.contact?.address], [first.id, NEW]);
  });

  it('is left alone when it has been changed meanwhile', async () => {
    await queueDeliveries(store(), 1, { ...chat, tenantId, userId: user });
    const claimed = await claim();
    await store().engine.query("update contacts set address = '7' where user_id = $1", [user]);
    await record(claimed);
    assert.deepEqual(await addresses(), ['7']);
  });

  it('is left alone by what the simulator says', async () => {
    await queueDeliveries(store(), 1, { ...chat, tenantId, userId: user, live: false });
    await record(await claim());
    assert.deepEqual(await addresses(), [OLD]);
  });
});
