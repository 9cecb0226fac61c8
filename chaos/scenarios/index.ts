import type { Scenario } from '../scenario.ts';
import beforeCommit from './a-before-commit.ts';
import afterCommit from './b-after-commit.ts';
import afterClaim from './c-after-claim.ts';
import afterAcceptance from './d-after-acceptance.ts';

/** The rows of the kill matrix that need no broker and no Redis. */
export const SCENARIOS: Scenario[] = [beforeCommit, afterCommit, afterClaim, afterAcceptance];
