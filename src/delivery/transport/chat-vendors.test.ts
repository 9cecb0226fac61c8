import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { reveal } from '../../lib/secret.ts';
import { getProvider, type HttpProvider, type Message, parseConfig } from '../../providers/index.ts';
import { createHttpTransport } from './http.ts';
import { listen, loopbackGuard, sendOptions } from './test-peers.ts';

interface Seen {
  path: string;
  headers: Record<string, string | string[] | undefined>;
  // biome-ignore lint/suspicious/noExplicitAny: each vendor has fields of its own
  body: any;
}

/** A vendor in short: whether it knows the caller and where the message goes, and how it answers. */
interface Vendor {
  config: Record<string, string>;
  address: string;
  accepts(seen: Seen): boolean;
  answer: [status: number, body: string];
  refusal: [status: number, body: string];
  messageId: string | null;
}

const json = (value: object) => JSON.stringify(value);
const VENDORS: Record<string, Vendor> = {
  telegram: {
    config: { botToken: '123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11' },
    address: '987654321',
    accepts: ({ path, body }) =>
      path === '/bot123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11/sendMessage' && body.chat_id === 987654321,
    answer: [200, json({ ok: true, result: { message_id: 7, chat: { id: 987654321 } } })],
    refusal: [404, json({ ok: false, error_code: 404, description: 'Not Found' })],
    messageId: '987654321:7',
  },
  slack: {
    config: { botToken: 'xoxb-17653672481' },
    address: 'U061F7AUR',
    accepts: ({ path, headers, body }) =>
      path === '/chat.postMessage' &&
      headers.authorization === 'Bearer xoxb-17653672481' &&
      body.channel === 'U061F7AUR',
    answer: [200, json({ ok: true, channel: 'D1', ts: '1.2' })],
    refusal: [200, json({ ok: false, error: 'invalid_auth' })],
    messageId: 'D1:1.2',
  },
  'slack-webhook': {
    config: { url: 'https://hooks.slack.com/services/T1/B1/x' },
    address: '',
    accepts: ({ path, body }) => path === '/services/T1/B1/x' && body.text.includes('Grüße'),
    answer: [200, 'ok'],
    refusal: [404, 'no_service'],
    messageId: null,
  },
  whatsapp: {
    config: { phoneNumberId: '1065', accessToken: 'EAA', apiVersion: 'v26.0', language: 'de' },
    address: '+15551234567',
    accepts: ({ path, headers, body }) =>
      path === '/v26.0/1065/messages' && headers.authorization === 'Bearer EAA' && body.to === '15551234567',
    answer: [200, json({ messages: [{ id: 'wamid.1' }] })],
    refusal: [401, json({ error: { code: 190, message: 'expired' } })],
    messageId: 'wamid.1',
  },
  teams: {
    config: {
      url: 'https://prod-07.westeurope.logic.azure.com/workflows/1/triggers/manual/paths/invoke?sp=%2Fa&sig=s-1',
    },
    address: '',
    accepts: ({ path, body }) =>
      path === '/workflows/1/triggers/manual/paths/invoke?sp=%2Fa&sig=s-1' && body.attachments.length === 1,
    answer: [202, ''],
    refusal: [401, json({ error: { code: 'DirectApiAuthorizationRequired' } })],
    messageId: null,
  },
  'discord-webhook': {
    config: { url: 'https://discord.com/api/webhooks/22/abc' },
    address: '',
    accepts: ({ path }) => path === '/api/v10/webhooks/22/abc?wait=true',
    answer: [200, json({ id: '1175824567890123456' })],
    refusal: [404, json({ code: 10015, message: 'Unknown Webhook' })],
    messageId: '1175824567890123456',
  },
  discord: {
    config: { botToken: 'b.t', userAgent: 'DiscordBot (https://acme.org, 1)' },
    address: '290926798999357250',
    accepts: ({ path, headers }) =>
      path === '/channels/290926798999357250/messages' &&
      headers.authorization === 'Bot b.t' &&
      headers['user-agent'] === 'DiscordBot (https://acme.org, 1)',
    answer: [200, '{"id":1175824567890123457}'],
    refusal: [401, json({ code: 0, message: '401: Unauthorized' })],
    messageId: '1175824567890123457',
  },
};

for (const [id, vendor] of Object.entries(VENDORS)) {
  test(`${id}: a message goes over a socket as the vendor wants it, and both of its answers are understood`, async (t) => {
    const seen: Seen[] = [];
    const server = createServer(async (request, response) => {
      const text = Buffer.concat(await Array.fromAsync(request)).toString();
      seen.push({ path: request.url!, headers: request.headers, body: JSON.parse(text) });
      const [status, body] = vendor.accepts(seen.at(-1)!) ? vendor.answer : vendor.refusal;
      response.writeHead(status).end(body);
    });
    const { port } = await listen(t, server);
    const transport = createHttpTransport({ guard: loopbackGuard });
    t.after(() => transport.close());

    const provider = getProvider(id) as HttpProvider;
    const parsed = parseConfig(provider, { ...vendor.config, baseUrl: `http://127.0.0.1:${port}` });
    assert.ok('config' in parsed, json(parsed));
    const send = async (address: string, baseUrl: string) => {
      const now = Date.now();
      const request = provider.request(messageTo(address), parsed.config, { ...CONTEXT, now, baseUrl });
      const sent = await transport.send(request, sendOptions());
      assert.ok(sent.kind === 'reply', reveal(request.url));
      return provider.classify(sent.reply, { now });
    };
    assert.deepEqual(await send(vendor.address, parsed.baseUrl!), {
      kind: 'accepted',
      providerMessageId: vendor.messageId,
    });
    // The same to somewhere that the vendor does not know.
    assert.equal((await send(vendor.address, `${parsed.baseUrl}/elsewhere`)).kind, 'unavailable');
    assert.equal(seen.length, 2);
  });
}

const CONTEXT = {
  random: (bytes: number) => new Uint8Array(bytes),
  deliveryId: '019aa6b0-0000-7000-8000-000000000001',
};

function messageTo(address: string): Message {
  return {
    channel: 'chat',
    recipient: { address },
    content: { title: 'Grüße', body: 'Es ist da 📦\nhttps://a.org/t', url: 'https://a.org/p' },
    priority: 'high',
    category: 'orders',
    userId: 'u1',
  };
}
