import { createHash } from 'node:crypto';
import { hurryLadders, lockLadders, stopLadders } from '../ledger/index.ts';
import { isUuid } from '../lib/ids.ts';
import type { Receipt, ReceiptEvent } from '../providers/index.ts';
import type { Queryable } from '../store/index.ts';
import { suppressContacts } from '../users/index.ts';
import { tellReceipts } from './receipt-events.ts';
import {
  applyMarks,
  findByProviderId,
  insertReceipts,
  loadAddresses,
  type Marks,
  type MatchedReceipt,
  noteEngagements,
} from './store.ts';

/** Events that prove the vendor took the message. */
const PROOF = new Set<ReceiptEvent>(['sent', 'delivered', 'opened', 'clicked', 'complained', 'unsubscribed']);
const FAILURES = new Set<ReceiptEvent>(['bounced', 'failed']);

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
  from: { tenantId: string; connection: string; now: number },
  receipts: Receipt[],
): Promise<Applied> {
  const matched = await matchDeliveries(db, from, receipts);
  if (matched.length === 0) return { fresh: [], priorities: [] };
  const now = new Date(from.now);
  const { hashes, ladders } = await insertReceipts(db, from.tenantId, from.connection, matched, now);
  const fresh = matched.filter((receipt) => hashes.has(receipt.eventHash.toString('hex')));
  if (fresh.length === 0) return { fresh, priorities: [] };
  if (ladders.length > 0) await lockLadders(db, ladders);
  await applyMarks(db, from.tenantId, collectMarks(fresh, now), now);
  await tellReceipts(db, from.tenantId, fresh, now);
  await suppress(db, from, fresh);
  const engaged = fresh.filter(({ event }) => event === 'opened' || event === 'clicked');
  if (engaged.length > 0) await noteEngagements(db, from.tenantId, idsOf(engaged));
  const priorities = ladders.length > 0 ? await moveLadders(db, { ...from, ladders }, fresh) : [];
  return { fresh, priorities };
}

function idsOf(receipts: MatchedReceipt[]): string[] {
  return [...new Set(receipts.map(({ deliveryId }) => deliveryId))];
}

/** What reached the user stops ladders; what did not makes them go on at once. */
async function moveLadders(
  db: Queryable,
  { tenantId, now, ladders }: { tenantId: string; now: number; ladders: string[] },
  fresh: MatchedReceipt[],
): Promise<number[]> {
  const at = new Date(now);
  const { priorities } = await stopLadders(db, { tenantId, ids: ladders, now: at });
  if (!fresh.some(({ event }) => FAILURES.has(event))) return priorities;
  return [...priorities, ...(await hurryLadders(db, ladders, at))];
}

/** How many messages these receipts call delivered, and how many they call lost. */
export function countEnds(receipts: MatchedReceipt[]): { delivered: number; undelivered: number } {
  return {
    delivered: receipts.filter(({ event }) => event === 'delivered').length,
    undelivered: receipts.filter(({ event }) => FAILURES.has(event)).length,
  };
}

async function matchDeliveries(
  db: Queryable,
  { tenantId, connection }: { tenantId: string; connection: string },
  receipts: Receipt[],
): Promise<MatchedReceipt[]> {
  const unnamed = receipts.flatMap(({ deliveryId, providerMessageId }) =>
    !deliveryId && providerMessageId ? [providerMessageId] : [],
  );
  const found =
    unnamed.length > 0
      ? await findByProviderId(db, tenantId, connection, unnamed)
      : new Map<string, string>();
  const seen = new Set<string>();
  return receipts.flatMap((receipt) => {
    const deliveryId = receipt.deliveryId ?? found.get(receipt.providerMessageId ?? '');
    if (!deliveryId || !isUuid(deliveryId)) return [];
    const eventHash = createHash('sha256').update(receipt.eventKey).digest().subarray(0, 16);
    const name = `${deliveryId}/${eventHash.toString('hex')}`;
    if (seen.has(name)) return [];
    seen.add(name);
    return [{ ...receipt, deliveryId, eventHash }];
  });
}

function collectMarks(receipts: MatchedReceipt[], now: Date): Marks[] {
  const byDelivery = Map.groupBy(receipts, (receipt) => receipt.deliveryId);
  return [...byDelivery].map(([deliveryId, list]) => {
    const failure = list.find((receipt) => FAILURES.has(receipt.event));
    return {
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

function earliest(receipts: MatchedReceipt[], event: ReceiptEvent, now: Date): Date | null {
  const times = receipts
    .filter((receipt) => receipt.event === event)
    .map((receipt) => receipt.at ?? now.getTime());
  return times.length > 0 ? new Date(Math.min(...times)) : null;
}

async function suppress(
  db: Queryable,
  { tenantId, connection, now }: { tenantId: string; connection: string; now: number },
  receipts: MatchedReceipt[],
): Promise<void> {
  const final = receipts.filter((receipt) => receipt.effect?.type === 'suppress-contact');
  if (final.length === 0) return;
  const addresses = await loadAddresses(
    db,
    tenantId,
    final.map((receipt) => receipt.deliveryId),
  );
  const reasons = new Map(
    final.map(({ deliveryId, reason }) => [deliveryId, reason ?? 'recipient_opted_out']),
  );
  await suppressContacts(
    db,
    now,
    addresses.map(({ deliveryId, kind, address }) => ({
      tenantId,
      kind,
      address,
      reason: reasons.get(deliveryId)!,
      source: connection,
    })),
  );
}
