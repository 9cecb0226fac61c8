import type { DeliveryRow } from './store.ts';

/** A delivery whose outcome nobody can tell, with all that its policy looks at. */
export interface Undecided {
  id: string;
  lane: string;
  channel: string;
  provider: string | null;
  category: string;
  retries: number;
  expiresAt: Date | null;
  cancelRequested: boolean;
}

/** The policy: what becomes of it at `now` (ms), or `unknown` when it waits for a person. */
export type DecideUnknown = (delivery: Undecided, now: number) => { state: string; reason: string };

/** What will happen to a delivery whose outcome is unknown, in a sentence; undefined for all others. */
export function describeNext(row: DeliveryRow, decideUnknown?: DecideUnknown): string | undefined {
  if (row.state !== 'unknown') return undefined;
  if (!row.decide_at) return 'waits for a person';
  if (!decideUnknown) return `decided by its category at ${row.decide_at.toISOString()}`;
  const { state, reason } = decideUnknown(
    {
      id: row.id,
      lane: row.lane,
      channel: row.channel,
      provider: row.provider,
      category: row.category ?? '',
      retries: row.retries,
      expiresAt: row.expires_at,
      cancelRequested: row.cancel_requested,
    },
    row.decide_at.getTime(),
  );
  const at = row.decide_at.toISOString();
  if (state === 'unknown') return `waits for a person from ${at} on, unless a receipt comes before`;
  const what = state === 'queued' ? 'sent again over the same connection' : `ends as ${state} (${reason})`;
  return `${what} at ${at}, unless a receipt comes before`;
}
