export type Execute = (args: string[]) => Promise<number>;

export interface Command {
  name: string;
  usage: string;
  summary: string;
  /** Loaded when called, so that `bellhop status` does not load a database. */
  load(): Promise<Execute>;
}

export const COMMANDS: Command[] = [
  {
    name: 'start',
    usage: 'start',
    summary: 'Runs Bellhop: everything in one process, or the roles in BELLHOP_ROLES.',
    load: async () => (await import('./start.ts')).start,
  },
  {
    name: 'simulator',
    usage: 'simulator [--port 4010] [--smtp-port 4011] [--host 127.0.0.1]',
    summary: 'Plays all providers on its own, with a page that shows what arrives and makes faults.',
    load: async () => (await import('./simulator.ts')).simulator,
  },
  {
    name: 'send',
    usage:
      'send <userId> [--title T] [--body B] [--template ID --variables JSON] [--channels push,email] [--key KEY] [--url URL] [--wait]',
    summary:
      'Sends a notification through a running Bellhop. Without --key the test key of the data folder is used.',
    load: async () => (await import('./send.ts')).send,
  },
  {
    name: 'status',
    usage: 'status <notification id> [--key KEY] [--url URL]',
    summary: 'Shows what became of a notification.',
    load: async () => (await import('./send.ts')).status,
  },
  {
    name: 'problems',
    usage:
      'problems [--state dead|failed|unknown] [--reason R] [--code C] [--provider P] [--connection ID] [--channel C] [--notification ID] [--user ID] [--from TIME] [--to TIME] [--limit 50] [--key KEY] [--url URL]',
    summary: 'Lists deliveries that are dead, failed or unknown, newest first.',
    load: async () => (await import('./problems.ts')).problems,
  },
  {
    name: 'replay',
    usage:
      'replay <delivery ids> | --state dead|failed [filter as of problems] [--rate 50] [--limit N] | --show ID | --cancel ID',
    summary: 'Sends dead or failed deliveries again: by ids at once, by a filter in the background.',
    load: async () => (await import('./problems.ts')).replay,
  },
  {
    name: 'settle',
    usage:
      'settle <delivery ids> | [filter as of problems] | --all, with --as sent|failed|queued [--note TEXT] [--key KEY] [--url URL]',
    summary: 'Says what became of deliveries whose outcome is unknown; queued sends them again.',
    load: async () => (await import('./problems.ts')).settle,
  },
  {
    name: 'bounce',
    usage: 'bounce --to https://bellhop.example.com/v1/receipts/TENANT/CONNECTION --secret-file FILE < mail',
    summary: 'Hands a mail that came back to a running Bellhop; for the aliases of a mail server.',
    load: async () => (await import('./bounce.ts')).bounce,
  },
  {
    name: 'keys',
    usage: 'keys list | create --name N [--test] [--scopes a,b] | revoke <id>',
    summary: 'Manages API keys directly in the database (embedded: while Bellhop is stopped).',
    load: async () => (await import('./keys.ts')).keys,
  },
  {
    name: 'migrate',
    usage: 'migrate [--check]',
    summary: 'Brings the database schema to this version; --check only tells whether something is pending.',
    load: async () => (await import('./migrate.ts')).migrateCommand,
  },
  {
    name: 'reconcile',
    usage: 'reconcile [--since 2026-11-01] [--json]',
    summary: 'Proves that nothing is lost, stuck or miscounted (embedded: while Bellhop is stopped).',
    load: async () => (await import('./reconcile.ts')).reconcileCommand,
  },
  {
    name: 'doctor',
    usage: 'doctor',
    summary:
      "Checks settings, database and the reach of every connection's provider, and says what is wrong.",
    load: async () => (await import('./doctor.ts')).doctor,
  },
  {
    name: 'bench',
    usage:
      'bench [P1 P2 … | resilience | receipts | streams | soak] [--quick] [--json FILE] [--keep DIR] [--minutes N] [--rate N] [--profile DIR]',
    summary: 'Measures throughput and latency against limits taken in the same run (docs/performance.md).',
    load: async () => (await import('../../bench/bench.ts')).bench,
  },
  {
    name: 'chaos',
    usage: 'chaos [scenario…] [--kills N] [--quick] [--json FILE] [--seed N]',
    summary: 'Kills processes at every moment, breaks what they lean on, and counts losses (docs/chaos.md).',
    load: async () => (await import('../../chaos/chaos.ts')).chaos,
  },
];

export function printHelp(): void {
  const width = Math.max(...COMMANDS.map((command) => command.name.length));
  console.log('Bellhop: one API for everything you tell your users.\n\nUsage: bellhop <command>\n');
  for (const { name, summary } of COMMANDS) console.log(`  ${name.padEnd(width)}  ${summary}`);
  console.log('\n`bellhop <command> --help` shows its options. Settings: docs/configuration.md.');
}
