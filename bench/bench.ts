import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { startPostgres } from '../test/support/postgres.ts';
import { measureAccept, measureBareFastify } from './accept.ts';
import { measureChannels } from './channels.ts';
import { measureEndToEnd } from './end-to-end.ts';
import { measureIdle } from './idle.ts';
import { measureQueue } from './queue.ts';
import type { Row, Sizes } from './row.ts';

const FULL: Sizes = { seconds: 10, sustainedSeconds: 60, idleSeconds: 30, jobs: 20_000, channelSeconds: 10 };
const QUICK: Sizes = { seconds: 4, sustainedSeconds: 8, idleSeconds: 8, jobs: 4_000, channelSeconds: 1 };

/**
 * `bellhop bench`: P1 (durable accept), P2 (end to end), P4 (the queue alone), P6 (the first two,
 * embedded), P7 (channels), P9 (idle), each against a limit that
 * is measured in the same run. Bounded in time; ends by itself and leaves nothing behind.
 */
export async function bench(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { quick: { type: 'boolean', default: false }, json: { type: 'string' } },
  });
  const wanted = new Set(positionals.map((id) => id.toUpperCase()));
  const wants = (...ids: string[]) => wanted.size === 0 || ids.some((id) => wanted.has(id));
  const sizes = values.quick ? QUICK : FULL;
  const rows: Row[] = [];
  const report = (...more: Row[]) => {
    for (const row of more) console.log(`${row.met ? '✔' : '✖'} ${row.id} ${row.what}: ${row.value}`);
    rows.push(...more);
  };
  // Several Bellhops use this database one after the other, so the key cannot live in each one's folder.
  const masterKey = { BELLHOP_MASTER_KEY: randomBytes(32).toString('base64') };
  const postgres = wants('P1', 'P2', 'P4', 'P6', 'P9')
    ? await startPostgres(['-c', 'shared_buffers=256MB'])
    : null;
  try {
    if (wants('P1', 'P6')) {
      const limit = await measureBareFastify(sizes);
      const durable = await measureAccept(sizes, limit, { DATABASE_URL: postgres!.url, ...masterKey });
      report(...durable.rows);
      if (wants('P6')) report(...(await measureAccept(sizes, limit, {}, durable.perSecond)).rows);
    }
    if (wants('P2', 'P6')) {
      const onPostgres = await measureEndToEnd(sizes, { DATABASE_URL: postgres!.url, ...masterKey });
      report(...onPostgres.rows);
      if (wants('P6')) report(...(await measureEndToEnd(sizes, {}, onPostgres.perSecond)).rows);
    }
    if (wants('P4')) report(...(await measureQueue(sizes, postgres!.url)));
    if (wants('P7')) report(...(await measureChannels(sizes)));
    if (wants('P9')) report(...(await measureIdle(sizes, { DATABASE_URL: postgres!.url, ...masterKey })));
  } finally {
    await postgres?.stop();
  }
  printTable(rows);
  if (values.json) writeFileSync(values.json, JSON.stringify({ machine: machine(), sizes, rows }, null, 2));
  return 0;
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
