import { type HttpResponse, type Outcome, parseRetryAfter } from '../contract.ts';

/** An outcome with the code that stands for it, and with the wait that the vendor asks for in `Retry-After`. */
export function withDetails(
  outcome: Outcome,
  { code, headers, now }: { code: string; headers: HttpResponse['headers']; now: number },
): Outcome {
  if (outcome.kind === 'accepted') return outcome;
  if (outcome.kind !== 'retry') return { ...outcome, code };
  const afterMs = parseRetryAfter(headers['retry-after'], now);
  return { ...outcome, code, ...(afterMs !== undefined && { afterMs }) };
}
