import type pg from 'pg';

// Every statement of a request or a batch has an index to go by, whatever its parameters. Plans are made once, when
// tables are small, and kept; without these settings one that was right for ten rows reads ten million, and the first
// executions on each connection are planned anew, which costs more than the statements themselves. They are set by a
// statement, not at the start of the session, which a pooler in transaction mode would refuse.
const SESSION = `select set_config('statement_timeout', '30s', false), set_config('jit', 'off', false),
  set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_seqscan', 'off', false),
  set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false)`;

/** The pool option that gives every connection its settings before its first statement. */
export async function onConnect(client: pg.ClientBase): Promise<void> {
  await client.query(SESSION);
}
