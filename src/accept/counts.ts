import { PRIORITY_NAMES } from '../ledger/index.ts';
import { kindOf, type Metrics, Tally } from '../telemetry/index.ts';
import type { Accepted } from './group-commit.ts';
import type { AcceptedRow } from './store.ts';

/** Counts one group commit. */
export function countCommit(
  { metrics, line = 'bulk' }: { metrics?: Metrics; line?: string },
  { rows, answers, ms }: { rows: AcceptedRow[]; answers: Accepted[]; ms: number },
): void {
  if (!metrics) return;
  metrics.acceptCommitSize.observe({ line }, rows.length);
  metrics.acceptCommitSeconds.observe({ line }, ms / 1000);
  const accepted = new Tally(metrics.accepted, 'priority', 'kind');
  for (const [i, answer] of answers.entries()) {
    if (answer.kind !== 'stored' || answer.replayed) continue;
    accepted.add(PRIORITY_NAMES[rows[i]!.priority as 0 | 1 | 2], kindOf(rows[i]!.live));
  }
  accepted.flush();
}
