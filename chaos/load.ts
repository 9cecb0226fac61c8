import type { Fleet } from './fleet.ts';
import type { Findings, Plan } from './scenario.ts';
import { Sender } from './sender.ts';
import { createDatabase, openWorld, settle, type World } from './world.ts';

export interface LoadOptions {
  plan: Plan;
  /** Of each process; default: as many as the plan says, each doing everything. */
  roles?: string[];
  perSecond?: number;
  /** Retries come after seconds instead of minutes. */
  priority?: 'high';
  /** Where the database is, when the scenario brings its own. */
  databaseUrl?: string;
  settleMs?: number;
  /** After the database is there, before the first process starts. */
  prepare?(databaseUrl: string): Promise<void>;
}

/** What a scenario did to the world while messages were sent. */
export interface Deed {
  /** Kills, stops, jumps or restarts. */
  count: number;
  note: string;
  /** Looked into after everything settled. */
  check?(): Promise<string[]>;
}

/** Opens a world, sends all the while the scenario does its worst, waits until all has settled, makes up the books. */
export async function underLoad(
  options: LoadOptions,
  act: (world: World) => Promise<Deed>,
): Promise<Findings> {
  const { plan } = options;
  const databaseUrl = options.databaseUrl ?? (await createDatabase(plan.clusterUrl));
  await options.prepare?.(databaseUrl);
  const roles = options.roles ?? Array.from({ length: plan.fleet }, () => 'all');
  const world = await openWorld({ databaseUrl, roles, env: plan.env });
  try {
    const sender = new Sender(world.fleet, {
      perSecond: options.perSecond ?? 40,
      priority: options.priority,
    });
    sender.start();
    const deed = await act(world);
    await world.fleet.whole();
    const account = await settle(world, await sender.stop(), options.settleMs);
    const failures = [...((await deed.check?.()) ?? []), ...survivors(world.fleet)];
    return { kills: deed.count, account, failures, note: deed.note };
  } finally {
    await world.end();
  }
}

/** Processes that ended although nobody killed them. */
function survivors(fleet: Fleet): string[] {
  return fleet.posts.flatMap(({ name, bellhop }) =>
    bellhop && !isAlive(bellhop.pid) ? [`${name} ended by itself:\n${bellhop.output().slice(-2_000)}`] : [],
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
