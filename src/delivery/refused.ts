import type { Result } from './store.ts';

/**
 * What may be written of a result that the database refuses, in the order to try: first without all that came from
 * outside, then as the bare end of the delivery, without a log. What the provider accepted stays `sent`; an inbox item
 * that could not be stored, and whatever is refused twice, ends as `failed` with reason `internal_error`.
 */
export function lessOf(result: Result): Result[] {
  const ours = withoutWords(result);
  if (result.inboxItem) return [failed(ours), { ...failed(ours), isUnlogged: true }];
  const end = result.settlement.state === 'sent' ? ours : failed(ours);
  return [ours, { ...end, isUnlogged: true }];
}

function withoutWords({ inboxItem: _, hookReason: __, ...result }: Result): Result {
  const { settlement } = result;
  return {
    ...result,
    detail: null,
    settlement: { ...settlement, code: null, choice: null, providerMessageId: null, effect: null },
  };
}

function failed(result: Result): Result {
  const end = {
    state: 'failed',
    reason: 'internal_error',
    dueAt: null,
    decideAt: null,
    moveTo: null,
  } as const;
  return { ...result, outcome: 'rejected', settlement: { ...result.settlement, ...end } };
}
