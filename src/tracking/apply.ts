import { createHash } from 'node:crypto';
import { hurryLadders, lockLadders, noteEngagements, stopLaddersOf } from '../ledger/index.ts';
import { isUuid } from '../lib/ids.ts';
import type { Receipt, ReceiptEvent } from '../providers/index.ts';
import type { Queryable } from '../store/index.ts';
import { tellReceipts } from './receipt-events.ts';
import { silenceRecipients } from './silence.ts';
import {
  applyMarks,
  findByProviderId,
  insertReceipts,
  type LoggedReceipts,
  type Marks,
  type MatchedReceipt,
  receiptName,
} from './store.ts';

/** Events that prove the vendor took the message. */
const PROOF = new Set<ReceiptEvent>(['sent', 'delivered', 'opened', 'clicked', 'complained', 'unsubscribed']);
const FAILURES = new Set<ReceiptEvent>(['bounced', 'failed']);

/** What one connection of a tenant was told. */
export interface ReceiptPost {
  tenantId: string;
  connection: string;
  receipts: readonly Receipt[];
}

/** What receipts brought. */
export interface Applied {
  /** Those that were not known yet. */
  fresh: MatchedReceipt[];
  /** Of notifications (0 high, 1 normal, 2 low) whose ladders have a turn now. */
  priorities: number[];
}

/** Applies what a vendor reported, once: a repeated receipt changes nothing, and order does not matter. */
export async function applyReceipts(
  db: Queryable,
  { tenantId, connection, now }: { tenantId: string; connection: string; now: number },
  receipts: readonly Receipt[],
): Promise<Applied> {
  return applyPosts(db, [{ tenantId, connection, receipts }], now);
}

/**
 * The same for the posts of any tenants and connections, by the same number of statements. Whatever makes receipts must
 * come through here: ladders are locked first, then deliveries in the order of their ids, then counters.
 */
export async function applyPosts(
  db: Queryable,
  posts: readonly ReceiptPost[],
  now: number,
): Promise<Applied> {
  const matched = await matchDeliveries(db, posts);
  if (matched.length === 0) return { fresh: [], priorities: [] };
  const at = new Date(now);
  const logged = await insertReceipts(db, matched, at);
  const fresh = matched.filter((receipt) => logged.fresh.has(nameOf(receipt)));
  if (fresh.length === 0) return { fresh, priorities: [] };
  const ladders = [...new Set(logged.ladders.map(({ notificationId }) => notificationId))];
  if (ladders.length > 0) await lockLadders(db, ladders);
  await applyMarks(db, collectMarks(fresh, at), at);
  await tellReceipts(db, fresh, at);
  await silenceRecipients(db, fresh, now);
  const engaged = fresh.filter(({ event }) => event === 'opened' || event === 'clicked');
  if (engaged.length > 0) await noteEngagements(db, engaged);
  return { fresh, priorities: ladders.length > 0 ? await moveLadders(db, { logged, fresh, at }) : [] };
}

/** What reached the user stops ladders; what did not makes them go on at once. */
async function moveLadders(
  db: Queryable,
  { logged, fresh, at }: { logged: LoggedReceipts; fresh: MatchedReceipt[]; at: Date },
): Promise<number[]> {
  const byId = new Map(logged.ladders.map(({ tenantId, notificationId: id }) => [id, { tenantId, id }]));
  const { priorities } = await stopLaddersOf(db, [...byId.values()], at);
  const lost = new Set(fresh.flatMap(({ event, deliveryId }) => (FAILURES.has(event) ? deliveryId : [])));
  const next = new Set(
    logged.ladders.flatMap(({ deliveryId, notificationId }) => (lost.has(deliveryId) ? notificationId : [])),
  );
  return next.size === 0 ? priorities : [...priorities, ...(await hurryLadders(db, [...next], at))];
}

/** How many messages these receipts call delivered, and how many they call lost. */
export function countEnds(receipts: readonly Receipt[]): { delivered: number; undelivered: number } {
  return {
    delivered: receipts.filter(({ event }) => event === 'delivered').length,
    undelivered: receipts.filter(({ event }) => FAILURES.has(event)).length,
  };
}

function nameOf({ eventHash, ...key }: MatchedReceipt): string {
  return receiptName({ ...key, hash: eventHash.toString('hex') });
}

async function matchDeliveries(db: Queryable, posts: readonly ReceiptPost[]): Promise<MatchedReceipt[]> {
  const unnamed = posts.flatMap(({ tenantId, connection, receipts }) =>
    receipts.flatMap(({ deliveryId, providerMessageId }) =>
      !deliveryId && providerMessageId ? [{ tenantId, connection, providerMessageId }] : [],
    ),
  );
  const found = new Map<string, string>();
  if (unnamed.length > 0) {
    for (const { tenantId, connection, providerMessageId, deliveryId } of await findByProviderId(db, unnamed))
      found.set(`${tenantId} ${connection} ${providerMessageId}`, deliveryId);
  }
  const seen = new Set<string>();
  return posts.flatMap(({ tenantId, connection, receipts }) =>
    receipts.flatMap((receipt) => {
      const deliveryId =
        receipt.deliveryId?.toLowerCase() ??
        found.get(`${tenantId} ${connection} ${receipt.providerMessageId ?? ''}`);
      if (!deliveryId || !isUuid(deliveryId)) return [];
      const eventHash = createHash('sha256').update(receipt.eventKey).digest().subarray(0, 16);
      const matched = { ...receipt, tenantId, connection, deliveryId, eventHash };
      const name = nameOf(matched);
      if (seen.has(name)) return [];
      seen.add(name);
      return [matched];
    }),
  );
}

function collectMarks(receipts: readonly MatchedReceipt[], now: Date): Marks[] {
  const byDelivery = Map.groupBy(receipts, (receipt) => receipt.deliveryId);
  return [...byDelivery].map(([deliveryId, list]) => {
    const failure = list.find((receipt) => FAILURES.has(receipt.event));
    return {
      tenantId: list[0]!.tenantId,
      deliveryId,
      accepted: list.some((receipt) => PROOF.has(receipt.event)),
      failedReason: failure ? (failure.reason ?? 'recipient_unreachable') : null,
      failedCode: failure?.code ?? null,
      deliveredAt: earliest(list, 'delivered', now),
      openedAt: earliest(list, 'opened', now),
      clickedAt: earliest(list, 'clicked', now),
      providerMessageId: list.find((receipt) => receipt.providerMessageId)?.providerMessageId ?? null,
    };
  });
}

function earliest(receipts: readonly MatchedReceipt[], event: ReceiptEvent, now: Date): Date | null {
  const times = receipts
    .filter((receipt) => receipt.event === event)
    .map((receipt) => receipt.at ?? now.getTime());
  return times.length > 0 ? new Date(Math.min(...times)) : null;
}
