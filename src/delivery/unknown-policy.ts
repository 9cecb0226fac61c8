import { type DecideUnknown, priorityOf, type Undecided } from '../ledger/index.ts';
import { type Channel, getProvider } from '../providers/index.ts';
import type { Categories, UnknownPolicy } from '../rules/index.ts';
import type { Queryable } from '../store/index.ts';
import { scheduleFor } from './retry.ts';
import type { Decision } from './sweep-store.ts';

/**
 * The policy for an attempt that nobody can tell the outcome of, once no evidence came in time. Sending again is
 * always over the same connection: only there a provider-side key or a replacing message can hide the duplicate.
 */
export function decideUnknown(delivery: Undecided, policy: UnknownPolicy, now: number): Decision {
  const { id, retries } = delivery;
  const end = (state: Decision['state'], reason: string): Decision => ({ id, state, reason, retries });
  if (delivery.cancelRequested) return end('cancelled', 'cancelled');
  // It may have been sent: that it came too late since then would hide what the person is asked to find out.
  if (policy === 'hold') return end('unknown', 'waits_for_operator');
  if (delivery.expiresAt && delivery.expiresAt.getTime() <= now) return end('expired', 'expired');
  const supports = delivery.provider ? getProvider(delivery.provider)?.supports : undefined;
  const isSafe = supports?.dedupeKey || supports?.replaces;
  if (!isSafe && policy === 'never-repeat') return end('failed', 'unknown_not_repeated');
  const schedule = scheduleFor(delivery.channel as Channel, priorityOf(delivery.lane));
  if (retries >= schedule.delaysMs.length) return end('dead', 'unknown_retries_exhausted');
  return { id, state: 'queued', reason: 'unknown_sent_again', retries: retries + 1 };
}

/** Foretells decisions by the categories of a tenant as they are in force now. */
export function policiesOf(categories: Pick<Categories, 'forTenant'>) {
  return async (db: Queryable, tenantId: string): Promise<DecideUnknown> => {
    const own = await categories.forTenant(db, tenantId);
    return (delivery, now) => decideUnknown(delivery, own.of(delivery.category).unknown, now);
  };
}
