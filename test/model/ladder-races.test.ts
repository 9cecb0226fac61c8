import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { Queryable, Store } from '../../src/store/index.ts';
import { type Laddered, serveLaddered } from '../support/laddered.ts';
import { openPostgresTestStore, stopOwnCluster } from '../support/stores.ts';

const MINUTE_MS = 60_000;
const STOPS = ['confirm', 'cancel', 'opened'] as const;
const BODY = {
  ladder: {
    steps: [
      { channels: ['email'], waitSeconds: 60 },
      { channels: ['sms', 'webhook'], waitSeconds: 1 },
      { channels: ['email'] },
    ],
    until: 'seen',
  },
};

/** A store whose statements wait for the scheduler of the race under way, if there is one. */
function steered(store: Store): { store: Store; steer(by: fc.Scheduler | null): void } {
  let scheduler: fc.Scheduler | null = null;
  const on = (db: Queryable) => ({
    query: async (...args: Parameters<Queryable['query']>) => {
      await scheduler?.schedule(Promise.resolve(), 'statement');
      return db.query(...args);
    },
  });
  return {
    steer: (by) => {
      scheduler = by;
    },
    store: {
      ...store,
      engine: on(store.engine) as never,
      transaction: (work, options) => store.transaction((db) => work(on(db) as Queryable), options),
      scoped: (tenantId, work) => store.scoped(tenantId, (db) => work(on(db) as Queryable)),
    },
  };
}

describe('a router and a stop on one ladder', () => {
  let store: Store;
  let race: ReturnType<typeof steered>;
  let to: Laddered;
  before(async () => {
    store = await openPostgresTestStore(8);
    race = steered(store);
    to = await serveLaddered(race.store);
  });
  after(async () => {
    await to.close();
    await store.close();
    await stopOwnCluster();
  });

  const stop = async (kind: (typeof STOPS)[number], id: string, emailId: string) => {
    if (kind === 'opened') return to.receive(emailId, 'opened');
    const { status } = await to.call('POST', `/v1/notifications/${id}/${kind}`);
    assert.equal(status, 200);
  };
  const startSecondStep = async () => {
    await to.clear();
    const id = await to.notify(BODY);
    await to.route();
    const [emailId] = await to.send('email');
    to.clock.advance(MINUTE_MS);
    return { id, emailId: emailId! };
  };
  const claimAll = async () =>
    (await Promise.all([to.claim('sms'), to.claim('webhook'), to.claim('email')])).flat();

  it('never lets a step begin after the stop was answered, whoever comes first', async () => {
    const seen = new Set<string>();
    const races = fc.record({ kind: fc.constantFrom(...STOPS), routers: fc.integer({ min: 1, max: 2 }) });
    await fc.assert(
      fc.asyncProperty(races, fc.scheduler(), async ({ kind, routers }, scheduler) => {
        const { id, emailId } = await startSecondStep();
        race.steer(scheduler);
        const stopped = stop(kind, id, emailId);
        const contenders = [stopped, ...Array.from({ length: routers }, () => to.router.routeBatch(1))];
        await scheduler.waitFor(Promise.all(contenders)).finally(() => race.steer(null));
        assert.deepEqual(await claimAll(), []);
        for (let n = 0; n < 3; n++) {
          await to.route();
          assert.deepEqual(await claimAll(), []);
          to.clock.advance(MINUTE_MS);
        }
        const story = await to.story(id);
        assert.equal(story.length, 4, story.join());
        for (const line of story.slice(1))
          assert.match(line, /^\d \w+ (cancelled|skipped) (ladder_stopped|cancelled)$/);
        assert.deepEqual(await to.findings(), []);
        seen.add(story[1]!);
      }),
      // No limit of time: a run that is left behind would go on in the tables of the next test.
      { numRuns: 40 },
    );
    // Both sides won some of the races, or they showed nothing; a cancel leaves the same words either way.
    for (const won of ['1 sms skipped ladder_stopped', '1 sms cancelled ladder_stopped'])
      assert.ok(seen.has(won), [...seen].join());
  });

  it('never starts an attempt after the answer while routers and workers run as they like', async () => {
    await to.clear();
    const ids: string[] = [];
    for (let n = 0; n < 150; n++) ids.push(await to.notify(BODY));
    await to.route();
    await to.send('email');
    to.clock.advance(MINUTE_MS);
    const answered = new Set<string>();
    const late: string[] = [];
    let isOver = false;
    const work = async () => {
      while (!isOver) {
        const before = new Set(answered);
        for (const { notificationId } of await claimAll())
          if (before.has(notificationId)) late.push(notificationId);
      }
    };
    const routeAll = async () => {
      while (!isOver) await to.router.routeBatch(1);
    };
    const confirmAll = async (part: number) => {
      for (const id of ids.filter((_, i) => i % 3 === part)) {
        await stop('confirm', id, '');
        answered.add(id);
      }
      // The time for the last step comes as well.
      to.clock.advance(2_000);
    };
    const running = [work(), work(), routeAll(), routeAll()];
    await Promise.all([0, 1, 2].map(confirmAll)).finally(() => {
      isOver = true;
    });
    await Promise.all(running);
    await to.route();
    assert.deepEqual(await claimAll(), []);
    assert.deepEqual(late, []);
  });
});
