import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { FakeClock } from '../lib/clock.ts';
import { openHttp2, PUSH_ID, previewHeader, requestHttp2, startSimulator, TEXT_ID } from './fixture.ts';

const post = (url: string, body = '', headers: Record<string, string> = {}) =>
  fetch(url, { method: 'POST', body, headers });

test('HTTP/1.1 and HTTP/2 with prior knowledge are answered on one port', async (t) => {
  const { origin } = await startSimulator(t);
  const first = await post(`${origin}/textery/Messages.json`, 'To=1');
  assert.equal(first.status, 201);
  const second = await requestHttp2(openHttp2(t, origin), '/pushery/3/device/abc', { body: '{}' });
  assert.equal(Number(second.headers[':status']), 200);
});

test('the protocol is recognised when the bytes come one by one', async (t) => {
  const { origin } = await startSimulator(t);
  const socket = connect(Number(new URL(origin).port), '127.0.0.1').setNoDelay();
  t.after(() => socket.destroy());
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  for (const byte of 'PROPFIND /textery/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n') {
    await new Promise((written) => socket.write(byte, written));
  }
  await once(socket, 'close');
  assert.match(answer, /^HTTP\/1\.1 201 /);
});

test('every accepted message has an id of its own, in the shape of the example', async (t) => {
  const { origin } = await startSimulator(t);
  const session = openHttp2(t, origin);
  const ids = new Set<string>();
  for (let i = 0; i < 50; i++) {
    const { sid } = (await (await post(`${origin}/textery/x`)).json()) as { sid: string };
    assert.match(sid, /^SM[0-9a-f]{32}$/);
    const { headers } = await requestHttp2(session, '/pushery/x');
    assert.match(headers['x-push-id']!, /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/);
    ids.add(sid).add(headers['x-push-id']!);
  }
  assert.equal(ids.size, 100);
  assert.ok(!ids.has(TEXT_ID) && !ids.has(PUSH_ID));
});

test('simulate-<example> in the path, the body or the preview picks the example', async (t) => {
  const { origin, mailbox } = await startSimulator(t);
  const status = async (response: Promise<Response>) => (await response).status;
  assert.equal(await status(post(`${origin}/pushery/3/device/simulate-rejected-7`)), 410);
  assert.equal(await status(post(`${origin}/textery/x`, 'To=%2B1&Body=simulate-retry')), 429);
  const recipient = 'SIM simulate-unavailable';
  const header = { 'x-bellhop-preview': previewHeader({ recipient }) };
  assert.equal(await status(post(`${origin}/pushery/x`, '', header)), 403);
  assert.deepEqual(
    mailbox.list().map(({ answered, kind }) => [answered, kind]),
    [
      ['rejected', 'rejected'],
      ['retry', 'retry'],
      ['unavailable', 'unavailable'],
    ],
  );
});

test('of two examples the longer name is meant, in whatever case', async (t) => {
  const { origin } = await startSimulator(t);
  assert.equal((await post(`${origin}/pushery/simulate-retrylater`)).status, 503);
  assert.equal((await post(`${origin}/pushery/simulate-retry`)).status, 429);
  assert.equal((await post(`${origin}/pushery/simulate-nothing-known`)).status, 200);
});

test('a token request gets the token and leaves no message', async (t) => {
  const { origin, mailbox } = await startSimulator(t);
  const response = await post(`${origin}/pushery/oauth/token`, '', { 'x-bellhop-purpose': 'token' });
  assert.equal(((await response.json()) as { access_token: string }).access_token, 't');
  assert.equal(mailbox.list().length, 0);
});

test('a path without a known provider is answered 404 and leaves no message', async (t) => {
  const { origin, mailbox } = await startSimulator(t);
  for (const path of ['/', '/nobody/x', '/mailery/x', '/__proto__/x']) {
    assert.equal((await post(origin + path)).status, 404, path);
  }
  assert.equal(mailbox.list().length, 0);
});

test('a preview tells whom the message was for', async (t) => {
  const { origin, mailbox } = await startSimulator(t);
  const header = previewHeader({ userId: 'bob', platform: 'ios', content: { title: 'Hi 👋', body: 'x' } });
  await requestHttp2(openHttp2(t, origin), '/pushery/3/device/t', {
    headers: { 'x-bellhop-preview': header },
  });
  const [message] = mailbox.list();
  assert.equal(message?.userId, 'bob');
  assert.equal(message?.platform, 'ios');
  assert.deepEqual(message?.content, { title: 'Hi 👋', body: 'x' });
});

test('a preview of 8 KB fits into the header, over both protocols', async (t) => {
  const { origin, mailbox } = await startSimulator(t);
  const headers = { 'x-bellhop-preview': previewHeader({ content: { body: 'é'.repeat(4_000) } }) };
  await post(`${origin}/pushery/x`, '', headers);
  await requestHttp2(openHttp2(t, origin), '/pushery/x', { headers });
  assert.deepEqual(
    mailbox.list().map(({ content }) => content.body?.length),
    [4_000, 4_000],
  );
});

test('a request of another program is kept as it was, without its credentials', async (t) => {
  const { origin, mailbox } = await startSimulator(t);
  const secret = 'xoxb-123456789012-abcdefghijklm';
  await post(`${origin}/textery/bot${secret}/send?api_key=${secret}&a=1`, `hello ${'x'.repeat(20_000)}`, {
    authorization: `Bearer ${secret}`,
    'x-api-key': secret,
    accept: 'text/plain',
  });
  const [message] = mailbox.list();
  assert.equal(message?.userId, null);
  const raw = message?.raw as { path: string; headers: Record<string, string>; body: string };
  assert.equal(raw.path, '/textery/botx…/send?api_key=[redacted]&a=1');
  assert.equal(raw.headers.accept, 'text/plain');
  assert.equal(raw.headers.authorization, '[redacted]');
  assert.equal(raw.body.length, 16 * 1024);
  assert.ok(!JSON.stringify(message).includes(secret));
});

test('the mix decides how often each example is answered', async (t) => {
  const { origin, faults, mailbox } = await startSimulator(t, { seed: 7 });
  faults.set({ all: { latencyMs: 0, jitterMs: 0, mix: { accepted: 90, retry: 8, rejected: 2 } } });
  const session = openHttp2(t, origin);
  await Promise.all(Array.from({ length: 1_000 }, () => requestHttp2(session, '/pushery/x')));
  const count = (name: string) => mailbox.list().filter(({ answered }) => answered === name).length;
  assert.ok(Math.abs(count('accepted') - 900) < 50, `${count('accepted')} accepted`);
  assert.ok(Math.abs(count('retry') - 80) < 40, `${count('retry')} retry`);
  assert.ok(count('rejected') > 0);
});

test('the faults of one provider leave the others alone', async (t) => {
  const { origin, faults } = await startSimulator(t);
  faults.set({ providers: { textery: { latencyMs: 0, jitterMs: 0, mix: { unavailable: 1 } } } });
  assert.equal((await post(`${origin}/textery/x`)).status, 401);
  assert.equal((await post(`${origin}/pushery/x`)).status, 200);
});

test('an answer waits for the latency to pass', async (t) => {
  const clock = new FakeClock();
  const { origin, faults, mailbox } = await startSimulator(t, { clock });
  faults.set({ all: { latencyMs: 60_000, jitterMs: 0, mix: {} } });
  const received = new Promise<void>((resolve) => mailbox.onChange(() => resolve()));
  let isAnswered = false;
  const answer = post(`${origin}/textery/x`).then((response) => {
    isAnswered = true;
    return response;
  });
  await received;
  await new Promise(setImmediate);
  clock.advance(59_999);
  await fetch(`${origin}/nobody/x`);
  assert.equal(isAnswered, false);
  clock.advance(1);
  assert.equal((await answer).status, 201);
});

test('a hanging request is never answered, until the simulator closes', async (t) => {
  const { origin, simulator, mailbox } = await startSimulator(t);
  const received = new Promise<void>((resolve) => mailbox.onChange(() => resolve()));
  const answer = post(`${origin}/textery/simulate-hang`);
  const failure = assert.rejects(answer);
  await received;
  assert.deepEqual([mailbox.list()[0]?.answered, mailbox.list()[0]?.kind], ['hang', 'fault']);
  simulator.close();
  await failure;
});

test('a reset breaks the connection before the answer', async (t) => {
  const { origin } = await startSimulator(t);
  await assert.rejects(post(`${origin}/textery/simulate-reset`), (error: Error) => {
    assert.equal((error.cause as { code: string }).code, 'ECONNRESET');
    return true;
  });
  await assert.rejects(requestHttp2(openHttp2(t, origin), '/pushery/simulate-reset'));
});

test('a cut answer breaks off in the middle, also when its body is empty', async (t) => {
  const { origin } = await startSimulator(t);
  const response = await post(`${origin}/textery/simulate-cut`);
  assert.equal(response.status, 201);
  await assert.rejects(response.text());
  const empty = await post(`${origin}/pushery/simulate-cut`);
  assert.equal(empty.status, 200);
  await assert.rejects(empty.text());

  const stream = openHttp2(t, origin).request({ ':method': 'POST', ':path': '/textery/simulate-cut' });
  stream.on('error', () => {}).end();
  const [headers] = await once(stream, 'response');
  assert.equal(headers[':status'], 201);
  stream.resume();
  await once(stream, 'close');
  assert.notEqual(stream.rstCode, 0);
});

test('ten thousand requests over one HTTP/2 session are all answered', async (t) => {
  const { origin, mailbox } = await startSimulator(t);
  const session = openHttp2(t, origin);
  const headers = { 'x-bellhop-preview': previewHeader({}) };
  const started = performance.now();
  for (let batch = 0; batch < 20; batch++) {
    const all = Array.from({ length: 500 }, () =>
      requestHttp2(session, '/pushery/x', { headers, body: '{}' }),
    );
    for (const answer of await Promise.all(all)) assert.equal(Number(answer.headers[':status']), 200);
  }
  t.diagnostic(`${Math.round(10_000 / ((performance.now() - started) / 1000))} requests/s, client included`);
  assert.equal(mailbox.list().length, 1_000);
  assert.equal(mailbox.lastId, 10_000);
});
