import { parseArgs } from 'node:util';
import { loadConfig } from '../config/index.ts';
import { type Reconciliation, reconcile } from '../ledger/index.ts';
import { openStore } from '../store/index.ts';
import { UsageError } from './usage.ts';

/** `bellhop reconcile`: exit code 0 when every account balances, 1 when something is lost, stuck or miscounted. */
export async function reconcileCommand(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { since: { type: 'string', default: '1970-01-01' }, json: { type: 'boolean', default: false } },
  });
  const since = new Date(values.since);
  if (Number.isNaN(since.getTime()))
    throw new UsageError('--since must be a date such as 2026-11-01 (UTC), from which day on to look.');
  const { databaseUrl, dataDir } = loadConfig();
  const store = await openStore({ databaseUrl, dataDir, poolSize: 1, migrate: false });
  try {
    const result = await store.transaction(async (db) => {
      await db.query('set transaction isolation level repeatable read');
      await db.query(
        // Whole tables are read here, other than anywhere else.
        `select set_config('statement_timeout', '0', true),
           set_config('enable_seqscan', 'on', true), set_config('enable_hashjoin', 'on', true)`,
      );
      return reconcile(db, since);
    });
    if (values.json) console.log(JSON.stringify(result, null, 2));
    else print(result);
    return result.findings.length === 0 ? 0 : 1;
  } finally {
    await store.close();
  }
}

function print({ accounts, unrouted, findings }: Reconciliation): void {
  if (accounts.length > 0)
    console.table(accounts.map(({ tenantId, ...account }) => ({ tenant: tenantId.slice(-12), ...account })));
  console.log(`${unrouted} notifications wait to be routed.`);
  for (const { rule, count, example } of findings)
    console.log(`WRONG  ${rule}: not so for ${count}, e.g. ${example}`);
  console.log(
    findings.length === 0
      ? 'Everything adds up: accepted = sent + failed + skipped + expired + cancelled + dead + unknown + pending.'
      : 'Something does not add up; the rules that are broken are listed above.',
  );
}
