import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { after, describe, it } from 'node:test';
import { eventually, type RunningBellhop, startBellhop } from '../support/process.ts';
import { createTestDatabase, stopOwnCluster } from '../support/stores.ts';

/** A way to PostgreSQL that can swallow everything, as a network does that loses packets: no error, no answer. */
async function startSwallowingProxy(databaseUrl: string) {
  const target = new URL(databaseUrl);
  const sockets: Socket[] = [];
  let swallowing = false;
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    sockets.push(near, far);
    for (const socket of [near, far]) socket.on('error', () => {});
    near.pipe(far).pipe(near);
    if (swallowing) freeze(near, far);
  });
  const freeze = (...pair: Socket[]) => {
    for (const socket of pair) {
      socket.unpipe();
      socket.resume();
    }
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(databaseUrl);
  url.port = String((server.address() as { port: number }).port);
  return {
    url: url.href,
    swallow() {
      swallowing = true;
      freeze(...sockets);
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe('a process whose loops stand still', () => {
  let bellhop: RunningBellhop | undefined;
  let proxy: Awaited<ReturnType<typeof startSwallowingProxy>> | undefined;
  after(async () => {
    await bellhop?.dispose();
    proxy?.close();
    await stopOwnCluster();
  });

  it('ends itself with a code of its own and a word to the operator, though it still answers', async () => {
    proxy = await startSwallowingProxy(await createTestDatabase());
    bellhop = await startBellhop({
      DATABASE_URL: proxy.url,
      BELLHOP_STUCK_SECONDS: '10',
      BELLHOP_DRAIN_SECONDS: '1',
    });
    assert.equal((await fetch(`${bellhop.url}/health/work`)).status, 200);
    const { url, exited } = bellhop;
    proxy.swallow();
    assert.equal((await fetch(`${url}/health/live`)).status, 200);
    const code = await eventually(
      async () => exited(),
      (ended) => ended !== null,
      60_000,
    );
    assert.equal(code, 75);
    assert.match(
      bellhop.output(),
      /Bellhop ends itself: the [\w. ]+ loop has stood still for more than 10 s/,
    );
    assert.match(bellhop.output(), /"room":"(router|router high|dispatcher|sweep)".*a loop stands still/);
  });
});
