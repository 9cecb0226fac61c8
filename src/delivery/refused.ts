import type { Result } from './store.ts';

/**
 * What is left of a result that the database refused: the fact of the end, without everything that came from outside.
 * An attempt must not stay `sending` for ever because of a word in its log. An inbox item that could not be stored
 * was not delivered. Pure.
 */
export function withoutRefused(result: Result): Result {
  const { settlement } = result;
  const bare = { ...settlement, code: 'result_refused', providerMessageId: null, effect: null, choice: null };
  const { inboxItem, hookReason: _, ...rest } = result;
  if (!inboxItem) return { ...rest, detail: null, settlement: bare };
  return {
    ...rest,
    outcome: 'rejected',
    detail: null,
    settlement: { ...bare, state: 'failed', reason: 'content_invalid' },
  };
}
