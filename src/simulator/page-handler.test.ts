import assert from 'node:assert/strict';
import { test } from 'node:test';
import { previewHeader, startSimulator } from './fixture.ts';

async function send(origin: string, fields: Record<string, unknown> = {}) {
  const headers = { 'x-bellhop-preview': previewHeader(fields) };
  await fetch(`${origin}/pushery/x`, { method: 'POST', headers });
}

interface List {
  items: { id: number; userId: string; raw?: unknown }[];
  lastId: number;
}

test('messages are listed by user and channel, without what came over the wire', async (t) => {
  const { origin, pageOrigin } = await startSimulator(t);
  for (const userId of ['ann', 'bob', 'ann']) await send(origin, { userId });
  const list = async (query: string) =>
    (await (await fetch(`${pageOrigin}/simulator/api/messages${query}`)).json()) as List;
  assert.equal((await list('')).lastId, 3);
  assert.deepEqual(
    (await list('?user=ann')).items.map(({ id }) => id),
    [1, 3],
  );
  assert.deepEqual(
    (await list('?user=ann&channel=push&after=1')).items.map(({ id }) => id),
    [3],
  );
  assert.deepEqual((await list('?channel=sms')).items, []);
  assert.ok(!('raw' in (await list('')).items[0]!));
  const one = await (await fetch(`${pageOrigin}/simulator/api/messages/2`)).json();
  assert.equal((one as { raw: { method: string } }).raw.method, 'POST');
  assert.equal((await fetch(`${pageOrigin}/simulator/api/messages/99`)).status, 404);
  assert.equal((await fetch(`${pageOrigin}/simulator/api/messages?after=x`)).status, 400);
});

test('a delete clears the mailbox', async (t) => {
  const { origin, pageOrigin, mailbox } = await startSimulator(t);
  await send(origin);
  const response = await fetch(`${pageOrigin}/simulator/api/messages`, { method: 'DELETE' });
  assert.equal(response.status, 204);
  assert.equal(mailbox.list().length, 0);
});

test('faults are read and replaced', async (t) => {
  const { origin, pageOrigin } = await startSimulator(t);
  const put = (body: unknown) =>
    fetch(`${pageOrigin}/simulator/api/faults`, { method: 'PUT', body: JSON.stringify(body) });
  const changed = await put({
    all: { mix: { accepted: 9, reset: 1 } },
    providers: { textery: { latencyMs: 5 } },
  });
  assert.equal(changed.status, 200);
  assert.deepEqual(await (await fetch(`${pageOrigin}/simulator/api/faults`)).json(), {
    all: { latencyMs: 0, jitterMs: 0, mix: { accepted: 9, reset: 1 } },
    providers: { textery: { latencyMs: 5, jitterMs: 0, mix: {} } },
  });
  await put({ all: { mix: { rejected: 1 } } });
  assert.equal((await fetch(`${origin}/textery/x`, { method: 'POST' })).status, 400);
});

const WRONG: [body: unknown, problem: RegExp][] = [
  [[], /must be an object/],
  [{ everything: {} }, /may have all, providers only/],
  [{ all: { latencyMs: -1 } }, /\/all\/latencyMs must be 0 to 600000/],
  [{ all: { latencyMs: 'slow' } }, /\/all\/latencyMs/],
  [{ all: { jitterMs: 1e9 } }, /\/all\/jitterMs/],
  [{ all: { mix: { nothing: 1 } } }, /\/all\/mix: there is no such example/],
  [{ all: { mix: { retry: 'often' } } }, /\/all\/mix\/retry/],
  [{ providers: { nobody: {} } }, /names no provider/],
  [{ providers: { textery: { mix: { retryLater: 1 } } } }, /\/providers\/textery\/mix/],
];

for (const [body, expected] of WRONG) {
  test(`the faults ${JSON.stringify(body)} are refused with the reason`, async (t) => {
    const { pageOrigin, faults } = await startSimulator(t);
    const response = await fetch(`${pageOrigin}/simulator/api/faults`, {
      method: 'PUT',
      body: JSON.stringify(body),
    });
    assert.equal(response.status, 400);
    assert.match(((await response.json()) as { detail: string }).detail, expected);
    assert.deepEqual(faults.settings.all.mix, {});
  });
}

test('a body that is no JSON or too large is refused', async (t) => {
  const { pageOrigin } = await startSimulator(t);
  for (const body of ['{', 'x'.repeat(100_000)]) {
    assert.equal((await fetch(`${pageOrigin}/simulator/api/faults`, { method: 'PUT', body })).status, 400);
  }
});

test('another page may not change anything', async (t) => {
  const { origin, pageOrigin, mailbox } = await startSimulator(t);
  await send(origin);
  const status = async (headers: Record<string, string>) =>
    (await fetch(`${pageOrigin}/simulator/api/messages`, { method: 'DELETE', headers })).status;
  assert.equal(await status({ origin: 'https://evil.example' }), 403);
  assert.equal(await status({ origin: 'null' }), 403);
  assert.equal(await status({ 'sec-fetch-site': 'cross-site' }), 403);
  assert.equal(mailbox.list().length, 1);
  assert.equal(await status({ origin: pageOrigin }), 204);
});

test('the page may load nothing from elsewhere and run no inline script', async (t) => {
  const { pageOrigin } = await startSimulator(t);
  const response = await fetch(`${pageOrigin}/simulator/`);
  assert.equal(response.status, 200);
  const policy = response.headers.get('content-security-policy')!;
  assert.match(policy, /default-src 'none'; script-src 'self';/);
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
  const html = await response.text();
  assert.ok(!/<script(?![^>]*\bsrc=)|\son\w+=|https?:\/\//i.test(html));
});

test('paths outside the page are not found, other methods not allowed', async (t) => {
  const { pageOrigin } = await startSimulator(t);
  const status = async (path: string, method = 'GET') =>
    (await fetch(pageOrigin + path, { method, redirect: 'manual' })).status;
  assert.equal(await status('/simulator'), 308);
  assert.equal(await status('/simulator/%2e%2e/index.ts'), 404);
  assert.equal(await status('/simulator/..%2findex.ts'), 404);
  assert.equal(await status('/simulator/api/nothing'), 404);
  assert.equal(await status('/simulator/', 'POST'), 405);
  assert.equal(await status('/simulator/api/messages/1', 'DELETE'), 405);
  assert.equal(await status('/simulator/api/faults', 'DELETE'), 405);
});

test('the setup tells the page where the API and the key are, and what each provider can answer', async (t) => {
  const { pageOrigin } = await startSimulator(t, {
    baseUrl: 'http://localhost:3000',
    hint: './data/key.json',
  });
  const setup = (await (await fetch(`${pageOrigin}/simulator/api/setup`)).json()) as {
    baseUrl: string;
    hint: string;
    providers: { id: string; behaviours: string[] }[];
  };
  assert.equal(setup.baseUrl, 'http://localhost:3000');
  assert.equal(setup.hint, './data/key.json');
  const pushery = setup.providers.find(({ id }) => id === 'pushery');
  assert.ok(pushery?.behaviours.includes('retryLater') && pushery.behaviours.includes('hang'));
});
