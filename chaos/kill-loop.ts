import { setTimeout as wait } from 'node:timers/promises';
import type { Fleet, Kill, Post } from './fleet.ts';
import type { Moment } from './moments.ts';
import type { Accepted } from './provider-peer.ts';
import type { Findings, Plan } from './scenario.ts';
import { Sender } from './sender.ts';
import { createDatabase, openWorld, settle, type World } from './world.ts';

const PER_SECOND = 40;
const SPRING_TIMEOUT_MS = 30_000;

/** A kill at the provider's: the request it had accepted. */
export type KillAt = Kill & { accepted?: Accepted; when?: 'before-answer' | 'after-answer' };

/** Kills one process after the other at given moments, while the others go on; each is started again at once. */
export async function killAt(
  moments: Moment[],
  plan: Plan,
  check: (world: World, made: KillAt[]) => Promise<string[]> = async () => [],
): Promise<Findings> {
  const roles = Array.from({ length: plan.fleet }, () => 'all');
  const world = await openWorld({ databaseUrl: await createDatabase(plan.clusterUrl), roles, env: plan.env });
  try {
    const sender = new Sender(world.fleet, { perSecond: PER_SECOND });
    sender.start();
    const made: KillAt[] = [];
    for (let n = 0; n < plan.kills; n++) {
      made.push(await killOnce(world, moments[n % moments.length]!));
      if ((n + 1) % 50 === 0) plan.log(`${n + 1} of ${plan.kills} kills`);
      // Not always on the heels of the last one.
      await wait(plan.random() * 100);
    }
    await world.fleet.whole();
    const account = await settle(world, await sender.stop());
    return { kills: made.length, account, failures: await check(world, made), note: '' };
  } finally {
    await world.end();
  }
}

async function killOnce(world: World, moment: Moment): Promise<KillAt> {
  // Two starts at most are under way: more of them would leave the living nothing of the processors.
  const alive = await world.fleet.atLeast(Math.max(2, world.fleet.posts.length - 1));
  return moment.at === 'postgres'
    ? killAtPostgres(world.fleet, alive, moment)
    : killAtPeer(world, moment.when);
}

/** Kills whichever of the processes comes to the moment first. */
function killAtPostgres(
  fleet: Fleet,
  posts: Post[],
  { trap }: Extract<Moment, { at: 'postgres' }>,
): Promise<KillAt> {
  return inTime(`no ${trap.statement} came by: was the statement renamed (chaos/moments.ts)?`, (resolve) => {
    for (const post of posts) {
      post.proxy.set({
        ...trap,
        spring: () => {
          for (const other of posts) other.proxy.clear();
          resolve(fleet.kill(post));
          return false;
        },
      });
    }
  });
}

/** Kills whichever process sent the next accepted request. */
function killAtPeer({ fleet, peer }: World, when: 'before-answer' | 'after-answer'): Promise<KillAt> {
  return inTime<KillAt>('no request reached the provider', (resolve) => {
    peer.onMoment = (moment, accepted) => {
      if (moment !== when) return;
      const post = fleet.postOf(accepted.deliveryId);
      if (!post) return;
      peer.onMoment = () => {};
      resolve({ ...fleet.kill(post), accepted, when });
    };
  });
}

function inTime<T>(complaint: string, start: (resolve: (value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(complaint)), SPRING_TIMEOUT_MS);
    start((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
