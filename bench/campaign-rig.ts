import { type ChildProcess, fork } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { uuidv7 } from '../src/lib/ids.ts';
import { openStore, type Store } from '../src/store/index.ts';
import { createKey } from '../src/tenants/index.ts';
import { LIVE_KEY, type RunningBellhop, startBellhop } from '../test/support/process.ts';
import { buildAudience, PROBE_USER } from './audience.ts';
import type { CampaignPlan, CampaignResult } from './campaign-driver.ts';
import type { KeptPostgres } from './kept.ts';
import { Probes } from './probes.ts';

/**
 * A database with an audience, a Bellhop that accepts and routes, and a process that pages campaigns and delivers to a
 * provider that costs nothing.
 */
export interface CampaignRig {
  databaseUrl: string;
  store: Store;
  /** Of the worker that runs campaigns. */
  workerPid: number;
  audienceTenantId: string;
  /** High priority, to the tenant with the audience. */
  highProbes(): Probes;
  /** Normal priority, of another tenant. */
  otherTenantProbes(): Probes;
  campaign(plan: Omit<CampaignPlan, 'tenantId'>): Promise<CampaignResult>;
  stop(): Promise<void>;
}

export async function startCampaignRig(postgres: KeptPostgres, users: number): Promise<CampaignRig> {
  const masterKey = { BELLHOP_MASTER_KEY: postgres.masterKey };
  const databaseUrl = await postgres.copy('campaign', {
    name: `original_audience_${users}`,
    build: (url) => buildOriginal({ DATABASE_URL: url, ...masterKey }, users),
  });
  const env = { DATABASE_URL: databaseUrl, ...masterKey };
  const bellhop = await startBellhop({ BELLHOP_ROLES: 'api,router,sweeper', ...env });
  const store = await openStore({ databaseUrl, migrate: false, poolSize: 2 });
  const audience = { tenantId: await defaultTenant(store), key: LIVE_KEY };
  const other = await addTenant(store);
  await buildAudience(databaseUrl, other.tenantId, 1);
  for (const { key } of [audience, other]) await putConnection(bellhop, key);
  const worker = await startWorker({ ...env, BELLHOP_DATA_DIR: bellhop.dataDir });
  const probing = new Set<Probes>();
  worker.on('message', ({ probe, atMs }: { probe?: string; atMs: number }) => {
    if (probe) for (const probes of probing) probes.arrived(probe, atMs);
  });
  const open = (tenant: { key: string }, priority: string): Probes => {
    const probes = new Probes(`${priority}-${probing.size}`, (probe) =>
      bellhop.call('POST', '/v1/notifications', buildProbe(probe, priority), {
        authorization: `Bearer ${tenant.key}`,
      }),
    );
    probing.add(probes);
    return probes;
  };
  return {
    databaseUrl,
    store,
    workerPid: worker.pid!,
    audienceTenantId: audience.tenantId,
    highProbes: () => open(audience, 'high'),
    otherTenantProbes: () => open(other, 'normal'),
    campaign: (plan) => askWorker(worker, { ...plan, tenantId: audience.tenantId }),
    async stop() {
      const gone = once(worker, 'exit');
      worker.disconnect();
      await gone;
      await store.close();
      await bellhop.dispose();
    },
  };
}

function buildProbe(probe: string, priority: string): object {
  const message = {
    title: 'New Message!',
    body: 'You have a new message from Alice.',
    data: { probe },
  };
  return { userId: PROBE_USER, priority, channels: ['push'], message };
}

/** A tenant with an audience, as the first start of a Bellhop leaves the rest. */
async function buildOriginal(env: { DATABASE_URL: string }, users: number): Promise<void> {
  const bellhop = await startBellhop({ BELLHOP_ROLES: 'api', ...env });
  await bellhop.dispose();
  const store = await openStore({ databaseUrl: env.DATABASE_URL, migrate: false, poolSize: 1 });
  const tenantId = await defaultTenant(store);
  await store.close();
  await buildAudience(env.DATABASE_URL, tenantId, users);
}

async function defaultTenant(store: Store): Promise<string> {
  const { rows } = await store.engine.query("select id from tenants where slug = 'default'");
  return rows[0].id;
}

async function addTenant(store: Store): Promise<{ tenantId: string; key: string }> {
  const { clock } = store;
  const tenantId = uuidv7(clock.now());
  await store.engine.query(
    "insert into tenants (id, slug, name, created_at) values ($1, 'other', 'Other', $2)",
    [tenantId, new Date(clock.now())],
  );
  const request = { tenantId, name: 'bench', live: true, scopes: ['owner'] as const, expiresAt: null };
  const { key } = await createKey({ store, clock }, request);
  return { tenantId, key: key.reveal() };
}

async function putConnection(bellhop: RunningBellhop, key: string): Promise<void> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const config = {
    teamId: 'TEAM123456',
    keyId: 'KEY1234567',
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    bundleId: 'com.example',
    baseUrl: 'http://127.0.0.1:9',
  };
  const { status, body } = await bellhop.call(
    'PUT',
    '/v1/connections/apple',
    { provider: 'apns', config },
    { authorization: `Bearer ${key}` },
  );
  if (status >= 300) throw new Error(JSON.stringify(body));
}

async function startWorker(env: Record<string, string>): Promise<ChildProcess> {
  const worker = fork(new URL('campaign-process.ts', import.meta.url).pathname, { env });
  const [ready] = await Promise.race([
    once(worker, 'message'),
    once(worker, 'exit').then(([code]) => [{ error: `the campaign's worker ended with ${code}` }]),
  ]);
  if (ready.error) throw new Error(ready.error);
  return worker;
}

function askWorker(worker: ChildProcess, plan: CampaignPlan): Promise<CampaignResult> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new Error("the campaign's worker ended"));
    const heard = ({ result }: { result?: CampaignResult }) => {
      if (!result) return;
      worker.off('message', heard);
      worker.off('exit', gone);
      resolve(result);
    };
    worker.on('message', heard);
    worker.once('exit', gone);
    worker.send(plan);
  });
}
