import type { Store } from '../../src/store/index.ts';
import { insertAccounts } from './accounts.ts';
import { Customers } from './customers.ts';
import { type Evidence, judge, loadEvidence } from './invariants.ts';
import { World } from './world.ts';

const PROCESSES = 3;
const LONGEST_QUIET_MS = 1_200_000;
const QUIET_STEP_MS = 30_000;

export interface Report {
  digest: string;
  problems: string[];
  lines: string[];
  counts: Record<string, number>;
}

const ACTIONS = {
  ask: 50,
  cancel: 8,
  change: 4,
  replay: 4,
  crash: 3,
  crashSoon: 4,
  stop: 4,
  resume: 6,
  start: 6,
};

/** One run on an empty store: `steps` things happen at random moments, then everything comes to rest and is judged. */
export async function simulate(store: Store, seed: number, steps: number): Promise<Report> {
  await insertAccounts(store);
  const world = new World(store, seed);
  const customers = new Customers(world);
  await world.prepare();
  for (let i = 0; i < PROCESSES; i++) world.startProcess();
  await world.pass(1_000);
  for (let step = 0; step < steps; step++) {
    act(world, customers);
    await world.pass(world.random.pick([0, 1, 7, 50, 300, 2_000]) + (world.random.chance(0.03) ? 15_000 : 0));
  }
  await comeToRest(world);
  const evidence = await loadFinal(world);
  const problems = judge(world, customers, evidence);
  for (const row of evidence.deliveries)
    world.log.add('end', row.id, row.state, row.attempt, row.retries, row.reason, row.connection);
  return { digest: world.log.digest(), problems, lines: world.log.lines, counts: count(evidence, world) };
}

function act(world: World, customers: Customers): void {
  const { random, processes, log } = world;
  const running = processes.filter(({ lifeline }) => !lifeline.isStopped);
  const action = random.weighted(ACTIONS);
  if (processes.length === 0 || (action === 'start' && processes.length < PROCESSES + 1)) {
    world.startProcess();
    return;
  }
  const victim = random.pick(processes).lifeline;
  switch (action) {
    case 'ask':
      for (let n = random.pick([1, 1, 2, 8]); n > 0; n--) void customers.ask();
      return;
    case 'cancel':
    case 'change':
    case 'replay':
      void customers[action]();
      return;
    case 'crash':
      victim.crash();
      return;
    case 'crashSoon':
      log.add('crash soon', victim.name);
      victim.crashAfter(random.between(0, 30));
      return;
    case 'stop':
      if (running.length === 0) return;
      log.add('stop', victim.name);
      victim.stop();
      return;
    case 'resume':
      log.add('resume', victim.name);
      victim.resume();
      return;
  }
}

/** No new trouble: the stopped go on, one process at least is alive, and time passes until nothing is due. */
async function comeToRest(world: World): Promise<void> {
  Object.assign(world.faults, { refused: 0, answerLost: 0, stalled: 0 });
  world.vendors.isHealing = true;
  for (const { lifeline } of world.processes) {
    lifeline.crashAfter(Number.POSITIVE_INFINITY);
    lifeline.resume();
  }
  await world.pass(1_000);
  if (world.processes.length === 0) world.startProcess();
  for (let waited = 0; waited < LONGEST_QUIET_MS && (await isBusy(world)); waited += QUIET_STEP_MS)
    await world.pass(QUIET_STEP_MS);
  // The last one leaves when the sweep had time for what the others left behind.
  for (const process of world.processes.slice(1)) await world.until(process.stop());
  await world.pass(15_000);
  for (const process of world.processes.slice(0, 1)) await world.until(process.stop());
}

async function isBusy(world: World): Promise<boolean> {
  const { rows } = await world.until(
    world.store.engine.query(
      `select exists (select 1 from unrouted)
           or exists (select 1 from digests where finished_at is null)
           or exists (select 1 from deliveries where state in ('queued', 'sending', 'unknown')) as busy`,
    ),
  );
  return rows[0].busy;
}

function loadFinal(world: World): Promise<Evidence> {
  return world.until(loadEvidence(world));
}

function count(evidence: Evidence, world: World): Record<string, number> {
  const counts: Record<string, number> = {
    notifications: evidence.notifications.length,
    requests: world.vendors.sendings.length,
    virtualSeconds: Math.round((world.clock.now() - world.startedAt) / 1000),
  };
  for (const { state } of evidence.deliveries) counts[state] = (counts[state] ?? 0) + 1;
  for (const { result } of evidence.digests)
    counts[`digests ${result}`] = (counts[`digests ${result}`] ?? 0) + 1;
  return counts;
}
