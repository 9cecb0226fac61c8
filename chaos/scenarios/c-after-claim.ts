import { killAt } from '../kill-loop.ts';
import { MOMENTS } from '../moments.ts';
import type { Scenario } from '../scenario.ts';

export default {
  id: 'c',
  title: 'after claim, before the call',
  share: 0.2,
  run: (plan) => killAt([MOMENTS.afterClaim], plan),
} satisfies Scenario;
