import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type OtpApi, serveOtp, wrong } from '../../test/support/otp.ts';
import { openPostgresTestStore, stopOwnCluster } from '../../test/support/stores.ts';
import type { Store } from '../store/index.ts';

const CONNECTIONS = 8;
const GUESSES = 60;
const LADDERS = 20;

// Real connections, at the same time.
describe('one-time passwords on PostgreSQL, in a race', () => {
  let store: Store;
  let api: OtpApi;
  before(async () => {
    store = await openPostgresTestStore(CONNECTIONS);
    api = await serveOtp(store);
  });
  after(async () => {
    await api?.close();
    await store?.close();
    await stopOwnCluster();
  });
  beforeEach(async () => {
    // What was refused in the test before is no longer remembered.
    api.clock.advance(2_000);
    await store.engine.query(
      'truncate otps, otp_uses, otp_recipients, otp_pauses, otp_settings, notifications, unrouted, deliveries, postponed',
    );
  });
  const phone = (n: number) => `+49151${String(n).padStart(8, '0')}`;
  const times = <T>(count: number, work: (n: number) => Promise<T>) =>
    Promise.all(Array.from({ length: count }, (_, n) => work(n)));
  const check = async (id: string, code: string) =>
    (await api.test('POST', `/v1/otp/${id}/check`, { code })).body.status;
  const tally = (words: string[]) =>
    Object.fromEntries([...Map.groupBy(words, (word) => word)].map(([word, all]) => [word, all.length]));

  it('judges no more guesses than it may, however many come at once', async () => {
    const id = await api.send({ to: { phone: phone(1) } });
    const code = await api.codeOf(id);
    const answers = await times(GUESSES, () => check(id, wrong(code)));
    assert.deepEqual(tally(answers), { incorrect: 5, max_attempts: GUESSES - 5 });
    assert.equal(await check(id, code), 'max_attempts');
  });

  it('approves once, however often the right code comes at once', async () => {
    const id = await api.send({ to: { phone: phone(2) } });
    const code = await api.codeOf(id);
    const answers = await times(GUESSES, () => check(id, code));
    assert.deepEqual(tally(answers), { approved: 1, not_found: GUESSES - 1 });
    const { body } = await api.test('GET', '/v1/otp/usage');
    assert.deepEqual(body.countries, { DE: { sent: 1, approved: 1 } });
  });

  it('sends one code to a recipient that is asked for many at once', async () => {
    const answers = await times(GUESSES, () => api.test('POST', '/v1/otp', { to: { phone: phone(3) } }));
    assert.deepEqual(tally(answers.map(({ body }) => body.code ?? body.status)), {
      pending: 1,
      'otp.too_soon': GUESSES - 1,
    });
  });

  it('sends one new code, however often it is asked for at once', async () => {
    const id = await api.send({ to: { phone: phone(4) } });
    api.clock.advance(30_000);
    const answers = await times(GUESSES, () => api.test('POST', `/v1/otp/${id}/resend`, {}));
    assert.deepEqual(tally(answers.map(({ body }) => body.code ?? body.status)), {
      pending: 1,
      'otp.too_soon': GUESSES - 1,
    });
    assert.equal(await check(id, await api.codeOf(id)), 'approved');
  });

  it('writes down what memory refused without holding up those who are refused meanwhile', async () => {
    await api.test('PUT', '/v1/otp/settings', { limits: { ip: { perHour: 1, perDay: 1 } } });
    const ask = (n: number, clientIp: string) =>
      api.test('POST', '/v1/otp', { to: { phone: phone(300_000 * n) }, clientIp });
    const codes: string[] = [];
    for (const n of [1, 2, 3]) codes.push((await ask(n, '192.0.2.1')).body.code);
    assert.deepEqual(codes, [undefined, 'otp.ip_limit', 'otp.ip_limit'], 'the last one from memory');
    let next!: ReturnType<typeof ask>;
    await store.transaction(async (db) => {
      const lock = `otp/${api.tenantId}/false/tenant/`;
      await db.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [lock]);
      next = ask(4, '192.0.2.2');
      let isOver = false;
      void next.then(() => {
        isOver = true;
      });
      const waits = `select count(*) as count from pg_locks l join pg_database d on d.oid = l.database
        where l.locktype = 'advisory' and not l.granted and d.datname = current_database()`;
      while (!isOver && (await db.query(waits)).rows[0].count === 0);
      assert.equal(isOver, false, 'it waits for the counts');
      await db.query("set local lock_timeout = '1s'");
      const { rowCount } = await db.query(
        "update otp_uses set sent = sent where scope = 'refused' and key = 'ip_limit' and sent = 2",
      );
      assert.equal(rowCount, 1, 'written down, and nobody holds it');
    });
    assert.equal((await next).status, 201);
  });

  it('keeps every limit exactly', async () => {
    const limits = { tenant: { perHour: 9, perDay: 90 }, prefix: { perHour: 4, perDay: 40 } };
    await api.test('PUT', '/v1/otp/settings', { limits, prices: { default: 1 }, spendPerDay: 7 });
    const codes = async (of: (n: number) => string) =>
      tally(
        (await times(GUESSES, (n) => api.test('POST', '/v1/otp', { to: { phone: of(n) } }))).map(
          ({ body }) => body.code ?? body.status,
        ),
      );
    assert.deepEqual(await codes((n) => phone(40_000 + n)), { pending: 4, 'otp.prefix_limit': GUESSES - 4 });
    assert.deepEqual(await codes((n) => phone(100_000 * (n + 1))), {
      pending: 3,
      'otp.spend_limit': GUESSES - 3,
    });
    const { body } = await api.test('GET', '/v1/otp/usage');
    assert.deepEqual(
      [body.sent, body.spent, body.refused],
      [7, 7, { prefix_limit: GUESSES - 4, spend_limit: GUESSES - 3 }],
    );
  });

  it('begins no attempt after an approval or a cancel was answered', async () => {
    const ids: string[] = [];
    for (let n = 0; n < LADDERS; n++) {
      // Each its own block of numbers.
      const to = { phone: phone(1_000_000 * (n + 1)), email: `user-${n}@mail.example` };
      ids.push(await api.send({ to, channels: ['sms', 'email'], waitSeconds: 30 }));
    }
    assert.equal((await api.start()).length, LADDERS);
    api.clock.advance(30_000);
    const attempts = async (id: string) =>
      (
        await store.engine.query(
          `select d.attempt from otps o join deliveries d on d.notification_id = o.notification_id
            where o.id = $1 and d.attempt > 0`,
          [id],
        )
      ).rowCount!;
    const codes = await Promise.all(ids.map(api.codeOf));
    let over = false;
    const working = (async () => {
      let started = 0;
      while (!over) started += (await api.start()).length;
      return started + (await api.start()).length;
    })();
    const answered = await Promise.all(
      ids.map(async (id, n) => {
        // Every other one is cancelled instead.
        if (n % 2 === 0) assert.equal(await check(id, codes[n]!), 'approved');
        else assert.equal((await api.test('POST', `/v1/otp/${id}/cancel`)).status, 200);
        return attempts(id);
      }),
    );
    over = true;
    const started = await working;
    assert.deepEqual(await Promise.all(ids.map(attempts)), answered);
    assert.equal(
      started + LADDERS,
      answered.reduce((sum, count) => sum + count, 0),
    );
    const { rows } = await store.engine.query(
      "select 1 from deliveries where state = 'queued' union all select 1 from postponed",
    );
    assert.deepEqual(rows, []);
  });
});
