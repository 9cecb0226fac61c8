import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';
import { TENANT } from '../../test/support/ledger.ts';
import { describeStores } from '../../test/support/stores.ts';
import { insertNotification } from '../ledger/testing.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import { createCategories, createRules } from '../rules/index.ts';
import type { Store } from '../store/index.ts';
import { Router } from './router.ts';

const NORMAL = 1;
const message = { title: 'Hi' };
const channels = ['inbox'];
const hourly = { window: { everySeconds: 3_600 } };

describeStores('what digests cost routing', (store) => {
  let router: Router;
  let statements: string[] = [];
  before(async () => {
    const { engine, clock } = store();
    const now = new Date(clock.now());
    await engine.query("insert into tenants values ($1, 'a', 'a', $2)", [TENANT, now]);
    for (let user = 0; user < 20; user++)
      await engine.query("insert into users values ($1, $2, $3, null, null, '{}', $4, $4)", [
        TENANT,
        uuidv7(now.getTime()),
        `user-${user}`,
        now,
      ]);
    const transaction: Store['transaction'] = (work) =>
      store().transaction((db) =>
        work({
          query: (statement: never, values: never) => {
            statements.push((statement as { name?: string }).name ?? String(statement));
            return db.query(statement, values);
          },
        } as never),
      );
    router = new Router({
      store: { ...store(), transaction },
      clock,
      logger: silentLogger,
      templates: { compiled: async () => new Map() },
      connections: { forTenants: async () => new Map() },
      categories: createCategories(clock),
      rules: createRules(clock),
    });
  });
  beforeEach(() =>
    store().engine.query('truncate notifications, unrouted, deliveries, digests, digest_events'),
  );

  /** Routes so many notifications in one batch. Answers the statements that it took. */
  const routeBatch = async (count: number, requestOf: (n: number) => object) => {
    for (let n = 0; n < count; n++)
      await insertNotification(store(), TENANT, {
        live: false,
        state: 'accepted',
        user_id: `user-${n % 20}`,
        request: { message, channels, ...requestOf(n) },
      });
    statements = [];
    assert.equal((await router.routeBatch(NORMAL)).count, count);
    return statements;
  };
  const countOf = async (table: string) =>
    (await store().engine.query(`select count(*)::int as n from ${table}`)).rows[0].n;

  it('is nothing when nothing is collected, and two statements however much is', async () => {
    await routeBatch(1, () => ({}));
    const plain = await routeBatch(50, () => ({}));
    assert.deepEqual(
      plain.filter((name) => /digest|frequenc/.test(name)),
      [],
    );
    const some = await routeBatch(50, (n) => (n < 25 ? { digest: hourly } : {}));
    assert.deepEqual(
      some.filter((name) => !plain.includes(name)),
      ['digests_open', 'digests_collect'],
    );
    assert.equal(some.length, plain.length + 2);
    assert.deepEqual([await countOf('digests'), await countOf('digest_events')], [20, 25]);
  });

  it("is no look at the tenant's clock unless a digest waits for a time of the day", async () => {
    const clockOf = async (digest: object) =>
      (await routeBatch(5, () => ({ digest }))).filter((name) => name === 'select tenant quiet hours').length;
    assert.equal(await clockOf(hourly), 0);
    assert.equal(await clockOf({ window: { at: '09:00' } }), 1);
  });

  it('is only the row itself that makes no sense', async () => {
    const corrupt = [
      null,
      5,
      'text',
      { window: 'text' },
      { window: { at: 5 } },
      { window: { at: '25:00' } },
      { window: {} },
      { key: 5, ...hourly },
      { window: { everySeconds: 1e300 } },
      { window: { quietSeconds: 'x', atMostSeconds: 5 } },
      { window: { quietSeconds: 5, atMostSeconds: 1e300 } },
    ];
    await routeBatch(corrupt.length + 2, (n) =>
      n < corrupt.length ? { digest: corrupt[n] } : { digest: hourly },
    );
    const { rows } = await store().engine.query(
      "select request->'digest' as digest from notifications where state = 'failed'",
    );
    assert.deepEqual(
      rows.map(({ digest }) => JSON.stringify(digest)).sort(),
      corrupt
        .slice(3)
        .map((digest) => JSON.stringify(digest))
        .sort(),
    );
    assert.equal(await countOf('digest_events'), 2);
    assert.equal(await countOf('deliveries'), 3, 'what asks for no digest goes out');
  });
});
