import assert from 'node:assert/strict';
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import { createServer } from 'node:https';
import { type TestContext, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { createEgressGuard } from '../../lib/egress.ts';
import { createHttp2Transport, createHttpTransport } from './index.ts';
import { listen, loopbackGuard, post, selfSigned, sendOptions, summary } from './test-peers.ts';

const certificate = selfSigned();
// From here on this process trusts the certificate, which is for 127.0.0.1.
if (certificate) setDefaultCACertificates([...getCACertificates('default'), certificate.cert]);
const needsOpenssl = certificate ? {} : { skip: 'no openssl here' };

const VERSIONS = {
  http: {
    create: createHttpTransport,
    listen: (t: TestContext, options = {}) =>
      listen(
        t,
        createServer({ ...certificate, ...options }, (_, response) => response.end()),
      ),
  },
  http2: {
    create: createHttp2Transport,
    listen: (t: TestContext, options = {}) => {
      const server = createSecureServer({ ...certificate, ...options });
      server.on('stream', (stream: ServerHttp2Stream) =>
        stream.respond({ ':status': 200 }, { endStream: true }),
      );
      return listen(t, server);
    },
  },
};

for (const [name, version] of Object.entries(VERSIONS)) {
  const transportFor = (t: TestContext, guard = loopbackGuard) => {
    const transport = version.create({ guard });
    t.after(() => transport.close());
    return transport;
  };

  test(`${name}: a peer with a valid certificate is spoken to`, needsOpenssl, async (t) => {
    const { port } = await version.listen(t);
    const sent = await transportFor(t).send(post(`https://127.0.0.1:${port}/`), sendOptions());
    assert.equal(summary(sent), 'reply 200');
  });

  test(
    `${name}: a certificate for another name is refused, although the address is the right one`,
    needsOpenssl,
    async (t) => {
      const guard = createEgressGuard({
        allow: ['127.0.0.1/32'],
        resolve: (_, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]),
      });
      const peer = await version.listen(t);
      const request = post(`https://vendor.example.com:${peer.port}/`);
      const sent = await transportFor(t, guard).send(request, sendOptions());
      assert.equal(summary(sent), 'unavailable account_misconfigured');
      assert.equal(peer.accepted, 1);
    },
  );

  test(`${name}: a peer that speaks nothing newer than TLS 1.1 is refused`, needsOpenssl, async (t) => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
    const { port } = await version.listen(t, old);
    const sent = await transportFor(t).send(post(`https://127.0.0.1:${port}/`), sendOptions());
    assert.equal(summary(sent), 'unavailable account_misconfigured');
  });
}

test('http2: a peer that has only HTTP/1.1 to offer was sent no request', needsOpenssl, async (t) => {
  const server = createServer({ ...certificate }, () => assert.fail('a request got through'));
  const { port } = await listen(t, server);
  const transport = createHttp2Transport({ guard: loopbackGuard });
  t.after(() => transport.close());
  const sent = await transport.send(post(`https://127.0.0.1:${port}/`), sendOptions());
  assert.match(summary(sent), /^(retry network_error|unavailable account_misconfigured)$/);
});
