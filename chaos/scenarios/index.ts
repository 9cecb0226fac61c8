import type { Scenario } from '../scenario.ts';
import beforeCommit from './a-before-commit.ts';
import afterCommit from './b-after-commit.ts';
import afterClaim from './c-after-claim.ts';
import afterAcceptance from './d-after-acceptance.ts';
import postgresRestart from './h-postgres-restart.ts';
import clockJumps from './i-clock-jumps.ts';
import stoppedWorker from './j-stopped-worker.ts';
import diskFull from './k-disk-full.ts';
import twoOfEverything from './l-two-of-everything.ts';
import providerFaults from './m-provider-faults.ts';
import corruptRows from './n-corrupt-rows.ts';
import lateReceipts from './o-late-receipts.ts';

/** The rows of the kill matrix that need no broker and no Redis. */
export const SCENARIOS: Scenario[] = [
  beforeCommit,
  afterCommit,
  afterClaim,
  afterAcceptance,
  postgresRestart,
  clockJumps,
  stoppedWorker,
  diskFull,
  twoOfEverything,
  providerFaults,
  corruptRows,
  lateReceipts,
];
