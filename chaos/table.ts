import { cpus, totalmem } from 'node:os';
import type { Findings, Scenario } from './scenario.ts';

export interface Summary {
  /** Of how many. */
  count: number;
  p50: number;
  max: number;
}

/** One line of the table. */
export interface Row {
  id: string;
  title: string;
  kills: number;
  notifications: number;
  lost: number;
  unknown: number;
  duplicates: Record<string, number>;
  unexplained: number;
  recoverySeconds: Summary | null;
  startSeconds: Summary | null;
  seconds: number;
  result: 'held' | 'BROKEN' | 'skipped';
  note: string;
  failures: string[];
}

/** In-flight work of a killed worker goes on after at most this long, the wait for evidence apart. */
export const LONGEST_RECOVERY_SECONDS = 15;
/** A start on a machine with nothing else to do. */
const IDLE_START_SECONDS = 2;

export function toRow(
  { id, title }: Scenario,
  findings: Findings,
  { seconds, longestRecovery }: { seconds: number; longestRecovery: number },
): Row {
  const { account, kills, note } = findings;
  const recoverySeconds = summarize(account.recoveries);
  const startSeconds = summarize(account.starts);
  const limit = longestRecovery + delayOf(startSeconds);
  const failures = [
    ...findings.failures,
    ...account.lost.map((loss) => `lost: ${loss}`),
    ...account.unexplained.map((what) => `unexplained: ${what}`),
    ...account.imbalances.map((what) => `the ledger does not add up: ${what}`),
    ...(recoverySeconds && recoverySeconds.max >= limit
      ? [
          `recovery took ${recoverySeconds.max.toFixed(1)} s, more than ${limit.toFixed(1)} s: ${account.slowest}`,
        ]
      : []),
  ];
  return {
    id,
    title,
    kills,
    notifications: account.notifications,
    lost: account.lost.length,
    unknown: account.unknown,
    duplicates: account.duplicates,
    unexplained: account.unexplained.length,
    recoverySeconds,
    startSeconds,
    seconds,
    result: failures.length === 0 ? 'held' : 'BROKEN',
    note,
    failures,
  };
}

export function skippedRow({ id, title }: Scenario, obstacle: string): Row {
  const nothing = {
    kills: 0,
    notifications: 0,
    lost: 0,
    unknown: 0,
    duplicates: {},
    unexplained: 0,
    seconds: 0,
  };
  return {
    id,
    title,
    ...nothing,
    recoverySeconds: null,
    startSeconds: null,
    result: 'skipped',
    note: obstacle,
    failures: [],
  };
}

/** What a scenario that threw leaves behind. */
export function brokenRow(scenario: Scenario, error: unknown, seconds: number): Row {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { ...skippedRow(scenario, ''), seconds, result: 'BROKEN', failures: [text] };
}

/** By how much a typical start was slower than on an idle machine: whatever else had the processors, delays recovery too. */
function delayOf(starts: Summary | null): number {
  return Math.max(0, (starts?.p50 ?? 0) - IDLE_START_SECONDS);
}

function summarize(values: number[]): Summary | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  return { count: sorted.length, p50: sorted[sorted.length >> 1]!, max: sorted.at(-1)! };
}

export function machine(): string {
  const [cpu] = cpus();
  return `${cpus().length} × ${cpu?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`;
}

export function printTable(rows: Row[]): void {
  console.log(`\nOn ${machine()}:\n`);
  console.log(
    '| row | scenario | kills | notifications | lost | unknown | duplicates | unexplained | recovery p50 / max (s) | start p50 / max (s) | took (s) | result |',
  );
  console.log('|---|---|---|---|---|---|---|---|---|---|---|---|');
  for (const row of [...rows, total(rows)]) {
    const { id, title, kills, notifications, lost, unknown, unexplained } = row;
    const duplicates = Object.entries(row.duplicates).map(([category, count]) => `${count} ${category}`);
    const seconds = [row.recoverySeconds, row.startSeconds].map(summaryText);
    const cells = [id, title, kills, notifications, lost, unknown, duplicates.join(', ') || '0', unexplained];
    console.log(
      `| ${[...cells, ...seconds, row.seconds.toFixed(0), row.note ? `${row.result}: ${row.note}` : row.result].join(' | ')} |`,
    );
  }
  for (const { id, failures } of rows) {
    for (const failure of failures.slice(0, 20)) console.log(`✖ ${id}: ${failure}`);
    if (failures.length > 20) console.log(`✖ ${id}: … and ${failures.length - 20} more`);
  }
}

function summaryText(summary: Summary | null): string {
  return summary ? `${summary.p50.toFixed(1)} / ${summary.max.toFixed(1)} (${summary.count})` : '–';
}

/** The middle of the rows' middles, and the largest of all. */
function overall(summaries: (Summary | null)[]): Summary | null {
  const known = summaries.filter((summary) => summary !== null);
  if (known.length === 0) return null;
  const middles = known.map(({ p50 }) => p50).toSorted((a, b) => a - b);
  return {
    count: known.reduce((sum, { count }) => sum + count, 0),
    p50: middles[middles.length >> 1]!,
    max: Math.max(...known.map(({ max }) => max)),
  };
}

function total(rows: Row[]): Row {
  const sum = (pick: (row: Row) => number) => rows.reduce((all, row) => all + pick(row), 0);
  const duplicates: Record<string, number> = {};
  for (const row of rows) {
    for (const [category, count] of Object.entries(row.duplicates))
      duplicates[category] = (duplicates[category] ?? 0) + count;
  }
  return {
    id: '',
    title: 'all',
    kills: sum((row) => row.kills),
    notifications: sum((row) => row.notifications),
    lost: sum((row) => row.lost),
    unknown: sum((row) => row.unknown),
    duplicates,
    unexplained: sum((row) => row.unexplained),
    recoverySeconds: overall(rows.map(({ recoverySeconds }) => recoverySeconds)),
    startSeconds: overall(rows.map(({ startSeconds }) => startSeconds)),
    seconds: sum((row) => row.seconds),
    result: rows.some((row) => row.result === 'BROKEN') ? 'BROKEN' : 'held',
    note: '',
    failures: [],
  };
}
