import { setTimeout as wait } from 'node:timers/promises';
import { eventually } from '../../test/support/process.ts';
import { underLoad } from '../load.ts';
import type { PeerFault } from '../provider-peer.ts';
import type { Scenario } from '../scenario.ts';

const FAULTS: PeerFault[] = ['refuse', 'reset', 'hang', 'reset-mid-body', 'late', 'garbage'];
/** Fewer than the half that opens a breaker: it is the messages that are to suffer. */
const SHARE = 0.25;

/** The provider hangs, resets with and without having accepted, answers late, answers garbage. */
export default {
  id: 'm',
  title: 'the provider hangs, resets, answers late or garbage',
  share: 0,
  run: (plan) =>
    underLoad({ plan, priority: 'high' }, async ({ peer }) => {
      const made = new Map<string, number>();
      let count = 0;
      peer.faultOf = () => {
        if (plan.random() >= SHARE) return null;
        const fault = FAULTS[count++ % FAULTS.length]!;
        made.set(fault, (made.get(fault) ?? 0) + 1);
        return fault;
      };
      await wait(plan.isQuick ? 3_000 : 60_000);
      await eventually(
        async () => made.size,
        (kinds) => kinds === FAULTS.length,
        60_000,
      );
      const note = [...made].map(([fault, count]) => `${count} ${fault}`).join(', ');
      // In good order again, so that retries that are still to come get through.
      peer.faultOf = () => null;
      return { count: 0, note };
    }),
} satisfies Scenario;
