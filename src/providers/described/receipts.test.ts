import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import httpSms from '../sms/http-sms.ts';
import { configOf, context, receipts } from './testing.ts';

function received(body: string, headers: Record<string, string> = {}, url = 'https://b.example/r') {
  return { method: 'POST', url, headers, body: Buffer.from(body) };
}
const verify = (extra: object, headers: Record<string, string>) =>
  httpSms.receipts!.verify(received('{}', headers), configOf(receipts(extra)), { now: context.now });

test('a connection without a description of receipts believes none', () => {
  assert.equal(httpSms.receipts!.verify(received('{}'), configOf({}), { now: 0 }), false);
  assert.deepEqual(httpSms.receipts!.parse(received('{}'), configOf({})), []);
});

test('posts are known by a signature, a password, a header, or not at all', () => {
  const basic = { signature: { type: 'basic', username: 'v', secret: 'key' } };
  const header = { signature: { type: 'header', header: 'x-token', secret: 'key' } };
  assert.equal(verify(basic, { authorization: `Basic ${btoa('v:k3y-of-the-tenant')}` }), true);
  assert.equal(verify(basic, { authorization: `Basic ${btoa('v:x')}` }), false);
  assert.equal(verify(header, { 'x-token': 'k3y-of-the-tenant' }), true);
  assert.equal(verify(header, { 'x-token': '' }), false);
  assert.equal(verify({ signature: { type: 'none' } }, {}), true);
});

test('a signature in hex may be written in capitals, with its prefix', () => {
  const mac = createHmac('sha256', 'k3y-of-the-tenant').update('{}').digest('hex');
  const hmac = { signature: { type: 'hmac', header: 'x-sig', prefix: 'SHA256=', secret: 'key' } };
  for (const given of [`SHA256=${mac}`, `sha256=${mac}`, `SHA256=${mac.toUpperCase()}`])
    assert.equal(verify(hmac, { 'x-sig': given }), true, given);
  for (const given of [mac, `SHA512=${mac}`, `SHA256=${mac.slice(1)}`, 'SHA256='])
    assert.equal(verify(hmac, { 'x-sig': given }), false, given);
});

test('reports are read from a list, from a form, and by our own id', () => {
  const id = context.deliveryId;
  const read = (extra: object, body: string, url?: string) =>
    httpSms.receipts!.parse(received(body, {}, url), configOf(receipts(extra)));
  const list = read(
    { reports: '/all', time: '/t', timeUnit: 'iso', code: '/c' },
    JSON.stringify({
      all: [{ id: 'm1', s: 'D', t: '2026-11-21T12:00:00Z', c: 5 }, { id: 'm2', s: 'new' }, null],
    }),
  );
  assert.deepEqual(list, [
    {
      event: 'delivered',
      deliveryId: null,
      providerMessageId: 'm1',
      at: context.now,
      eventKey: 'm1:d',
      code: '5',
    },
  ]);
  assert.equal(read({ format: 'form' }, 'id=m1&s=d&s=x').length, 0, 'the last of a name counts');
  assert.equal(read({ format: 'form' }, 'id=m1&s=d')[0]?.providerMessageId, 'm1');
  assert.equal(
    read({ messageId: undefined, deliveryId: '/ref' }, `{"ref":"${id}","s":"d"}`)[0]?.deliveryId,
    id,
  );
  assert.equal(read({}, '{"s":"d"}', `https://b.example/r?delivery=${id}`)[0]?.deliveryId, id);
  assert.deepEqual(read({}, '{"s":"d"}'), []);
});
