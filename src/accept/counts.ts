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
  const isNew = (answer: Accepted) => answer.kind === 'stored' && !answer.replayed;
  countAccepted(
    metrics,
    rows.filter((_, i) => isNew(answers[i]!)),
  );
}

/** Counts what was accepted, at the front door or by the clock. */
export function countAccepted(
  metrics: Metrics,
  rows: readonly Pick<AcceptedRow, 'priority' | 'live'>[],
): void {
  const accepted = new Tally(metrics.accepted, 'priority', 'kind');
  for (const { priority, live } of rows) accepted.add(PRIORITY_NAMES[priority as 0 | 1 | 2], kindOf(live));
  accepted.flush();
}
