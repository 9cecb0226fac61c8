import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { createHttpTransport } from '../delivery/index.ts';
import { createEgressGuard } from '../lib/egress.ts';
import { createVendorPages } from './vendor-pages.ts';

/** What was asked for, and how the next request is answered. */
let asked: string[] = [];
let status = 200;
const server = createServer((request, response) => {
  asked.push(`${request.method} ${request.url}`);
  response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end('the page');
});
const open = createHttpTransport({ guard: createEgressGuard({ allow: ['127.0.0.1/32'] }) });
const guarded = createHttpTransport({ guard: createEgressGuard({ allow: [] }) });
let origin = '';

before(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  asked = [];
  status = 200;
});
after(async () => {
  await Promise.all([open.close(), guarded.close()]);
  server.close();
});

test('a certificate is read once, however many ask for it at once', async () => {
  const pages = createVendorPages(open);
  const read = () => pages.certificate(`${origin}/a.pem`);
  assert.deepEqual(await Promise.all([read(), read(), read()]), ['the page', 'the page', 'the page']);
  assert.equal(await read(), 'the page');
  assert.deepEqual(asked, ['GET /a.pem']);
});

test('what is no certificate is not kept, and a redirect is not followed', async () => {
  const pages = createVendorPages(open);
  for (const wrong of [302, 404, 500]) {
    status = wrong;
    assert.equal(await pages.certificate(`${origin}/a.pem`), null);
  }
  status = 200;
  assert.equal(await pages.certificate(`${origin}/a.pem`), 'the page');
  assert.deepEqual(new Set(asked), new Set(['GET /a.pem']));
});

test('a yes is said each time, and counts when it was taken', async () => {
  const pages = createVendorPages(open);
  assert.equal(await pages.confirm(`${origin}/?Token=t1`), true);
  status = 403;
  assert.equal(await pages.confirm(`${origin}/?Token=t1`), false);
  assert.deepEqual(asked, ['GET /?Token=t1', 'GET /?Token=t1']);
});

test('an address that tenants must not reach is not asked', async () => {
  const pages = createVendorPages(guarded);
  assert.equal(await pages.certificate(`${origin}/a.pem`), null);
  assert.equal(await pages.confirm(`${origin}/a`), false);
  assert.deepEqual(asked, []);
});
