import type { HttpResponse } from '../contract.ts';

/** A vendor's reply in JSON, for the examples. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): HttpResponse {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}
