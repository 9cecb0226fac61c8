import { Secret } from '../../../lib/secret.ts';
import type { HttpRequest, HttpResponse, Outcome, Token } from '../../contract.ts';
import { readAccessToken } from '../../wire/access-token.ts';
import { parseExactObject } from '../../wire/exact-json.ts';
import { withDetails } from '../../wire/with-details.ts';
import { judgeNoToken } from './errors.ts';

/** QQ makes the next one in the last minute, in which both are good: asked before, it gives the same. */
const MARGIN_MS = 50_000;

export function buildTokenRequest({
  appId,
  clientSecret,
  tokenUrl,
}: {
  appId: string;
  clientSecret: Secret;
  tokenUrl: string;
}): HttpRequest {
  return {
    method: 'POST',
    url: tokenUrl,
    headers: { 'content-type': 'application/json' },
    body: new Secret(JSON.stringify({ appId, clientSecret: clientSecret.reveal() })),
  };
}

export function parseTokenResponse(
  response: HttpResponse,
  now: number,
): { token: Token } | { outcome: Outcome } {
  const reply = response.status === 200 ? parseExactObject(response.body) : null;
  const token = readAccessToken(reply, { now, marginMs: MARGIN_MS });
  if (token) return { token };
  const { outcome, code } = judgeNoToken(response);
  return { outcome: withDetails(outcome, { code, headers: response.headers, now }) };
}
