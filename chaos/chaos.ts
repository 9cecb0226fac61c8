import { rmSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { UsageError } from '../src/cli/usage.ts';
import { startPostgres } from '../test/support/postgres.ts';
import { makeCompiled } from './compiled.ts';
import { type Plan, type Scenario, seededRandom } from './scenario.ts';
import { SCENARIOS } from './scenarios/index.ts';
import {
  brokenRow,
  LONGEST_RECOVERY_SECONDS,
  machine,
  printTable,
  type Row,
  skippedRow,
  toRow,
} from './table.ts';
import { createDatabase, prepareCluster } from './world.ts';

const FULL = { kills: 1_000, fleet: 4, atOnce: 1 };
const QUICK = { kills: 10, fleet: 2, atOnce: 7 };
/** What the short form runs when nothing is named: what needs neither a database of its own nor minutes. */
const QUICK_SCENARIOS = ['a', 'b', 'c', 'd', 'j', 'm', 'n'];
const MAX_CONNECTIONS = ['-c', 'max_connections=500'];

export interface ChaosRun {
  scenarios: Scenario[];
  kills: number;
  fleet: number;
  /** Scenarios that run side by side; each has a database of its own. */
  atOnce: number;
  isQuick: boolean;
  /** Seconds in which the work of a killed process must go on; a test on a busy machine allows more. */
  longestRecovery: number;
  seed: number;
  log(line: string): void;
}

/** `bellhop chaos`: faults of all kinds on real processes, and the books afterwards. 1 when an invariant is broken. */
export async function chaos(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      kills: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      seed: { type: 'string' },
    },
  });
  const sizes = values.quick ? QUICK : FULL;
  const seed = numberOf('--seed', values.seed) ?? Date.now() % 1_000_000;
  const kills = numberOf('--kills', values.kills) ?? sizes.kills;
  const scenarios = select(positionals.length === 0 && values.quick ? QUICK_SCENARIOS : positionals);
  console.log(`Seed ${seed}. Scenarios: ${scenarios.map(({ id }) => id).join(' ')}.`);
  const [load] = loadavg();
  const log = (line: string) => console.log(line);
  const longestRecovery = LONGEST_RECOVERY_SECONDS;
  const rows = await runChaos({
    ...sizes,
    scenarios,
    kills,
    seed,
    isQuick: values.quick,
    longestRecovery,
    log,
  });
  printTable(rows);
  console.log(`\nOthers kept a load of ${load!.toFixed(1)} on this machine when it began.`);
  if (values.json)
    writeFileSync(values.json, JSON.stringify({ machine: machine(), load, seed, rows }, null, 2));
  return rows.some(({ result }) => result === 'BROKEN') ? 1 : 0;
}

/** Runs scenarios and returns their rows in order. Starts its own PostgreSQL and leaves nothing behind. */
export async function runChaos(run: ChaosRun): Promise<Row[]> {
  const cluster = await startPostgres(MAX_CONNECTIONS);
  let compiled: Awaited<ReturnType<typeof makeCompiled>> | null = null;
  try {
    await prepareCluster(cluster.url);
    compiled = await makeCompiled(await createDatabase(cluster.url));
    const shares = run.scenarios.reduce((sum, { share }) => sum + share, 0) || 1;
    const shared = { clusterUrl: cluster.url, env: compiled.env, shares };
    const rows: Row[] = [];
    const line = [...run.scenarios.entries()];
    const worker = async () => {
      for (let next = line.shift(); next; next = line.shift()) {
        rows[next[0]] = await runOne(next[1], run, shared);
      }
    };
    await Promise.all(Array.from({ length: run.atOnce }, worker));
    return rows;
  } finally {
    await cluster.stop();
    if (compiled) rmSync(compiled.folder, { recursive: true, force: true });
  }
}

async function runOne(
  scenario: Scenario,
  run: ChaosRun,
  shared: Pick<Plan, 'clusterUrl' | 'env'> & { shares: number },
): Promise<Row> {
  const obstacle = scenario.obstacle?.() ?? null;
  if (obstacle) return skippedRow(scenario, obstacle);
  const plan: Plan = {
    clusterUrl: shared.clusterUrl,
    env: shared.env,
    kills: Math.max(2, Math.round((run.kills * scenario.share) / shared.shares)),
    fleet: run.fleet,
    isQuick: run.isQuick,
    random: seededRandom(run.seed + scenario.id.charCodeAt(0)),
    log: (line) => run.log(`  ${scenario.id}: ${line}`),
  };
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1_000;
  const row = await scenario.run(plan).then(
    (findings) => toRow(scenario, findings, { seconds: seconds(), longestRecovery: run.longestRecovery }),
    (error) => brokenRow(scenario, error, seconds()),
  );
  const mark = row.result === 'held' ? '✔' : '✖';
  // Said at once too: a long run may be stopped before its table.
  for (const failure of row.failures.slice(0, 5)) run.log(`  ${row.id}: ${failure}`);
  run.log(
    `${mark} ${row.id} ${row.title}: ${row.kills} kills, ${row.lost} lost, ${row.seconds.toFixed(0)} s`,
  );
  return row;
}

function select(ids: string[]): Scenario[] {
  const unknown = ids.find((id) => !SCENARIOS.some((scenario) => scenario.id === id));
  if (unknown)
    throw new UsageError(
      `There is no scenario "${unknown}"; known are ${SCENARIOS.map(({ id }) => id).join(' ')}.`,
    );
  return ids.length === 0 ? SCENARIOS : SCENARIOS.filter(({ id }) => ids.includes(id));
}

function numberOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new UsageError(`${option} must be a whole number.`);
  return value;
}
