import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { eventually, type RunningBellhop, startBellhop } from '../support/process.ts';
import { signAsTermii, startTermiiPeer, TERMII } from './termii-peer.ts';
import type { TextPeer } from './text-peer.ts';

const EXAMPLE = new URL('../../examples/http-providers/termii.json', import.meta.url);

// Termii as a connection describes it, against the peer that takes only what Termii's documentation shows.
describe('a vendor that is described', () => {
  let bellhop: RunningBellhop;
  let peer: TextPeer;

  before(async () => {
    [bellhop, peer] = await Promise.all([startBellhop(), startTermiiPeer()]);
    await bellhop.call('PUT', '/v1/users/ada', { contacts: { phone: '+4915112345678' } });
  });
  after(async () => {
    await bellhop?.dispose();
    await peer?.close();
  });

  function connectionTo(baseUrl: string, change: object = {}) {
    const { provider, config } = JSON.parse(readFileSync(EXAMPLE, 'utf8'));
    const json = { ...config.request.json, from: TERMII.from, ...change };
    const secrets = { apiKey: TERMII.apiKey, secretKey: TERMII.secretKey };
    return { provider, config: { ...config, baseUrl, secrets, request: { ...config.request, json } } };
  }
  const put = (request: object) => bellhop.call('PUT', '/v1/connections/texts', request);

  async function send(body: string, channel = 'sms', userId = 'ada') {
    const request = { userId, message: { body }, channels: [channel] };
    const accepted = await bellhop.call('POST', '/v1/notifications', request);
    assert.equal(accepted.status, 202, JSON.stringify(accepted.body));
    return eventually(
      async () => (await bellhop.call('GET', `/v1/notifications/${accepted.body.id}`)).body,
      ({ status }) => status === 'sent' || status === 'failed',
      20_000,
    );
  }

  it('gets its messages, and its signed report finds the message by the id that it gave', async () => {
    const saved = await put(connectionTo(peer.origin));
    assert.equal(saved.status, 201, JSON.stringify(saved.body));
    assert.equal(saved.body.config.secrets, '[set]');
    assert.equal(saved.body.config.request.json.to, '{{ recipient.address | remove_first: "+" }}');
    const sent = await send('It arrives "today".');
    assert.equal(sent.status, 'sent');
    assert.deepEqual(peer.recipients, ['+4915112345678']);
    const { providerMessageId } = sent.deliveries[0];
    assert.match(providerMessageId, /^9122821270554876\d{3}$/);
    const report = `{"type":"outbound","message_id":${providerMessageId},"status":"Delivered"}`;
    const post = (signature: string) =>
      fetch(bellhop.url + saved.body.receiptsPath, {
        method: 'POST',
        headers: { 'x-termii-signature': signature },
        body: report,
      });
    assert.equal((await post(signAsTermii(`${report} `))).status, 401);
    assert.equal((await post(signAsTermii(report))).status, 204);
    const { body } = await bellhop.call('GET', `/v1/notifications/${sent.id}`);
    assert.ok(body.deliveries[0].deliveredAt);
  });

  it('is judged by the rules for its answers', async () => {
    assert.equal((await put(connectionTo(peer.origin, { channel: 'fax' }))).status, 200);
    const { status, deliveries } = await send('x');
    const [attempt] = deliveries[0].attempts;
    assert.deepEqual([status, attempt.outcome, attempt.code], ['failed', 'rejected', 'error']);
    assert.equal(deliveries[0].reason, 'request_invalid');
  });

  it('of chat reaches each user by the contact of its own service', async () => {
    const texts: string[] = [];
    const service = createServer(async (request, response) => {
      texts.push(`${request.url} ${await text(request)}`);
      response.end('{}');
    });
    service.listen(0, '127.0.0.1');
    await once(service, 'listening');
    try {
      const baseUrl = `http://127.0.0.1:${(service.address() as { port: number }).port}`;
      for (const contactKind of ['viber', 'line']) {
        const request = { path: `/${contactKind}`, text: '{{ recipient.address }}' };
        const config = { baseUrl, contactKind, request };
        const saved = await bellhop.call('PUT', `/v1/connections/${contactKind}`, {
          provider: 'http-chat',
          config,
        });
        assert.equal(saved.status, 201, JSON.stringify(saved.body));
      }
      for (const [user, kind] of [
        ['v', 'viber'],
        ['l', 'line'],
      ] as const)
        await bellhop.call('PUT', `/v1/users/${user}`, { contacts: { [kind]: `id-of-${user}` } });
      assert.equal((await send('x', 'chat', 'l')).status, 'sent');
      assert.equal((await send('x', 'chat', 'v')).status, 'sent');
      assert.deepEqual(texts, ['/line id-of-l', '/viber id-of-v']);
    } finally {
      service.closeAllConnections();
      service.close();
    }
  });

  it('may repeat a secret in its answer, and the log does not', async () => {
    const echo = createServer((request, response) => {
      response
        .writeHead(422)
        .end(`{"code":"refused","message":"the key ${request.headers['x-key']} is wrong"}`);
    });
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    try {
      const config = {
        baseUrl: `http://127.0.0.1:${(echo.address() as { port: number }).port}`,
        secrets: { key: 'a-key-that-nobody-may-read' },
        request: { path: '/hook/{{ secret.key }}', headers: { 'x-key': '{{ secret.key }}' } },
        response: { code: '/code' },
      };
      const saved = await bellhop.call('PUT', '/v1/connections/echo', { provider: 'http-webhook', config });
      assert.equal(saved.status, 201, JSON.stringify(saved.body));
      const { status, deliveries } = await send('x', 'webhook');
      const [{ code, detail }] = deliveries[0].attempts;
      assert.deepEqual([status, code], ['failed', 'refused']);
      assert.equal(detail.answer, '{"code":"refused","message":"the key *** is wrong"}');
      assert.doesNotMatch(JSON.stringify(deliveries) + bellhop.output(), /nobody-may-read/);
    } finally {
      echo.closeAllConnections();
      echo.close();
    }
  });

  it('must be given its secrets again when the request changes, but not when the rules do', async () => {
    const { provider, config } = connectionTo(peer.origin);
    assert.equal((await put({ provider, config })).status, 200);
    const { secrets: _, ...open } = config;
    const rules = { ...open, response: { ...open.response, code: '/error' } };
    assert.equal((await put({ provider, config: rules })).status, 200);
    const leak = { ...open.request, json: { ...open.request.json, sms: '{{ secret.apiKey }}' } };
    const refused = await put({ provider, config: { ...open, request: leak } });
    assert.equal(refused.status, 422);
    assert.deepEqual(refused.body.errors, [
      {
        field: '/config/secrets',
        rule: 'must be sent again, since "request" changes where it goes',
      },
    ]);
  });

  it('is refused with every rule that its description breaks', async () => {
    const { provider, config } = connectionTo(peer.origin);
    const request = { ...config.request, path: 'send', json: { to: '{{ recipient.adress }}' } };
    const { status, body } = await put({ provider, config: { ...config, request } });
    assert.equal(status, 422);
    assert.deepEqual(
      body.errors.map(({ field }: { field: string }) => field),
      ['/config/request/path', '/config/request/json/to'],
    );
  });

  it('is not reached inside of our own network', async () => {
    const inside = await startBellhop({ BELLHOP_EGRESS_ALLOW: '' });
    try {
      const { status, body } = await inside.call('PUT', '/v1/connections/texts', connectionTo(peer.origin));
      if (status >= 300) return assert.match(JSON.stringify(body), /baseUrl/);
      const before = peer.recipients.length;
      await inside.call('PUT', '/v1/users/ada', { contacts: { phone: '+4915112345678' } });
      const request = { userId: 'ada', message: { body: 'x' }, channels: ['sms'] };
      const { body: accepted } = await inside.call('POST', '/v1/notifications', request);
      const attempts = await eventually(
        async () => {
          const { body: view } = await inside.call('GET', `/v1/notifications/${accepted.id}`);
          return view.deliveries?.[0]?.attempts ?? [];
        },
        (list: { outcome: string }[]) => list.length > 0 && list[0]?.outcome !== 'pending',
        20_000,
      );
      assert.match(JSON.stringify(attempts), /egress_refused/);
      assert.equal(peer.recipients.length, before);
    } finally {
      await inside.dispose();
    }
  });
});
