import { appendEvents } from '../ledger/index.ts';
import type { Queryable } from '../store/index.ts';
import { FAILING_MS } from './schedule.ts';
import { judgeEndpoints, pausedUntil, type Result, type Settlement, settle } from './settle.ts';
import { fenceOf, writeResults } from './store.ts';
import {
  type DisabledEndpoint,
  disableEndpoints,
  forgetTroubles,
  noteTroubles,
  savePauses,
} from './trouble-store.ts';

/** A result and whether its fence held. */
export interface Ended {
  result: Result;
  settlement: Settlement;
}

/**
 * Writes what came of calls, and what it says about their endpoints, inside the caller's transaction: a constant number
 * of statements. What was given up meanwhile is left out of the answer.
 */
export async function endCalls(
  db: Queryable,
  results: readonly Result[],
  { now, random, troubled }: { now: number; random: () => number; troubled: ReadonlySet<string> },
): Promise<{ ended: Ended[]; disabled: DisabledEndpoint[] }> {
  const settled = results.map((result) => ({ result, settlement: settle(result, random()) }));
  const held = await writeResults(db, settled);
  const ended = settled.filter(({ result }) => held.has(fenceOf(result.claimed)));
  const endpoints = judgeEndpoints(ended.map(({ result }) => result));
  const well = endpoints.filter(({ isFailing, key }) => !isFailing && troubled.has(key));
  if (well.length > 0)
    await forgetTroubles(
      db,
      well.map(({ key }) => key),
    );
  const failing = endpoints.filter(({ isFailing }) => isFailing);
  if (failing.length === 0) return { ended, disabled: [] };
  const byKey = new Map(failing.map((endpoint) => [endpoint.key, endpoint]));
  const troubles = await noteTroubles(db, failing);
  const pauses = troubles.flatMap(({ endpoint_key: key, strain }) => {
    const until = pausedUntil(now, strain, byKey.get(key)!.retryAfterMs);
    return until === null ? [] : [{ key, until: new Date(until) }];
  });
  if (pauses.length > 0) await savePauses(db, pauses);
  const over = troubles.flatMap(({ endpoint_key: key, failing_since }) => {
    const { disable } = byKey.get(key)!;
    const reason = disable ?? (now - failing_since.getTime() >= FAILING_MS ? 'failing' : null);
    return reason ? [{ key, reason }] : [];
  });
  return { ended, disabled: over.length > 0 ? await disable(db, over, now) : [] };
}

/** The others of the tenant are told, since this one can not be. */
async function disable(
  db: Queryable,
  list: Parameters<typeof disableEndpoints>[1],
  now: number,
): Promise<DisabledEndpoint[]> {
  const at = new Date(now);
  const disabled = await disableEndpoints(db, list, at);
  await appendEvents(
    db,
    disabled.map(({ tenant_id: tenantId, id, url, reason }) => ({
      tenantId,
      live: true,
      type: 'webhook.disabled' as const,
      at,
      data: { endpointId: id, url, reason },
    })),
  );
  return disabled;
}
