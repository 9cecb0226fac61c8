import type { Queryable } from '../store/index.ts';
import { pruneDevices, suppressContacts } from '../users/index.ts';
import { loadRecipients, type MatchedReceipt } from './store.ts';

/** Addresses and devices that receipts call dead, or whose owners want no more, are not written to again. */
export async function silenceRecipients(
  db: Queryable,
  receipts: readonly MatchedReceipt[],
  now: number,
): Promise<void> {
  const final = receipts.filter(({ effect }) => effect);
  if (final.length === 0) return;
  const recipients = new Map(
    (await loadRecipients(db, final)).map((recipient) => [recipient.deliveryId, recipient]),
  );
  const suppressed = final.flatMap(({ tenantId, connection, deliveryId, effect, reason }) => {
    const { kind, address } = recipients.get(deliveryId) ?? {};
    return effect?.type === 'suppress-contact' && kind && address
      ? [{ tenantId, kind, address, reason: reason ?? 'recipient_opted_out', source: connection }]
      : [];
  });
  await suppressContacts(db, now, suppressed);
  const pruned = final.flatMap(({ tenantId, deliveryId, effect, reason }) => {
    const { device } = recipients.get(deliveryId) ?? {};
    return effect?.type === 'prune-device' && device
      ? [
          {
            tenantId,
            deviceId: device,
            invalidSince: effect.invalidSince ?? null,
            reason: reason ?? 'device_unregistered',
          },
        ]
      : [];
  });
  await pruneDevices(db, now, pruned);
}
