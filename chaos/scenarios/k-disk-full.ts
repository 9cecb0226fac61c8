import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startPostgres, type TestCluster } from '../../test/support/postgres.ts';
import { underLoad } from '../load.ts';
import type { Findings, Plan, Scenario } from '../scenario.ts';
import { createDatabase, prepareCluster } from '../world.ts';

const DISK_MB = 200;

/** PostgreSQL's disk fills up: nothing may be acknowledged that is not stored, and with room again all goes on. */
export default {
  id: 'k',
  title: "PostgreSQL's disk is full, then has room again",
  share: 0,
  obstacle: () => (canMount() ? null : 'needs the right to mount a tmpfs'),
  run,
} satisfies Scenario;

async function run(plan: Plan): Promise<Findings> {
  const disk = mkdtempSync(join(tmpdir(), 'bellhop-disk-'));
  mount(disk);
  let cluster: TestCluster | null = null;
  try {
    chmodSync(disk, 0o755);
    // Small files of the log, so that it is the log too that finds no room.
    cluster = await startPostgres(['-c', 'max_wal_size=48MB', '-c', 'min_wal_size=32MB'], disk);
    await prepareCluster(cluster.url);
    const databaseUrl = await createDatabase(cluster.url);
    const server = cluster;
    return await underLoad({ plan, databaseUrl }, async ({ db }) => {
      await wait(1_500);
      const refusals = await fill(disk, () => db.query('create table if not exists filler as select 1'));
      await wait(plan.isQuick ? 4_000 : 15_000);
      rmSync(join(disk, 'filler'));
      // A log that cannot be written ends PostgreSQL; its supervisor starts it again.
      await server.start().catch(() => {});
      await wait(3_000);
      return { count: 1, note: `full for a while${refusals ? ', PostgreSQL refused writes' : ''}` };
    });
  } finally {
    await cluster?.stop().catch(() => {});
    spawnSync('umount', ['-l', disk]);
    rmSync(disk, { recursive: true, force: true });
  }
}

/** Takes every free byte; true when the database then refuses to write. */
async function fill(disk: string, write: () => Promise<unknown>): Promise<boolean> {
  const { bavail, bsize } = statfsSync(disk);
  try {
    writeFileSync(join(disk, 'filler'), Buffer.alloc(bavail * bsize));
  } catch {}
  return write().then(
    () => false,
    () => true,
  );
}

function canMount(): boolean {
  if (process.platform !== 'linux') return false;
  const probe = mkdtempSync(join(tmpdir(), 'bellhop-disk-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', probe]);
  if (status === 0) spawnSync('umount', [probe]);
  rmSync(probe, { recursive: true, force: true });
  return status === 0;
}

function mount(disk: string): void {
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tmpfs', disk]);
  if (status !== 0) throw new Error(`a tmpfs could not be mounted: ${stderr}`);
}
