import type { HttpResponse } from '../../contract.ts';

/** An answer for the examples: 200, whatever it says. */
export function answer(errcode: number, errmsg: string, more: object = {}): HttpResponse {
  return {
    status: 200,
    headers: { 'content-type': 'application/json; encoding=utf-8' },
    body: JSON.stringify({ errcode, errmsg, ...more }),
  };
}

export const TOKEN_EXAMPLE: HttpResponse = {
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: '{"access_token":"86_example-access-token-0123456789","expires_in":7200}',
};
