import type pg from 'pg';
import { reconcile, TERMINAL } from '../src/ledger/index.ts';
import { BUILT_IN } from '../src/rules/index.ts';
import { inTransaction } from '../src/store/index.ts';
import type { Kill } from './fleet.ts';
import type { Accepted } from './provider-peer.ts';
import type { Message } from './sender.ts';

/** What became of one notification, by the ledger. One channel was asked for, so there is one delivery at most. */
export interface Fate {
  id: string;
  category: string;
  channel: string | null;
  notificationState: string;
  deliveryId: string | null;
  state: string | null;
  reason: string | null;
  /** Attempts that are on record as unknown. */
  unknowns: number;
}

/** The books of one scenario: what was promised, what the ledger says, and what the provider saw. */
export interface Account {
  notifications: number;
  states: Record<string, number>;
  /** Each with its reason; empty when nothing was lost. */
  lost: string[];
  /** Attempts on record as unknown. */
  unknown: number;
  /** Requests accepted beyond the first, by category; those that the provider's key hides are under `hidden by key`. */
  duplicates: Record<string, number>;
  unexplained: string[];
  /** Seconds from a kill until another process sent what the killed one had under way, less the wait for evidence. */
  recoveries: number[];
  /** Which of them took longest, and between whom; null when there was none. */
  slowest: string | null;
  /** Seconds that each start of a process took until it was ready: tells how busy the machine was. */
  starts: number[];
  /** What does not add up in the ledger as a whole. */
  imbalances: string[];
}

/** Channels of the run whose provider honours a key: a repeated request shows nothing twice. */
const KEYED = new Set(['webhook']);

export function balance(input: {
  messages: Message[];
  fates: Fate[];
  accepted: Accepted[];
  kills: Kill[];
  /** Milliseconds. */
  starts: number[];
  imbalances: string[];
}): Account {
  const { messages, fates, accepted, kills, starts, imbalances } = input;
  const byId = new Map(fates.map((fate) => [fate.id, fate]));
  const arrivals = Map.groupBy(accepted, ({ deliveryId }) => deliveryId);
  const recoveries = kills
    .flatMap((kill) => recoveriesOf(kill, kills, arrivals))
    .toSorted((a, b) => a.seconds - b.seconds);
  const account: Account = {
    notifications: messages.length,
    states: countBy(fates, (fate) => fate.state ?? fate.notificationState),
    lost: messages.flatMap(({ key, id }) => lossOf(key, byId.get(id), arrivals)),
    unknown: fates.reduce((sum, fate) => sum + fate.unknowns, 0),
    duplicates: {},
    unexplained: doubledKeys(accepted),
    recoveries: recoveries.map(({ seconds }) => seconds),
    slowest: recoveries.at(-1)?.what ?? null,
    starts: starts.map((ms) => ms / 1_000),
    imbalances,
  };
  for (const fate of fates) countDuplicates(account, fate, arrivals.get(fate.deliveryId ?? '')?.length ?? 0);
  return account;
}

function lossOf(key: string, fate: Fate | undefined, arrivals: Map<string, Accepted[]>): string[] {
  if (!fate) return [`${key}: acknowledged, and not in the ledger`];
  const { state, deliveryId, reason } = fate;
  if (state === null || !(TERMINAL as ReadonlySet<string>).has(state))
    return [`${key}: still ${state ?? fate.notificationState}`];
  if (state === 'sent' && !arrivals.has(deliveryId!)) return [`${key}: sent, and never seen by the provider`];
  if (state !== 'sent' && reason === null) return [`${key}: ${state} without a reason`];
  return [];
}

function countDuplicates(account: Account, fate: Fate, arrived: number): void {
  const extra = arrived - 1;
  if (extra <= 0) return;
  const isHidden = KEYED.has(fate.channel ?? '');
  const name = isHidden ? 'hidden by key' : fate.category;
  account.duplicates[name] = (account.duplicates[name] ?? 0) + extra;
  const isForbidden = !isHidden && BUILT_IN.of(fate.category).unknown === 'never-repeat';
  if (isForbidden || extra > fate.unknowns) {
    account.unexplained.push(
      `${fate.deliveryId} (${fate.category}): arrived ${arrived} times, ${fate.unknowns} unknown`,
    );
  }
}

/** One message of the sender's under two delivery ids: an idempotency key did not hold. */
function doubledKeys(accepted: Accepted[]): string[] {
  const ours = accepted.filter(({ key }) => key.includes('/'));
  return [...Map.groupBy(ours, ({ key }) => key)].flatMap(([key, all]) => {
    const ids = new Set(all.map(({ deliveryId }) => deliveryId));
    return ids.size > 1 ? [`${key} arrived as ${[...ids].join(' and ')}`] : [];
  });
}

interface Recovery {
  seconds: number;
  what: string;
}

/** A successor that was killed in its turn is measured from its own end. */
function recoveriesOf(kill: Kill, kills: Kill[], arrivals: Map<string, Accepted[]>): Recovery[] {
  return kill.claimed.flatMap((id) => {
    const again = arrivals.get(id)?.find(({ at, owner }) => at > kill.at && owner !== kill.incarnation);
    if (!again) return [];
    if (kills.some(({ at, claimed }) => at > kill.at && at < again.at && claimed.includes(id))) return [];
    const { evidenceMs } = BUILT_IN.of(again.key.split('/')[0]!);
    const seconds = Math.max(0, again.at - kill.at - evidenceMs) / 1_000;
    return [{ seconds, what: `${id} (${again.key}), from ${kill.incarnation} to ${again.owner}` }];
  });
}

function countBy<T>(items: T[], nameOf: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[nameOf(item)] = (counts[nameOf(item)] ?? 0) + 1;
  return counts;
}

export async function loadFates(db: pg.Pool, ids: string[]): Promise<Fate[]> {
  const { rows } = await db.query(
    `select n.id, n.category, d.channel, n.state as "notificationState", d.id as "deliveryId", d.state, d.reason,
       (select count(*)::int from attempts a where a.delivery_id = d.id and a.outcome = 'unknown') as unknowns
       from notifications n left join deliveries d on d.notification_id = n.id
      where n.id = any($1::uuid[])`,
    [ids],
  );
  return rows;
}

/** How many notifications and deliveries have not come to an end. */
export async function countOpen(db: pg.Pool): Promise<number> {
  const { rows } = await db.query(
    `select (select count(*)::int from unrouted)
       + (select count(*)::int from deliveries where not state = any($1::text[])) as open`,
    [[...TERMINAL]],
  );
  return rows[0].open;
}

/** Conservation over the whole ledger, once nothing is under way: each line that does not add up. */
export async function loadImbalances(db: pg.Pool): Promise<string[]> {
  const { findings } = await inTransaction(db, async (client) => {
    await client.query('set transaction isolation level repeatable read');
    return reconcile(client, new Date(0));
  });
  return [
    ...findings.map(({ rule, count, example }) => `${rule}: not so for ${count}, e.g. ${example}`),
    ...(await loadDoubles(db)),
  ];
}

async function loadDoubles(db: pg.Pool): Promise<string[]> {
  const { rows } = await db.query(
    `select request->'message'->>'body' as key from notifications
      where request->'message'->>'body' like '%/%/%' group by 1 having count(*) > 1`,
  );
  return rows.map(({ key }) => `one idempotency key was stored twice: ${key}`);
}
