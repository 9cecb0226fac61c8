import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { it } from 'node:test';
import type { Pool } from 'pg';
import { describeStores } from '../../test/support/stores.ts';
import { OverloadedError } from '../lib/batcher.ts';
import { FakeClock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { createMetrics } from '../telemetry/index.ts';
import { createGroupCommit } from './group-commit.ts';
import type { AcceptedRow } from './store.ts';

const TENANT = '01900000-0000-7000-8000-000000000001';
const sha = (text: string) => createHash('sha256').update(text).digest().subarray(0, 16);

describeStores('the group commit of accept', (store) => {
  const clock = new FakeClock(Date.now());
  const line = { maxWaiting: 1_000, concurrency: 2 };
  const open = (pool: Pool = store().acceptBulk) => createGroupCommit(pool, clock, line);
  const row = (key?: string, body = 'same', extra: Partial<AcceptedRow> = {}): AcceptedRow => {
    const at = new Date(clock.now());
    return {
      id: uuidv7(clock.now()),
      tenantId: TENANT,
      live: true,
      userId: 'u',
      category: 'transactional',
      priority: 1,
      request: JSON.stringify({ message: { body } }),
      dueAt: at,
      sendAt: null,
      expiresAt: null,
      createdAt: at,
      key:
        key === undefined
          ? null
          : { hash: sha(key), fingerprint: sha(body), expiresAt: new Date(clock.now() + 86_400_000) },
      ...extra,
    };
  };
  const countOf = async (ids: string[]) =>
    (await store().engine.query('select count(*) from notifications where id = any($1::uuid[])', [ids]))
      .rows[0].count;

  it('stores what it acknowledges', async () => {
    const rows = Array.from({ length: 1_200 }, () => row());
    const commit = createGroupCommit(store().acceptBulk, clock, { ...line, maxWaiting: 2_000 });
    const answers = await Promise.all(rows.map((each) => commit.add(each)));
    assert.ok(answers.every((answer) => answer.kind === 'stored' && !answer.replayed));
    assert.equal(await countOf(rows.map(({ id }) => id)), 1_200);
  });

  it('counts what it stored, and no repeat of it', async () => {
    const metrics = createMetrics();
    const commit = createGroupCommit(store().acceptHigh, clock, { ...line, line: 'high', metrics });
    const rows = [row('m1'), row('m1'), row(undefined, 'same', { priority: 0, live: false })];
    await Promise.all(rows.map((each) => commit.add(each)));
    const text = await metrics.render();
    assert.match(text, /notifications_accepted_total\{priority="normal",kind="live"\} 1\n/);
    assert.match(text, /notifications_accepted_total\{priority="high",kind="test"\} 1\n/);
    assert.match(text, /accept_commit_size_sum\{line="high"\} 3\n/);
    assert.match(text, /accept_commit_seconds_count\{line="high"\} 1\n/);
  });

  it('gives a repeated request the first answer, in one group and in a later one', async () => {
    const commit = open();
    const [first, same] = [row('k1'), row('k1')];
    const answers = await Promise.all([commit.add(first), commit.add(same)]);
    assert.deepEqual(answers, [
      { kind: 'stored', id: first.id, replayed: false },
      { kind: 'stored', id: first.id, replayed: true },
    ]);
    const later = row('k1');
    assert.deepEqual(await commit.add(later), { kind: 'stored', id: first.id, replayed: true });
    assert.equal(await countOf([first.id, same.id, later.id]), 1);
  });

  it('refuses a key that was used for another body, in one group and in a later one', async () => {
    const commit = open();
    const [, other] = await Promise.all([commit.add(row('k2', 'a')), commit.add(row('k2', 'b'))]);
    assert.deepEqual(other, { kind: 'mismatch' });
    assert.deepEqual(await commit.add(row('k2', 'c')), { kind: 'mismatch' });
  });

  it('keeps the keys of tenants, and of live and test, apart', async () => {
    const commit = open();
    const rows = [row('k3'), row('k3', 'same', { live: false }), row('k3', 'same', { tenantId: uuidv7(1) })];
    const answers = await Promise.all(rows.map((each) => commit.add(each)));
    assert.ok(answers.every((answer) => answer.kind === 'stored' && !answer.replayed));
  });

  it('lets an expired key be used again', async () => {
    const commit = open();
    const first = row('k4');
    await commit.add(first);
    clock.advance(86_400_001);
    const second = row('k4');
    assert.deepEqual(await commit.add(second), { kind: 'stored', id: second.id, replayed: false });
  });

  it('lets a row that the database refuses fail alone', async () => {
    const commit = open();
    const bad = row(undefined, 'x', { request: '{"a":"\\u0000"}' });
    const rows = [
      ...Array.from({ length: 20 }, () => row()),
      bad,
      ...Array.from({ length: 20 }, () => row()),
    ];
    const answers = await Promise.all(rows.map((each) => commit.add(each)));
    assert.deepEqual(
      answers.map((answer) => answer.kind).filter((kind) => kind !== 'stored'),
      ['refused'],
    );
    assert.equal(await countOf(rows.map(({ id }) => id)), 40);
  });

  it('asks for the ids when the answer to a commit got lost', async () => {
    const real = store().acceptBulk;
    let lose = true;
    const flaky = {
      async query(...args: Parameters<Pool['query']>) {
        const result = await (real.query as (...all: unknown[]) => Promise<unknown>)(...args);
        if (!lose) return result;
        lose = false;
        throw Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' });
      },
    } as unknown as Pool;
    const stored = row();
    assert.deepEqual(await open(flaky).add(stored), { kind: 'stored', id: stored.id, replayed: false });
    assert.equal(await countOf([stored.id]), 1);
  });

  it('never acknowledges what the database did not take', async () => {
    const away = {
      query: async () => {
        throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      },
    } as unknown as Pool;
    await assert.rejects(open(away).add(row()), { code: 'ECONNREFUSED' });
  });

  it('refuses more than may wait', async () => {
    const commit = createGroupCommit(store().acceptBulk, clock, { maxWaiting: 1, concurrency: 1 });
    const first = commit.add(row());
    await assert.rejects(commit.add(row()), OverloadedError);
    assert.equal((await first).kind, 'stored');
  });
});
