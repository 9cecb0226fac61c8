import { killAt } from '../kill-loop.ts';
import { MOMENTS } from '../moments.ts';
import type { Scenario } from '../scenario.ts';

export default {
  id: 'b',
  title: 'after COMMIT, before the 202',
  share: 0.15,
  run: (plan) => killAt([MOMENTS.afterCommit], plan),
} satisfies Scenario;
