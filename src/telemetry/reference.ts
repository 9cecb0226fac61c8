import { type Declaration, METRICS } from './declarations.ts';

/** docs/metrics.md, generated. */
export function renderMetricsReference(): string {
  const rows = Object.values(METRICS as Record<string, Declaration>).map(
    ({ name, type, labels, help }) => `| \`${name}\` | ${type} | ${labels.join(', ') || '–'} | ${help} |`,
  );
  return [
    '# Metrics',
    '',
    'Generated from `src/telemetry/declarations.ts` by `npm run generate`. How to scrape them, and the alerts and',
    'dashboards made from them: [observing.md](observing.md). Times are in seconds. Labels are small closed sets',
    '(`kind` is live or test), never ids. Beside these, `process_*` and `nodejs_*` describe the process, the delay',
    'of its event loop included.',
    '',
    '| metric | type | labels | meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
