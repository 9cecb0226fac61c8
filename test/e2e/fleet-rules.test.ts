import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { eventually, type RunningBellhop, startBellhop } from '../support/process.ts';
import { createTestDatabase, stopOwnCluster } from '../support/stores.ts';

const PROCESSES = 3;
const USERS = ['ada', 'bob', 'eve'];
const CAP = 5;
const ASKED = 120;
const SCHEDULES = 40;

/** Rules and schedules that must hold for a fleet as they do for one process: three of them on one PostgreSQL. */
describe('a fleet of three processes', () => {
  let fleet: RunningBellhop[] = [];
  let database: pg.Pool;
  before(async () => {
    const url = await createTestDatabase();
    database = new pg.Pool({ connectionString: url, max: 1 });
    const start = () => startBellhop({ DATABASE_URL: url });
    // The first one migrates the database.
    fleet = [await start(), ...(await Promise.all(Array.from({ length: PROCESSES - 1 }, start)))];
    for (const user of USERS) await call(0, 'PUT', `/v1/users/${user}`, {});
    await call(0, 'PUT', '/v1/categories/offers', { kind: 'marketing', caps: [{ limit: CAP, per: 'day' }] });
  });
  after(async () => {
    await database?.end();
    for (const bellhop of fleet) await bellhop.dispose();
    await stopOwnCluster();
  });

  async function call(nth: number, method: string, path: string, body: object): Promise<void> {
    const answer = await fleet[nth % PROCESSES]!.call(method, path, body);
    assert.ok(answer.status < 300, JSON.stringify(answer.body));
  }

  it('lets no user have more than a cap allows, whichever process is asked', async () => {
    // What was declared a moment ago is in force everywhere within two seconds.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const asked = Array.from({ length: ASKED }, (_, i) =>
      call(i, 'POST', '/v1/notifications', {
        userId: USERS[i % USERS.length],
        category: 'offers',
        channels: ['inbox'],
        message: { title: 'An offer', body: 'For you' },
      }),
    );
    await Promise.all(asked);
    const outcomes = await eventually(
      async () => {
        const { rows } = await database.query(
          `select n.user_id, d.state, count(*)::int as n from deliveries d join notifications n on n.id = d.notification_id
            where n.category = 'offers' group by 1, 2 order by 1, 2`,
        );
        return rows;
      },
      (rows) =>
        rows.reduce((sum, { n }) => sum + n, 0) === ASKED &&
        !rows.some(({ state }) => ['queued', 'sending'].includes(state)),
    );
    assert.deepEqual(
      outcomes.map((row) => `${row.user_id} ${row.state} ${row.n}`),
      USERS.flatMap((user) => [`${user} sent ${CAP}`, `${user} skipped ${ASKED / USERS.length - CAP}`]),
    );
  });

  it('puts every event into exactly one digest, whichever process took it', async () => {
    await call(0, 'PUT', '/v1/categories/comments', { digest: { window: { everySeconds: 2 } } });
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const events = Array.from({ length: 90 }, (_, i) => `event ${i}`);
    await Promise.all(
      events.map((title, i) =>
        call(i, 'POST', '/v1/notifications', {
          userId: USERS[i % USERS.length],
          category: 'comments',
          channels: ['inbox'],
          message: { title, body: 'A comment' },
        }),
      ),
    );
    const ends = await eventually(
      async () => {
        const { rows } = await database.query(
          `select n.request->'message'->>'title' as title, d.state, d.reason, d.code from deliveries d
             join notifications n on n.id = d.notification_id
            where n.category = 'comments' and not n.request ? 'carries'`,
        );
        return rows;
      },
      (rows) => rows.length >= events.length,
    );
    assert.deepEqual(ends.map(({ title }) => title).sort(), [...events].sort());
    assert.ok(ends.every(({ reason }) => reason === 'digested'));
    const { rows: digests } = await database.query(
      `select n.id, n.user_id, (n.request->'carries'->>'events')::int as events from notifications n
        where n.request ? 'carries'`,
    );
    assert.deepEqual(
      [...Map.groupBy(ends, ({ code }) => code)].map(([id, those]) => `${id} ${those.length}`).sort(),
      digests.map(({ id, events }) => `${id} ${events}`).sort(),
      'each digest carries those events that name it',
    );
  });

  it('fires each occurrence once, though one of them is killed while they fire', async () => {
    const firstAt = Date.now() + 3_000;
    await Promise.all(
      Array.from({ length: SCHEDULES }, (_, i) =>
        call(i, 'PUT', `/v1/schedules/s${i}`, {
          notification: { userIds: USERS, channels: ['inbox'], message: { title: `s${i}`, body: 'Now' } },
          at: new Date(firstAt + (i % 10) * 200).toISOString(),
        }),
      ),
    );
    const fired = async () => {
      const { rows } = await database.query(
        `select request->'message'->>'title' as title, user_id from notifications
          where category = 'transactional' order by 1, 2`,
      );
      return rows.map((row) => `${row.title} ${row.user_id}`);
    };
    await eventually(fired, (rows) => rows.length > 0);
    await fleet[PROCESSES - 1]!.end('SIGKILL');
    const expected = Array.from({ length: SCHEDULES }, (_, i) => USERS.map((user) => `s${i} ${user}`))
      .flat()
      .sort();
    const last = await eventually(fired, (rows) => rows.length >= expected.length, 40_000);
    assert.deepEqual(last.sort(), expected);
  });
});
