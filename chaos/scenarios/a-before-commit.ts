import { killAt } from '../kill-loop.ts';
import { MOMENTS } from '../moments.ts';
import type { Scenario } from '../scenario.ts';

export default {
  id: 'a',
  title: 'before COMMIT of accept',
  share: 0.1,
  run: (plan) => killAt([MOMENTS.beforeCommit], plan),
} satisfies Scenario;
