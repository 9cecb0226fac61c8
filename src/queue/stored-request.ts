import type { NotificationRequest } from './queue.ts';

/**
 * A request as it comes out of the database. What nothing of ours has stored must stop only its own row: it becomes an
 * empty request, which is ended as one that cannot be sent, and no line that looks into it has to fear it.
 */
export function storedRequest(value: unknown): NotificationRequest {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  const { trace, traceState } = value as Record<string, unknown>;
  if (isText(trace) && isText(traceState)) return value;
  return {
    ...value,
    trace: isText(trace) ? trace : undefined,
    traceState: isText(traceState) ? traceState : undefined,
  };
}

function isText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}
