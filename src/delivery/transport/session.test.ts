import assert from 'node:assert/strict';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createHttp2Transport } from './http2.ts';
import { listen, listenRaw, loopbackGuard, post, sendOptions, summary } from './test-peers.ts';

/** A network in front of an HTTP/2 server that can fall silent: connections stay, nothing comes through. */
async function startNetwork(t: TestContext) {
  const server = createServer();
  server.on('stream', (stream: ServerHttp2Stream) => stream.respond({ ':status': 200 }, { endStream: true }));
  server.on('session', (session) => session.on('error', () => {}));
  const { port } = await listen(t, server);
  const ways: [Socket, Socket][] = [];
  const network = await listenRaw(t, (socket) => {
    const behind = connect(port, '127.0.0.1').on('error', () => {});
    socket.pipe(behind).pipe(socket);
    ways.push([socket, behind]);
  });
  const fallSilent = () => {
    for (const [socket, behind] of ways) {
      socket.unpipe(behind).resume();
      behind.unpipe(socket);
    }
  };
  return { network, fallSilent, url: `http://127.0.0.1:${network.port}/` };
}

test('a session that a timeout brought under suspicion and that answers no ping is replaced', async (t) => {
  const { network, fallSilent, url } = await startNetwork(t);
  const transport = createHttp2Transport({ guard: loopbackGuard });
  t.after(() => transport.close());
  const send = async () => summary(await transport.send(post(url), sendOptions({ deadlineMs: 200 })));
  assert.equal(await send(), 'reply 200');
  fallSilent();
  t.mock.timers.enable({ apis: ['setTimeout'] });
  assert.equal(await send(), 'unknown timeout');
  assert.equal(await send(), 'unknown timeout');
  t.mock.timers.tick(10_000);
  assert.equal(await send(), 'reply 200');
  assert.equal(network.accepted, 2);
});
