import { parseArgs } from 'node:util';
import { openEmbeddedTestStore } from '../support/stores.ts';
import { simulate } from './run.ts';

/** `npm run simulate -- --seed N --steps M --minutes K`: one seed, or as many as fit into the time. */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    steps: { type: 'string', default: '300' },
    minutes: { type: 'string', default: '0' },
    log: { type: 'boolean', default: false },
  },
});
const endsAt = Date.now() + Number(values.minutes) * 60_000;
let seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed);
let failed = 0;
do {
  const startedAt = Date.now();
  const store = await openEmbeddedTestStore();
  const { problems, digest, counts, lines } = await simulate(store, seed, Number(values.steps));
  await store.close();
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  console.log(
    `seed ${seed}: ${problems.length} problems, ${seconds} s, log ${digest.slice(0, 16)}`,
    JSON.stringify(counts),
  );
  for (const problem of problems) console.log(`  ${problem}`);
  if (values.log) for (const line of lines) console.log(line);
  if (problems.length > 0) failed++;
  seed++;
} while (Date.now() < endsAt);
process.exit(failed > 0 ? 1 : 0);
