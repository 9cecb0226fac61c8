import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { createServer, type Server } from '../http/index.ts';
import { registerLedgerRoutes } from '../ledger/index.ts';
import { insertDelivery, insertNotification, readDelivery } from '../ledger/testing.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import { run } from './index.ts';

describeStores('the commands for problems', (store) => {
  let app: Server;
  let address: string[];
  let notification: string;
  const tenantId = uuidv7(1);
  const printed: string[] = [];
  const { log, error } = console;

  before(async () => {
    await store().engine.query(
      "insert into tenants (id, slug, name, created_at) values ($1, 'cli', 'Tenant', $2)",
      [tenantId, new Date(1)],
    );
    notification = await insertNotification(store(), tenantId);
    app = await createServer({
      authenticate: (token) =>
        token === 'key' ? { keyId: 'key', tenantId, live: true, scopes: ['owner'] } : null,
      clock: store().clock,
      logger: silentLogger,
      version: '0',
      bodyLimit: 100_000,
      requestsPerSecondPerKey: 0,
      authFailuresPerSecondPerAddress: 0,
      trustProxy: false,
    });
    registerLedgerRoutes(app, { store: store(), clock: store().clock, wake: { signal() {} } });
    address = ['--key', 'key', '--url', await app.listen({ port: 0, host: '127.0.0.1' })];
    console.log = console.error = (text: string) => void printed.push(text);
  });
  after(async () => {
    Object.assign(console, { log, error });
    await app.close();
  });
  beforeEach(async () => {
    await store().engine.query('truncate deliveries');
    printed.length = 0;
  });
  const deliver = (state: 'dead' | 'unknown', columns: object = {}) =>
    insertDelivery(store(), tenantId, {
      id: uuidv7(store().clock.now() - 60_000),
      notification_id: notification,
      state,
      reason: 'timeout',
      ...columns,
    });

  it('list by filter, and say how many', async () => {
    const [dead, other] = [await deliver('dead'), await deliver('dead', { reason: 'other' })];
    const unknown = await deliver('unknown');
    assert.equal(await run(['problems', ...address]), 0);
    for (const id of [dead, other, unknown]) assert.ok(printed.some((line) => line.startsWith(id)));
    printed.length = 0;
    assert.equal(await run(['problems', '--state', 'dead', '--reason', 'timeout', ...address]), 0);
    assert.equal(printed.length, 2);
    assert.ok(
      printed[0]!.startsWith(dead) && printed[0]!.includes('sms over texts (timeout)'),
      printed.join(),
    );
    assert.equal(printed[1], 'dead: 1 shown');
    assert.equal(await run(['problems', '--state', 'fine', ...address]), 1);
    assert.equal(await run(['problems', '--limit', 'many', ...address]), 2);
  });

  it('send again by ids and tell what was refused', async () => {
    const [dead, unknown] = [await deliver('dead'), await deliver('unknown')];
    assert.equal(await run(['replay', dead, unknown, ...address]), 1);
    assert.deepEqual(printed, [`${unknown}  refused: wrong_state (it is unknown)`, '1 done, 1 refused']);
    assert.equal((await readDelivery(store(), dead)).state, 'queued');
  });

  it('start a replay by filter, show it and cancel it', async () => {
    assert.equal(await run(['replay', '--state', 'dead', '--rate', '7', ...address]), 0);
    const id = /^Replay (\S+): running, 0 queued so far, 7 a second$/.exec(printed[0]!)?.[1] ?? '';
    assert.notEqual(id, '', printed.join());
    assert.equal(await run(['replay', '--cancel', id, ...address]), 0);
    printed.length = 0;
    assert.equal(await run(['replay', '--show', id, ...address]), 0);
    assert.match(printed[0]!, /: cancelled, 0 queued/);
    assert.equal(await run(['replay', ...address]), 2);
  });

  it('settle by ids and by filter, never everything by mistake', async () => {
    const [one, two, three] = [
      await deliver('unknown'),
      await deliver('unknown', { code: 'x' }),
      await deliver('unknown'),
    ];
    assert.equal(await run(['settle', '--as', 'sent', ...address]), 2);
    assert.equal(await run(['settle', one, ...address]), 2);
    assert.equal(await run(['settle', one, '--as', 'sent', '--note', 'seen', ...address]), 0);
    assert.equal(await run(['settle', '--code', 'x', '--as', 'failed', ...address]), 0);
    const states = [];
    for (const id of [one, two, three]) states.push((await readDelivery(store(), id)).state);
    assert.deepEqual(states, ['sent', 'failed', 'unknown']);
    assert.equal((await readDelivery(store(), one)).interventions[0].note, 'seen');
    assert.equal(await run(['settle', '--all', '--as', 'queued', ...address]), 0);
    assert.equal((await readDelivery(store(), three)).state, 'queued');
  });
});
