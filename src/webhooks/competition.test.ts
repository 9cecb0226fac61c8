import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openPostgresTestStore, stopOwnCluster } from '../../test/support/stores.ts';
import { makeWorld, type WebhookWorld } from '../../test/support/webhooks.ts';
import { type HookPeer, say, startHookPeer } from '../hooks/testing.ts';
import { appendEvents } from '../ledger/index.ts';
import { openStore, type Store } from '../store/index.ts';
import type { WebhookLoop } from './webhook-loop.ts';

const EVENTS = 400;
const ENDPOINTS = ['first', 'second', 'third'];

describe('several processes that tell webhooks', () => {
  let store: Store;
  let others: Store[];
  let world: WebhookWorld;
  let peer: HookPeer;
  before(async () => {
    const { databaseUrl } = await openPostgresTestStore(2).then((opened) => {
      store = opened;
      return opened;
    });
    others = await Promise.all([1, 2].map(() => openStore({ databaseUrl, poolSize: 2 })));
    world = await makeWorld(store);
    peer = await startHookPeer();
  });
  after(async () => {
    await Promise.all([world.close(), peer.close()]);
    await Promise.all([store, ...others].map((each) => each.close()));
    await stopOwnCluster();
  });

  it('tell every endpoint of every event, once, while events go on coming', async () => {
    for (const id of ENDPOINTS) await world.put(id, { url: peer.url, headers: { 'x-who': id } });
    // Every seventh call fails at first: its event comes a second time, under the same id.
    const refused = new Set<string>();
    const took = new Map<string, number>();
    peer.answer = (response, { headers }) => {
      const name = `${headers['x-who']} ${headers['webhook-id']}`;
      if (peer.calls.length % 7 === 0 && !refused.has(name)) {
        refused.add(name);
        say('again', 500)(response);
        return;
      }
      took.set(name, (took.get(name) ?? 0) + 1);
      say({})(response);
    };
    const loops = [store, ...others].map((each) => world.startLoop({ store: each }));
    const happening = happen();
    let rounds = 0;
    while (took.size < EVENTS * ENDPOINTS.length && rounds++ < 500) {
      await Promise.all(loops.map(turn));
      world.clock.advance(1_000);
    }
    await happening;
    assert.equal(took.size, EVENTS * ENDPOINTS.length, 'nobody misses anything');
    assert.ok(refused.size > 50, `${refused.size} calls were refused`);
    assert.deepEqual(
      [...took.values()].filter((count) => count > 1),
      [],
      'nobody hears anything twice',
    );
    assert.equal(peer.calls.length, took.size + refused.size);
    const { rows } = await store.engine.query(
      "select count(*)::int as n from webhook_deliveries where state <> 'delivered' or due_at is not null",
    );
    assert.equal(rows[0].n, 0);
  });

  async function turn(loop: WebhookLoop): Promise<void> {
    await loop.step();
    await loop.settled();
  }

  async function happen(): Promise<void> {
    const { tenantId, clock } = world;
    for (let n = 0; n < EVENTS; n += 20) {
      const at = new Date(clock.now());
      await appendEvents(
        store.engine,
        Array.from({ length: 20 }, (_, i) => ({
          tenantId,
          live: true,
          type: 'delivery.sent' as const,
          at,
          data: { n: n + i },
        })),
      );
    }
  }
});
