import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { UsageError } from '../src/cli/usage.ts';
import { startPostgres } from '../test/support/postgres.ts';
import { measureParts } from './parts.ts';
import type { Row } from './row.ts';
import { FULL, QUICK } from './sizes.ts';

/** Unless told otherwise, the full form keeps its large databases here. */
const KEEP_IN = fileURLToPath(new URL('../node_modules/.cache/bellhop/', import.meta.url));

/**
 * `bellhop bench`: P1 (durable accept), P2 (end to end), P3 (campaign), P4 (the queue alone), P5 (high priority during
 * P3), P6 (P1 and P2, embedded), P7 (channels), P9 (idle), P10 (another tenant during P3) and P11 (age, old snapshots),
 * each against a limit that is measured in the same run. By name only: `resilience` (R1 to R4, the road under trouble),
 * `receipts` (what vendors report, at full speed, beside accepting), `streams` (open streams of inboxes) and `soak` (minutes
 * of steady load). Bounded in time; ends by itself and leaves nothing behind but what is kept.
 */
export async function bench(args: string[]): Promise<number> {
  const startedAt = performance.now();
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      keep: { type: 'string' },
      minutes: { type: 'string', default: '10' },
      profile: { type: 'string' },
      rate: { type: 'string' },
    },
  });
  if (values.profile) profileChildren(values.profile);
  const sizes = values.quick ? QUICK : FULL;
  const keepIn = values.keep ? resolve(values.keep) : values.quick ? null : KEEP_IN;
  const soak = {
    minutes: positive('--minutes', values.minutes),
    rate: values.rate === undefined ? null : positive('--rate', values.rate),
  };
  const wanted = new Set(positionals.map((id) => id.toUpperCase()));
  const [load] = loadavg();
  const postgres = await startPostgres(['-c', 'shared_buffers=256MB']);
  // Several Bellhops use this database one after the other, so the key cannot live in each one's folder.
  const env = { DATABASE_URL: postgres.url, BELLHOP_MASTER_KEY: randomBytes(32).toString('base64') };
  let rows: Row[];
  try {
    rows = await measureParts({ sizes, wanted, keepIn, soak }, { postgres, env });
  } finally {
    await postgres.stop();
  }
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  printTable(rows);
  console.log(
    `\nTook ${seconds} s. Others kept a load of ${load!.toFixed(1)} on this machine when it began.`,
  );
  if (values.json)
    writeFileSync(values.json, JSON.stringify({ machine: machine(), seconds, load, sizes, rows }, null, 2));
  return 0;
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new UsageError(`${option} must be a number above 0.`);
  return value;
}

/** Every process that is started from now on writes its CPU profile into `folder` when it ends. */
function profileChildren(folder: string): void {
  const flags = ['--cpu-prof', `--cpu-prof-dir=${resolve(folder)}`];
  process.execArgv.push(...flags);
  process.env.BELLHOP_TEST_NODE_ARGS = flags.join(' ');
}

function machine(): string {
  const [cpu] = cpus();
  return `${cpus().length} × ${cpu?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`;
}

function printTable(rows: Row[]): void {
  console.log(`\nOn ${machine()}, load generator, database and mock provider included:\n`);
  console.log('| id | what | measured | limit | ratio | goal | met |\n|---|---|---|---|---|---|---|');
  for (const { id, what, value, limit, ratio, goal, met } of rows) {
    console.log(`| ${id} | ${what} | ${value} | ${limit} | ${ratio} | ${goal} | ${met ? 'yes' : 'no'} |`);
  }
}
