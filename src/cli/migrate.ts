import { parseArgs } from 'node:util';
import { loadConfig } from '../config/index.ts';
import { migrate, openStore, pendingMigrations } from '../store/index.ts';

/** `bellhop migrate`: exit code 0 when the schema is (now) up to date, 1 when `--check` finds something pending. */
export async function migrateCommand(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { check: { type: 'boolean', default: false } } });
  const { databaseUrl, dataDir } = loadConfig();
  const store = await openStore({ databaseUrl, dataDir, poolSize: 1, migrate: false });
  try {
    const pending = await pendingMigrations(store.engine);
    const names = pending.map(({ number, name }) => `${number} ${name}`);
    if (values.check) {
      console.log(pending.length === 0 ? 'The schema is up to date.' : `Pending: ${names.join(', ')}`);
      return pending.length === 0 ? 0 : 1;
    }
    await migrate(store.engine);
    console.log(pending.length === 0 ? 'The schema was up to date already.' : `Applied: ${names.join(', ')}`);
    return 0;
  } finally {
    await store.close();
  }
}
