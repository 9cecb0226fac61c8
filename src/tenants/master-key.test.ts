import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, test } from 'node:test';
import { openEmbeddedTestStore, openPostgresTestStore, stopOwnCluster } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import type { Store } from '../store/index.ts';
import { ensureDataKey, rewrapDataKeys } from './data-keys.ts';
import { loadOrCreateMasterKey, parseMasterKey } from './master-key.ts';
import { makeTenant } from './testing.ts';

const clock = new FakeClock();

test('32 bytes in base64 are the key itself, in either alphabet', () => {
  const key = randomBytes(32);
  assert.deepEqual(parseMasterKey(key.toString('base64')).key, key);
  assert.deepEqual(parseMasterKey(key.toString('base64url')).key, key);
});

test('any other text of 32 characters or more always gives the same key', () => {
  const text = 'correct horse battery staple, and more of it';
  assert.equal(parseMasterKey(text).key.length, 32);
  assert.deepEqual(parseMasterKey(text), parseMasterKey(text));
  assert.notEqual(parseMasterKey(`${text}.`).id, parseMasterKey(text).id);
  assert.throws(() => parseMasterKey('too short'), /32 characters/);
});

for (const [kind, open] of [
  ['the embedded store', openEmbeddedTestStore],
  ['PostgreSQL', () => openPostgresTestStore(2)],
] as [string, () => Promise<Store>][]) {
  describe(`the master key on ${kind}`, () => {
    let store: Store;
    let dataDir: string;
    before(async () => {
      store = await open();
      dataDir = mkdtempSync(join(tmpdir(), 'bellhop-master-key-'));
    });
    after(async () => {
      await store.close();
      rmSync(dataDir, { recursive: true });
      await stopOwnCluster();
    });
    const load = (options: object) => loadOrCreateMasterKey({ store, ...options });

    it('is made once, in a file for its owner only, by whoever comes first', async () => {
      const loaded = await Promise.all([load({ dataDir }), load({ dataDir }), load({ dataDir })]);
      assert.equal(new Set(loaded.map((keys) => keys.current.id)).size, 1);
      assert.equal((await load({ dataDir })).current.id, loaded[0]!.current.id);
      assert.equal(statSync(join(dataDir, 'master.key')).mode & 0o777, 0o600);
    });

    it('can be any as long as nothing is encrypted', async () => {
      const { current } = await load({ dataDir });
      const value = randomBytes(32).toString('base64');
      assert.notEqual((await load({ dataDir, value })).current.id, current.id);
    });

    it('is asked for by name when it is missing or another one, and none is made then', async () => {
      const { current } = await load({ dataDir });
      const tenantId = await makeTenant(store, clock.now());
      await ensureDataKey(store.engine, { tenantId, masterKey: current, now: clock.now() });
      const file = join(dataDir, 'master.key');
      const content = readFileSync(file, 'utf8');
      rmSync(file);
      const named = new RegExp(`master key ${current.id}`);
      await assert.rejects(load({ dataDir }), named);
      await assert.rejects(load({ value: randomBytes(32).toString('base64') }), named);
      assert.throws(() => statSync(file), { code: 'ENOENT' });
      writeFileSync(file, content);
    });

    it('can be exchanged: the previous one is needed until the data keys are wrapped again', async () => {
      const before = readFileSync(join(dataDir, 'master.key'), 'utf8').trim();
      const value = randomBytes(32).toString('base64');
      await assert.rejects(load({ value }));
      const keys = await load({ value, previousValues: [before] });
      assert.equal(await rewrapDataKeys(store, keys), 1);
      assert.equal((await load({ value })).current.id, keys.current.id);
      await assert.rejects(load({ dataDir }), new RegExp(`master key ${keys.current.id}`));
    });
  });
}
