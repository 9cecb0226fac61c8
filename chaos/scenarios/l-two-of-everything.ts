import { setTimeout as wait } from 'node:timers/promises';
import { underLoad } from '../load.ts';
import type { Scenario } from '../scenario.ts';

const ROLES = ['api', 'router', 'worker', 'sweeper'];

/** Every role on its own, and twice. One of each pair is killed now and then; its twin must carry on. */
export default {
  id: 'l',
  title: 'two of everything alive, one of each pair killed',
  share: 0.1,
  run: (plan) =>
    underLoad({ plan, roles: [...ROLES, ...ROLES] }, async ({ fleet }) => {
      const kills = plan.isQuick ? ROLES.length : plan.kills;
      for (let n = 0; n < kills; n++) {
        const role = ROLES[n % ROLES.length];
        const pair = await fleet.atLeast(2, ({ roles }) => roles === role);
        fleet.kill(pair[Math.floor(plan.random() * pair.length)]!);
        await wait(plan.random() * 300);
      }
      return { count: kills, note: '' };
    }),
} satisfies Scenario;
