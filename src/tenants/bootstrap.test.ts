import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { openEmbeddedTestStore, openPostgresTestStore, stopOwnCluster } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import type { Store } from '../store/index.ts';
import { createAuthenticator } from './authenticator.ts';
import { bootstrapInstance } from './bootstrap.ts';
import { dumpTables } from './testing.ts';

const clock = new FakeClock();

for (const [kind, open] of [
  ['the embedded store', openEmbeddedTestStore],
  ['PostgreSQL', () => openPostgresTestStore(2)],
] as [string, () => Promise<Store>][]) {
  describe(`the first start on ${kind}`, () => {
    after(stopOwnCluster);

    async function within(work: (store: Store, dataDir: string) => Promise<void>): Promise<void> {
      const dataDir = mkdtempSync(join(tmpdir(), 'bellhop-bootstrap-'));
      const store = await open();
      try {
        await work(store, dataDir);
      } finally {
        await store.close();
        rmSync(dataDir, { recursive: true });
      }
    }

    it('makes one live and one test key with the rights of the owner, and writes them to a private file', () =>
      within(async (store, dataDir) => {
        const { tenantId, firstKeys } = await bootstrapInstance({ store, clock, dataDir });
        const authenticate = createAuthenticator({ store, clock });
        for (const live of [true, false]) {
          const token = (live ? firstKeys!.live : firstKeys!.test).reveal();
          const credential = await authenticate(token);
          assert.deepEqual(
            { ...credential, keyId: null },
            { keyId: null, tenantId, live, scopes: ['owner'] },
          );
        }
        const file = join(dataDir, 'credentials.json');
        assert.equal(firstKeys!.file, file);
        assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), {
          tenant: 'default',
          liveKey: firstKeys!.live.reveal(),
          testKey: firstKeys!.test.reveal(),
          createdAt: new Date(clock.now()).toISOString(),
        });
        assert.equal(statSync(file).mode & 0o777, 0o600);
      }));

    it('happens once, even if several processes start together', () =>
      within(async (store, dataDir) => {
        const starts = await Promise.all([1, 2, 3].map(() => bootstrapInstance({ store, clock, dataDir })));
        assert.equal(starts.filter((start) => start.firstKeys !== null).length, 1);
        assert.equal(new Set(starts.map((start) => start.tenantId)).size, 1);
        assert.equal((await bootstrapInstance({ store, clock, dataDir })).firstKeys, null);
        const { rows } = await store.engine.query('select count(*) from api_keys');
        assert.equal(rows[0].count, 2);
      }));

    it('makes no keys when there is a bootstrap key, and neither later without it', () =>
      within(async (store, dataDir) => {
        const bootstrapKey = 'an operator typed this long text here';
        assert.equal((await bootstrapInstance({ store, clock, dataDir, bootstrapKey })).firstKeys, null);
        assert.equal((await bootstrapInstance({ store, clock, dataDir })).firstKeys, null);
        assert.ok(!(await dumpTables(store)).includes(bootstrapKey));
      }));
  });
}
