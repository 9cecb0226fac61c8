import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';
import type { Queryable, Store } from '../store/index.ts';
import { addKey } from './keys.ts';
import { writePrivateFile } from './private-file.ts';
import { insertMark } from './tenant-store.ts';
import { DEFAULT_TENANT, ensureDefaultTenant } from './tenants.ts';

const FIRST_START = 'first-start';

export interface FirstKeys {
  live: Secret;
  test: Secret;
  /** The file that holds them, when there is a data folder. */
  file: string | null;
}

export interface BootstrapOptions {
  store: Store;
  clock: Clock;
  dataDir?: string;
  /** With it, no keys are made. */
  bootstrapKey?: string;
}

/**
 * Makes the tenant `default` and, on the very first start of an installation, its two first keys: they are
 * returned by the one process that made them and null ever after.
 */
export async function bootstrapInstance(
  options: BootstrapOptions,
): Promise<{ tenantId: string; firstKeys: FirstKeys | null }> {
  const { store, clock, dataDir, bootstrapKey } = options;
  const tenantId = await ensureDefaultTenant(store, clock);
  const firstKeys = await store.transaction(async (db) => {
    const now = clock.now();
    // Another process that starts now waits here for our commit, and then finds the mark.
    const isFirst = await insertMark(db, FIRST_START, { at: new Date(now).toISOString() });
    return isFirst && bootstrapKey === undefined ? makeFirstKeys(db, { tenantId, now, dataDir }) : null;
  });
  return { tenantId, firstKeys };
}

async function makeFirstKeys(
  db: Queryable,
  { tenantId, now, dataDir }: { tenantId: string; now: number; dataDir?: string },
): Promise<FirstKeys> {
  const make = async (name: string, live: boolean) =>
    (await addKey(db, { tenantId, name, live, scopes: ['owner'], expiresAt: null }, now)).key;
  const live = await make('First live key', true);
  const test = await make('First test key', false);
  // Before the commit: a crash in between leaves keys that do not work, not keys that nobody knows.
  const file = dataDir === undefined ? null : writeCredentials(dataDir, { live, test, now });
  return { live, test, file };
}

function writeCredentials(dataDir: string, keys: { live: Secret; test: Secret; now: number }): string {
  const file = join(dataDir, 'credentials.json');
  const content = {
    tenant: DEFAULT_TENANT,
    liveKey: keys.live.reveal(),
    testKey: keys.test.reveal(),
    createdAt: new Date(keys.now).toISOString(),
  };
  writePrivateFile(file, `${JSON.stringify(content, null, 2)}\n`);
  return file;
}
