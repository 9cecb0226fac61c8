import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { LIVE_KEY, type RunningBellhop, startBellhop } from '../support/process.ts';

const BODY_LIMIT = 262_144;
const MAX_GROWTH_KB = 200_000;

describe('hostile input', () => {
  let bellhop: RunningBellhop;
  before(async () => {
    bellhop = await startBellhop();
    assert.equal((await bellhop.call('PUT', '/v1/users/ada', {})).status, 201);
  });
  after(() => bellhop?.dispose());

  /** The text as it is, with these headers only. */
  async function post(
    text: string,
    headers: Record<string, string> = { 'content-type': 'application/json' },
  ) {
    const { hostname, port } = new URL(bellhop.url);
    const sent = request({
      hostname,
      port,
      path: '/v1/notifications',
      method: 'POST',
      headers: { authorization: `Bearer ${LIVE_KEY}`, 'content-length': Buffer.byteLength(text), ...headers },
    });
    sent.on('error', () => {}); // the server may hang up before it has read everything
    sent.end(text);
    const [answer] = await once(sent, 'response');
    let body = '';
    for await (const chunk of answer) body += chunk;
    return {
      status: answer.statusCode as number,
      type: String(answer.headers['content-type']),
      body: JSON.parse(body),
    };
  }
  /** A bare connection, and what came back on it. */
  async function open(): Promise<{ socket: Socket; said(): string }> {
    const { hostname, port } = new URL(bellhop.url);
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', () => {}); // the server may hang up in the middle of a word
    await once(socket, 'connect');
    return { socket, said: () => text };
  }
  const memoryKb = () =>
    Number(execFileSync('ps', ['-o', 'rss=', '-p', String(bellhop.pid)], { encoding: 'utf8' }));

  it('with __proto__ or constructor as a key is refused at every level', async () => {
    const places: ((key: string) => string)[] = [
      (key) => `{"userId":"ada",${key}:{"admin":true},"message":{"title":"a","body":"b"}}`,
      (key) => `{"userId":"ada","message":{"title":"a","body":"b",${key}:{"x":1}}}`,
      (key) => `{"userId":"ada","template":{"id":"t",${key}:{"x":1}}}`,
    ];
    const proto = ['"__proto__"', '"\\u005f_proto__"', '"__proto_\\u005F"', '"__\\u0070roto__" '];
    for (const place of places) {
      for (const key of proto) {
        const { status, body } = await post(place(key));
        assert.deepEqual([status, body.code], [400, 'request.malformed'], place(key));
      }
      for (const key of ['"constructor"', '"prototype"', '"toString"', '"hasOwnProperty"']) {
        const { status, body } = await post(place(key));
        assert.deepEqual([status, body.code], [400, 'request.invalid'], place(key));
        assert.match(body.detail, /is not a known field/);
      }
    }
    const deep = '{"userId":"ada","template":{"id":"t","variables":{"a":[{"__proto__":{"x":1}}]}}}';
    assert.equal((await post(deep)).status, 400);
  });

  it('leaves free-form values what they are', async () => {
    const attributes = { constructor: { prototype: { x: 1 } }, toString: 'text', hasOwnProperty: null };
    const { status, body } = await bellhop.call('PUT', '/v1/users/odd', { attributes });
    assert.equal(status, 201);
    assert.equal(JSON.stringify(body.attributes.constructor), '{"prototype":{"x":1}}');
    const next = await bellhop.call('GET', '/v1/users/ada');
    assert.deepEqual([next.status, next.body.attributes], [200, {}]);
  });

  it('can not slip past the rules by its content type', async () => {
    const bad = '{"userId":7,"isAdmin":true}';
    for (const type of [
      'application/json;x=\ty',
      'application/json ; charset=utf-8',
      'application/json;',
      'application/json, text/plain',
      'text/plain',
      'text/plain; application/json',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/vnd.api+json',
      'a',
    ]) {
      const { status, type: answered } = await post(bad, { 'content-type': type });
      assert.ok(status === 415 || status === 400, `${type}: ${status}`);
      assert.match(answered, /^application\/problem\+json/);
    }
    assert.equal((await post(bad, {})).status, 415);
  });

  it('that is too big is refused by its announced and by its real size', { timeout: 45_000 }, async () => {
    const { status, body } = await post(' '.repeat(BODY_LIMIT + 1));
    assert.deepEqual([status, body.code], [413, 'request.too_large']);
    // Without a length, and without an end: it is answered and hung up on while it is still talking.
    const { socket, said } = await open();
    socket.write(
      `POST /v1/notifications HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${LIVE_KEY}\r\n` +
        'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    const piece = `10000\r\n${' '.repeat(65_536)}\r\n`;
    const talk = () => {
      while (socket.writable && socket.write(piece));
    };
    socket.on('drain', talk);
    talk();
    await new Promise((closed) => socket.once('close', closed)); // `once` of events would reject at EPIPE
    // A reset may overtake the answer; there is no other answer than this.
    assert.match(said(), /^(HTTP\/1.1 413 |$)/);
  });

  it('in a flood is answered, and leaves the memory as it was', async () => {
    const monsters = [
      `{"userId":"ada","message":{"title":"${'x'.repeat(BODY_LIMIT)}"}}`,
      `{"userId":"ada","template":{"id":"t","variables":${'{"a":'.repeat(20_000)}`,
      `{"userId":"ada","message":${'['.repeat(100_000)}`,
      `{"userId":"ada","channels":[${'"x",'.repeat(40_000)}"x"]}`,
      `{"userId":"ada","message":{${'"\\u005f":1,'.repeat(19_000)}"a":1}}`,
    ];
    const round = () => Promise.all(monsters.flatMap((text) => Array.from({ length: 20 }, () => post(text))));
    await round(); // warm
    const before = memoryKb();
    for (let i = 0; i < 5; i++)
      for (const { status } of await round()) assert.ok(status === 413 || status === 400, String(status));
    assert.ok(memoryKb() - before < MAX_GROWTH_KB, `${before} kB, then ${memoryKb()} kB`);
    assert.equal((await bellhop.call('GET', '/v1/users/ada')).status, 200);
  });

  it('of guessed keys is answered 429 before long', async () => {
    const guess = (i: number) =>
      bellhop.call('GET', '/v1/users/ada', undefined, { authorization: `Bearer guess-${i}` });
    const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => guess(i)));
    const limited = answers.filter(({ status }) => status === 429);
    assert.ok(limited.length > 0 && answers.every(({ status }) => status === 429 || status === 401));
    assert.ok(Number(limited[0]!.headers.get('retry-after')) >= 1);
  });

  it('that trickles in is cut off', { timeout: 30_000 }, async () => {
    const { socket: slow } = await open();
    slow.write('POST /v1/notifications HTTP/1.1\r\nHost: x\r\n');
    const drip = setInterval(() => slow.write('X-A: b\r\n'), 500);
    const startedAt = performance.now();
    await new Promise((closed) => slow.once('close', closed));
    clearInterval(drip);
    assert.ok(performance.now() - startedAt < 20_000);
  });
});
