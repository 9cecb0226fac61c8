import { uuidv7 } from '../src/lib/ids.ts';
import type { Wake } from '../src/queue/index.ts';
import { insertSharedRequest } from '../src/queue/shared-requests.ts';
import { type Router, routePage } from '../src/routing/index.ts';
import type { Queryable, Store } from '../src/store/index.ts';
import type { NullProvider } from './null-provider.ts';

const PAGE = 500;
/** Routed and not sent yet: enough to keep delivery busy, and no more. */
const MAX_AHEAD = 10_000;
/** Behind the probe's user, in front of all others. */
const BEFORE_ALL = 'user-';
const REQUEST = {
  channels: ['push'],
  message: { title: 'New Message!', body: 'You have a new message from Alice.', data: { type: 'campaign' } },
};

/** Who is told the same thing: the first `users` of a tenant, again and again until `minSeconds` are over. */
export interface CampaignPlan {
  tenantId: string;
  users: number;
  minSeconds: number;
  /** The campaign is cut off here. */
  maxSeconds: number;
}

export interface CampaignResult {
  recipients: number;
  /** From the first page to the last result on record. */
  seconds: number;
  /** How many were sent by the end of each second. */
  sentBySecond: number[];
}

export interface CampaignTools {
  store: Store;
  wake: Wake;
  router: Router;
  provider: NullProvider;
}

/** Pages a tenant's users through the road of campaigns; its place in the audience moves with each page's commit. */
export async function runCampaign(tools: CampaignTools, plan: CampaignPlan): Promise<CampaignResult> {
  const { provider, store } = tools;
  const base = provider.count;
  const startedAt = performance.now();
  const elapsed = () => (performance.now() - startedAt) / 1000;
  const sentBySecond: number[] = [];
  const timer = setInterval(() => sentBySecond.push(provider.count - base), 1_000);
  let recipients = 0;
  do {
    const round = await beginRound(tools, plan.tenantId);
    for (let done = 0; done < plan.users && elapsed() < plan.maxSeconds; ) {
      const routed = await routeNextPage(tools, plan, { round, count: Math.min(PAGE, plan.users - done) });
      done += routed;
      recipients += routed;
      await provider.reached(base + recipients - MAX_AHEAD);
    }
  } while (elapsed() < plan.minSeconds);
  await provider.reached(base + recipients);
  clearInterval(timer);
  await recorded(store);
  return { recipients, seconds: elapsed(), sentBySecond };
}

interface Round {
  sharedRequestId: string;
  cursor: string;
}

async function beginRound({ store }: CampaignTools, tenantId: string): Promise<Round> {
  const now = store.clock.now();
  const id = uuidv7(now);
  await insertSharedRequest(store.engine, { tenantId, id, request: REQUEST, now: new Date(now) });
  await store.engine.query('create table if not exists bench_campaigns (id uuid primary key, cursor text)');
  await store.engine.query('insert into bench_campaigns values ($1, $2)', [id, BEFORE_ALL]);
  return { sharedRequestId: id, cursor: BEFORE_ALL };
}

async function routeNextPage(
  { store, wake, router }: CampaignTools,
  { tenantId }: CampaignPlan,
  { round, count }: { round: Round; count: number },
): Promise<number> {
  const { sharedRequestId } = round;
  const routed = await store.transaction(async (db) => {
    const userIds = await selectNextUsers(db, { tenantId, after: round.cursor, count });
    const cursor = userIds.at(-1)!;
    await saveCursor(db, sharedRequestId, cursor);
    const page = { tenantId, live: true, sharedRequestId, request: REQUEST, userIds };
    const told = { ...page, category: 'marketing', priority: 1, expiresAt: null };
    return { cursor, ...(await routePage(db, router, told, store.clock.now())) };
  });
  round.cursor = routed.cursor;
  for (const lane of routed.lanes) wake.signal(lane);
  return routed.count;
}

async function selectNextUsers(
  db: Queryable,
  { tenantId, after, count }: { tenantId: string; after: string; count: number },
): Promise<string[]> {
  const { rows } = await db.query({
    name: 'bench_next_users',
    text: `select external_id from users where tenant_id = $1 and external_id > $2
      order by external_id limit $3`,
    values: [tenantId, after, count],
  });
  return rows.map((row) => row.external_id);
}

async function saveCursor(db: Queryable, id: string, cursor: string): Promise<void> {
  await db.query({
    name: 'bench_save_cursor',
    text: 'update bench_campaigns set cursor = $2 where id = $1',
    values: [id, cursor],
  });
}

/** A claim goes when its last result is written. */
async function recorded(store: Store): Promise<void> {
  for (;;) {
    const { rows } = await store.engine.query('select 1 from claims limit 1');
    if (rows.length === 0) return;
    await store.clock.sleep(20);
  }
}
