import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeRequest } from './raw-request.ts';

const shown = (body: string) =>
  describeRequest({ method: 'POST', url: '/termii/api/sms/send', headers: {}, body: Buffer.from(body) }).body;

test("an account's key in a JSON body is not shown, the rest is", () => {
  assert.equal(
    shown('{"api_key":"TL\\"x","to":"234","apiSecret" : "s"}'),
    '{"api_key":"[redacted]","to":"234","apiSecret" : "[redacted]"}',
  );
  assert.equal(shown('{"api_key":"cut o'), '{"api_key":"[redacted]"');
  assert.equal(shown('{"token":"device","key":"k"}'), '{"token":"device","key":"k"}');
});
