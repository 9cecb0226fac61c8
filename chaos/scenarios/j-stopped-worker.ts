import { setTimeout as wait } from 'node:timers/promises';
import { eventually } from '../../test/support/process.ts';
import { underLoad } from '../load.ts';
import { MOMENTS } from '../moments.ts';
import type { Scenario } from '../scenario.ts';
import { loadUnknownAttempts, type World } from '../world.ts';

/**
 * A worker is stopped with attempts in hand: claimed and not yet heard of, so that nothing was sent. Others take them
 * over. When it goes on, it must neither send nor write them.
 */
export default {
  id: 'j',
  title: 'SIGSTOP until declared dead, then CONT',
  share: 0,
  run: (plan) =>
    underLoad({ plan }, async (world) => {
      const stops = plan.isQuick ? [0] : [0, 60_000, 0];
      const failures: string[] = [];
      for (const extraMs of stops) failures.push(...(await stopOnce(world, extraMs)));
      return { count: stops.length, note: 'stops, up to 60 s beyond', check: async () => failures };
    }),
} satisfies Scenario;

async function stopOnce({ fleet, peer, db }: World, extraMs: number): Promise<string[]> {
  const post = fleet.posts.find(({ bellhop }) => bellhop)!;
  const { pid } = post.bellhop!;
  const { promise: goOn, resolve: release } = Promise.withResolvers<boolean>();
  const claimed = await new Promise<string[]>((resolve) => {
    post.proxy.set({
      ...MOMENTS.afterClaim.trap,
      spring(rows) {
        process.kill(pid, 'SIGSTOP');
        resolve(rows);
        return goOn;
      },
    });
  });
  try {
    await eventually(
      () => loadUnknownAttempts(db, claimed),
      (unknown) => unknown.size === claimed.length,
      30_000,
    );
    await wait(extraMs);
  } finally {
    release(true);
    process.kill(pid, 'SIGCONT');
  }
  // It has heard of its claim now, and had time to make the mistake.
  await wait(3_000);
  // The first attempt was never heard of, so what arrived is the second one's; once more is the zombie's.
  return claimed.flatMap((id) => {
    const arrived = peer.accepted.filter(({ deliveryId }) => deliveryId === id).length;
    return arrived > 1 ? [`the zombie sent ${id}`] : [];
  });
}
