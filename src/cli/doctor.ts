import { connect } from 'node:net';
import { type Config, loadConfig } from '../config/index.ts';
import { createEgressGuard } from '../lib/egress.ts';
import { getProvider } from '../providers/index.ts';
import { openStore, pendingMigrations, type Store } from '../store/index.ts';
import {
  type Connection,
  createConnections,
  listTenantIds,
  loadOrCreateMasterKey,
} from '../tenants/index.ts';
import { describeTrouble } from './trouble.ts';

const REACH_TIMEOUT_MS = 3_000;
const MIN_POSTGRES = 150_000;

type Finding = { ok: boolean; what: string; advice?: string };

/** `bellhop doctor`: one line for each thing checked; exit code 1 when something is wrong. */
export async function doctor(): Promise<number> {
  const findings: Finding[] = [];
  const config = check(findings, 'settings', () => loadConfig());
  const store = config && (await checkAsync(findings, storeName(config), () => open(config)));
  if (config && store) {
    await checkStore(findings, store);
    await checkConnections(findings, config, store);
    await store.close();
  }
  for (const { ok, what, advice } of findings)
    console.log(`${ok ? 'ok   ' : 'WRONG'}  ${what}${advice ? `\n       ${advice}` : ''}`);
  const wrong = findings.filter((finding) => !finding.ok).length;
  console.log(wrong === 0 ? '\nAll is well.' : `\n${wrong} thing${wrong === 1 ? '' : 's'} to mend.`);
  return wrong === 0 ? 0 : 1;
}

function storeName(config: Config): string {
  return config.databaseUrl ? 'PostgreSQL answers' : `embedded database in ${config.dataDir} opens`;
}

function open(config: Config): Promise<Store> {
  return openStore({ databaseUrl: config.databaseUrl, dataDir: config.dataDir, poolSize: 2, migrate: false });
}

async function checkStore(findings: Finding[], store: Store): Promise<void> {
  const { rows } = await store.engine.query(
    "select current_setting('server_version_num')::int as version, current_setting('fsync') as fsync, current_setting('synchronous_commit') as sync",
  );
  const { version, fsync, sync } = rows[0];
  findings.push({
    ok: version >= MIN_POSTGRES,
    what: `PostgreSQL version ${Math.floor(version / 10_000)}`,
    advice: version >= MIN_POSTGRES ? undefined : 'Bellhop needs PostgreSQL 15 or newer.',
  });
  const durable = fsync === 'on' && sync === 'on';
  findings.push({
    ok: durable,
    what: `commits are synced to the disk (fsync ${fsync}, synchronous_commit ${sync})`,
    advice: durable ? undefined : 'A power failure could lose accepted notifications: set both to on.',
  });
  const pending = await pendingMigrations(store.engine);
  findings.push({
    ok: pending.length === 0,
    what: pending.length === 0 ? 'the schema is up to date' : `${pending.length} migrations are pending`,
    advice: pending.length === 0 ? undefined : 'Run `bellhop migrate`; `bellhop start` does it as well.',
  });
}

async function checkConnections(findings: Finding[], config: Config, store: Store): Promise<void> {
  if ((await pendingMigrations(store.engine)).length > 0) return;
  const masterKeys = await checkAsync(findings, 'the master key opens what it encrypted', () =>
    loadOrCreateMasterKey({
      store,
      value: config.masterKey,
      previousValues: config.previousMasterKeys,
      dataDir: config.dataDir,
    }),
  );
  if (!masterKeys) return;
  const connections = createConnections({ store, clock: store.clock, masterKeys });
  const guard = createEgressGuard({ allow: config.egressAllow });
  const all = await connections.forTenants(store.engine, await listTenantIds(store.engine));
  for (const connection of [...all.values()].flat()) findings.push(await checkReach(connection, guard));
  if (all.size === 0 || [...all.values()].every((list) => list.length === 0)) {
    findings.push({
      ok: true,
      what: 'no connections yet: test keys work, live notifications need PUT /v1/connections/{id}',
    });
  }
}

/** Whether the vendor's host takes a TCP connection from here; credentials are only proved by sending. */
async function checkReach(
  connection: Connection,
  guard: ReturnType<typeof createEgressGuard>,
): Promise<Finding> {
  const what = (target: string) => `connection ${connection.id} (${connection.providerId}) reaches ${target}`;
  const target = targetOf(connection);
  if (!target)
    return {
      ok: true,
      what: `connection ${connection.id} (${connection.providerId}) has no fixed host to try`,
    };
  const { host, port } = target;
  const problem = await new Promise<string | null>((resolve) => {
    const socket = connect({ host, port, timeout: REACH_TIMEOUT_MS, lookup: guard.lookup });
    const end = (result: string | null) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => end(null));
    socket.once('timeout', () => end(`no answer within ${REACH_TIMEOUT_MS / 1000} s`));
    socket.once('error', (error: NodeJS.ErrnoException) => end(`${error.message}.`));
  });
  const advice = 'Check DNS, the firewall and, for private addresses, BELLHOP_EGRESS_ALLOW.';
  return {
    ok: problem === null,
    what: what(`${host}:${port}`),
    advice: problem ? `${problem} ${advice}` : undefined,
  };
}

function targetOf(connection: Connection): { host: string; port: number } | null {
  const provider = getProvider(connection.providerId);
  const config = connection.config as { host?: string; port?: number };
  if (provider?.transport === 'smtp') return { host: config.host ?? '', port: config.port ?? 25 };
  const base = connection.baseUrl ?? (provider && 'baseUrl' in provider ? provider.baseUrl : '');
  if (!URL.canParse(base)) return null;
  const url = new URL(base);
  return { host: url.hostname, port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80) };
}

function check<T>(findings: Finding[], what: string, work: () => T): T | null {
  try {
    const result = work();
    findings.push({ ok: true, what });
    return result;
  } catch (error) {
    findings.push({ ok: false, what, advice: describeTrouble(error) });
    return null;
  }
}

async function checkAsync<T>(findings: Finding[], what: string, work: () => Promise<T>): Promise<T | null> {
  try {
    const result = await work();
    findings.push({ ok: true, what });
    return result;
  } catch (error) {
    findings.push({ ok: false, what, advice: describeTrouble(error) });
    return null;
  }
}
