import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describeStores } from '../../test/support/stores.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import type { Server } from '../http/index.ts';
import { silentLogger } from '../lib/logger.ts';
import { Wake } from '../queue/index.ts';
import type { Store } from '../store/index.ts';
import { createMetrics } from '../telemetry/index.ts';
import { registerUserRoutes } from '../users/index.ts';
import { AudienceLoop, registerAudienceRoutes } from './index.ts';

describeStores('the loop of audiences', (store) => {
  const wake = new Wake();
  const metrics = createMetrics();
  let api: TwoTenants;
  let server: Server;
  before(async () => {
    api = await serveTwoTenants(store(), (app, deps) => {
      server = app;
      registerUserRoutes(app, deps);
      registerAudienceRoutes(app, { ...deps, wake });
    });
  });
  after(() => api.close());

  const post = (payload: string) =>
    server.inject({
      method: 'POST',
      url: '/v1/imports',
      headers: { authorization: 'Bearer live', 'content-type': 'text/csv' },
      payload,
    });
  const newLoop = (of: Store = store()) =>
    new AudienceLoop({ store: of, clock: api.clock, wake, logger: silentLogger, metrics });
  /** Asks until it is so; real time passes only while the loop works. */
  const until = async (isSo: () => Promise<boolean>) => {
    const end = performance.now() + 20_000;
    while (!(await isSo())) {
      assert.ok(performance.now() < end, 'it never comes');
      await nextTurn();
    }
  };

  it('imports, and finds the members of segments, as soon as it is told to', async () => {
    const loop = newLoop();
    loop.start();
    try {
      await api.call('PUT', '/v1/segments/pro', { rule: { attribute: 'plan', is: 'pro' } });
      const segment = async () => (await api.call('GET', '/v1/segments/pro')).body;
      await until(async () => (await segment()).state === 'ready');
      const text = `id,attributes.plan\n${Array.from({ length: 50 }, (_, i) => `u${i},${i % 2 ? 'pro' : 'free'}\n`).join('')}`;
      const { id } = (await post(text)).json();
      await until(async () => (await api.call('GET', `/v1/imports/${id}`)).body.state === 'done');
      await until(async () => (await segment()).count === 25);
      // Nobody tells of these; the next look finds them.
      await until(async () => api.clock.nextAt() !== null);
      await api.call('PUT', '/v1/users/u0', { attributes: { plan: 'pro' } });
      api.clock.advance(2_000);
      await until(async () => (await segment()).count === 26);
    } finally {
      await loop.stop();
    }
    const { values } = await metrics.importedRows.get();
    assert.ok(values.some(({ labels, value }) => labels.outcome === 'created' && value >= 50));
  });

  it('does with two at once what one does', async () => {
    const text = `id,attributes.n:number\n${Array.from({ length: 3_000 }, (_, i) => `two${i},${i}\n`).join('')}`;
    const ids: string[] = [];
    for (let i = 0; i < 2; i++) ids.push((await post(text)).json().id);
    await api.call('PUT', '/v1/segments/upper', { rule: { attribute: 'n', atLeast: 1_500 } });
    const loops = [newLoop(), newLoop()];
    for (let isBusy = true; isBusy; )
      isBusy = (await Promise.all(loops.map((loop) => loop.step()))).some(Boolean);
    const rows = [];
    for (const id of ids) rows.push((await api.call('GET', `/v1/imports/${id}`)).body.rows);
    assert.equal(
      rows.reduce((sum, { created }) => sum + created, 0),
      3_000,
    );
    assert.equal(
      rows.reduce((sum, { read }) => sum + read, 0),
      6_000,
    );
    const { state, count } = (await api.call('GET', '/v1/segments/upper')).body;
    assert.deepEqual([state, count], ['ready', 1_500]);
  });

  it('forgets a file that does not come on after a day, and what became of others after thirty', async () => {
    const started = await server.inject({
      method: 'POST',
      url: '/v1/imports?more=true',
      headers: { authorization: 'Bearer live', 'content-type': 'text/csv' },
      payload: 'id\nx\n',
    });
    const over = (await post('id\ny\n')).json().id;
    const statusAfter = async (days: number) => {
      api.clock.advance(days * 24 * 3_600_000);
      const loop = newLoop();
      const nap = api.clock.nextAt();
      loop.start();
      await until(async () => api.clock.nextAt() !== nap);
      await loop.stop();
      const statuses = [];
      for (const id of [started.json().id, over])
        statuses.push((await api.call('GET', `/v1/imports/${id}`)).status);
      return statuses;
    };
    assert.deepEqual(await statusAfter(0.9), [200, 200]);
    assert.deepEqual(await statusAfter(0.2), [404, 200]);
    assert.deepEqual(await statusAfter(28), [404, 200]);
    assert.deepEqual(await statusAfter(3), [404, 404]);
  });

  it('is not held up by work of one kind that fails', async () => {
    await api.call('PUT', '/v1/segments/all', { rule: { not: { locale: 'xx' } } });
    const broken = Object.assign(Object.create(store()), {
      transaction: (work: (db: unknown) => Promise<unknown>) =>
        store().transaction((db) =>
          work({
            query: (statement: string | { text: string }, values: unknown[]) => {
              const text = typeof statement === 'string' ? statement : statement.text;
              if (text.includes('audience_changes')) throw new Error('broken');
              return db.query(statement as string, values);
            },
          }),
        ),
    });
    await api.call('PUT', '/v1/users/change', {});
    const loop = newLoop(broken);
    for (let i = 0; i < 3; i++) await assert.rejects(loop.step(), /broken/);
    assert.equal((await api.call('GET', '/v1/segments/all')).body.state, 'ready');
    const { rows } = await store().engine.query('select count(*) as n from audience_changes');
    assert.ok(rows[0].n > 0, 'what failed is still to be done');
    while (await newLoop().step());
  });
});
