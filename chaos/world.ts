import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { eventually, temporaryFolder } from '../test/support/process.ts';
import { makeTemplateDatabase } from '../test/support/stores.ts';
import { type Account, balance, countOpen, loadFates, loadImbalances } from './account.ts';
import { Fleet } from './fleet.ts';
import { type ProviderPeer, startProviderPeer } from './provider-peer.ts';
import type { Message } from './sender.ts';

const SETTLE_TIMEOUT_MS = 120_000;
const COUNT_EVERY_MS = 200;
export const AUTH_TOKEN = 'a-token-of-the-simulated-account';
/** Where receipts seem to go: what vendors sign. Nobody listens there. */
export const PUBLIC_URL = 'http://127.0.0.1:9';

/** One database, the processes over it, and the provider they send to. */
export interface World {
  databaseUrl: string;
  db: pg.Pool;
  fleet: Fleet;
  peer: ProviderPeer;
  end(): Promise<void>;
}

let databases = 0;

/** A database of its own on a cluster whose template is made already (`prepareCluster`). */
export async function createDatabase(clusterUrl: string): Promise<string> {
  const name = `chaos_${process.pid}_${++databases}`;
  const client = new pg.Client({ connectionString: clusterUrl });
  await client.connect();
  await client.query(`create database ${name} template bellhop_template`);
  await client.end();
  const url = new URL(clusterUrl);
  url.pathname = `/${name}`;
  return url.href;
}

export const prepareCluster = makeTemplateDatabase;

export interface WorldOptions {
  databaseUrl: string;
  /** Of each process. */
  roles: string[];
  /** Settings of all processes. */
  env: Record<string, string>;
}

/** Starts the processes, and gives the tenant a user, a webhook and a Twilio account. */
export async function openWorld({ databaseUrl, roles, env: given }: WorldOptions): Promise<World> {
  const db = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  db.on('error', () => {});
  const peer = await startProviderPeer();
  const dataDir = temporaryFolder();
  const env = {
    BELLHOP_MASTER_KEY: randomBytes(32).toString('base64'),
    BELLHOP_PUBLIC_URL: PUBLIC_URL,
    BELLHOP_DATABASE_POOL: '3',
    ...given,
  };
  const fleet = new Fleet(env, dataDir);
  const end = async () => {
    await fleet.end();
    await peer.close();
    await db.end();
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    // The first start makes the tenant and its keys; the others find them.
    await fleet.add(databaseUrl, roles[0]);
    await Promise.all(roles.slice(1).map((role) => fleet.add(databaseUrl, role)));
    await setUp(fleet, peer);
  } catch (error) {
    await end();
    throw error;
  }
  peer.ownerOf = (id) => fleet.ownerOf(id);
  return { databaseUrl, db, fleet, peer, end };
}

async function setUp(fleet: Fleet, peer: ProviderPeer): Promise<void> {
  const secret = `whsec_${randomBytes(24).toString('base64')}`;
  const twilio = {
    accountSid: `AC${randomBytes(16).toString('hex')}`,
    authToken: AUTH_TOKEN,
    from: '+15005550006',
    baseUrl: peer.origin,
  };
  const steps: [string, object][] = [
    ['/v1/connections/hook', { provider: 'webhook', config: { url: `${peer.origin}/hook`, secret } }],
    ['/v1/connections/text', { provider: 'twilio', config: twilio }],
    ['/v1/users/ada', { contacts: { phone: '+14155550100' } }],
  ];
  for (const [path, body] of steps) {
    const answer = await fleet.call('PUT', path, body);
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
}

/** Waits until nothing is under way, then makes up the books. What does not settle in time is found as lost. */
export async function settle(
  world: World,
  messages: Message[],
  timeoutMs = SETTLE_TIMEOUT_MS,
): Promise<Account> {
  const { db, fleet, peer } = world;
  await eventually(
    async () => {
      const open = await countOpen(db);
      // It reads whole tables, which a long run has filled.
      if (open > 0) await wait(COUNT_EVERY_MS);
      return open;
    },
    (open) => open === 0,
    timeoutMs,
  ).catch(() => {});
  const fates = await loadFates(
    db,
    messages.map(({ id }) => id),
  );
  const imbalances = await loadImbalances(db);
  const { kills, starts } = fleet;
  return balance({ messages, fates, accepted: peer.accepted, kills, starts, imbalances });
}

/** Those of the deliveries that have an attempt on record as unknown. */
export async function loadUnknownAttempts(db: pg.Pool, deliveryIds: string[]): Promise<Set<string>> {
  const { rows } = await db.query(
    `select distinct delivery_id as id from attempts where outcome = 'unknown' and delivery_id = any($1::uuid[])`,
    [deliveryIds],
  );
  return new Set(rows.map(({ id }) => id));
}
