import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { json } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { eventually, type RunningBellhop, startBellhop } from '../support/process.ts';

const BOT_TOKEN = '123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11';
const APP_SECRET = 'the-app-secret';
const PHONE_NUMBER_ID = '106540352242922';
const PENDING = ['accepted', 'processing'];
const SOON_MS = 20_000;
const BLOCKED = 666;
const MOVED = -77;
const MOVED_TO = -10_077;

interface Received {
  path: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a vendor is sent
  body: any;
}

/** Telegram and WhatsApp at one address, by the answers that they document. */
function answer({ path, body }: Received): [status: number, body: object] {
  if (path === `/v26.0/${PHONE_NUMBER_ID}/messages`) return [200, { messages: [{ id: `wamid.${body.to}` }] }];
  if (path !== `/bot${BOT_TOKEN}/sendMessage`)
    return [404, { ok: false, error_code: 404, description: 'Not Found' }];
  const refuse = (status: number, description: string, parameters?: object): [number, object] => [
    status,
    { ok: false, error_code: status, description, parameters },
  ];
  if (body.chat_id === BLOCKED) return refuse(403, 'Forbidden: bot was blocked by the user');
  if (body.chat_id === MOVED)
    return refuse(400, 'Bad Request: group chat was upgraded to a supergroup chat', {
      migrate_to_chat_id: MOVED_TO,
    });
  return [200, { ok: true, result: { message_id: 7, chat: { id: body.chat_id } } }];
}

// A real process, with the two services on loopback.
describe('chat', () => {
  const received: Received[] = [];
  let vendors: Server;
  let bellhop: RunningBellhop;
  let receiptsPath: string;
  before(async () => {
    vendors = createServer(async (request, response) => {
      const one = { path: request.url!, body: await json(request) };
      received.push(one);
      const [status, body] = answer(one);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    }).listen(0, '127.0.0.1');
    await once(vendors, 'listening');
    const baseUrl = `http://127.0.0.1:${(vendors.address() as { port: number }).port}`;
    bellhop = await startBellhop({ BELLHOP_PUBLIC_URL: 'https://bell.example' });
    const connect = async (provider: string, config: object) => {
      const made = await bellhop.call('PUT', `/v1/connections/${provider}`, {
        provider,
        config: { ...config, baseUrl },
      });
      assert.ok(made.status < 300, JSON.stringify(made.body));
      return made.body.receiptsPath;
    };
    await connect('telegram', { botToken: BOT_TOKEN });
    receiptsPath = await connect('whatsapp', {
      phoneNumberId: PHONE_NUMBER_ID,
      accessToken: 'EAA',
      appSecret: APP_SECRET,
      verifyToken: 'v',
    });
  });
  after(async () => {
    await bellhop?.end();
    vendors?.closeAllConnections();
    vendors?.close();
  });

  const addUser = (id: string, contacts: object) => bellhop.call('PUT', `/v1/users/${id}`, { contacts });
  async function send(userId: string, message: object): Promise<string> {
    const sent = await bellhop.call('POST', '/v1/notifications', {
      userId,
      channels: ['chat'],
      priority: 'high',
      message,
    });
    assert.equal(sent.status, 202, JSON.stringify(sent.body));
    return sent.body.id;
  }
  // biome-ignore lint/suspicious/noExplicitAny: a view of the API
  const until = (id: string, isSo: (view: any) => boolean) =>
    eventually(async () => (await bellhop.call('GET', `/v1/notifications/${id}`)).body, isSo, SOON_MS);
  const deliveryOf = async (id: string) => {
    const { deliveries } = await until(id, ({ status }) => !PENDING.includes(status));
    return deliveries[0];
  };
  const chatsWrittenTo = () => received.map(({ body }) => body.chat_id).filter((id) => id !== undefined);

  it('reaches a person over the service that the person has', async () => {
    await addUser('ada', { telegram: '987654321' });
    const { state, provider, providerMessageId } = await deliveryOf(
      await send('ada', { title: 'Parcel', body: 'It is <here>', url: 'https://acme.org/p' }),
    );
    assert.deepEqual([state, provider, providerMessageId], ['sent', 'telegram', '987654321:7']);
    assert.equal(
      received.at(-1)!.body.text,
      '<b><a href="https://acme.org/p">Parcel</a></b>\n\nIt is &lt;here&gt;',
    );
  });

  it('follows a group that became a supergroup, and writes there from then on', async () => {
    await addUser('club', { telegram: String(MOVED) });
    const first = await deliveryOf(await send('club', { body: 'Tonight' }));
    assert.deepEqual([first.state, first.providerMessageId], ['sent', `${MOVED_TO}:7`]);
    await deliveryOf(await send('club', { body: 'Tomorrow' }));
    assert.deepEqual(chatsWrittenTo().slice(-3), [MOVED, MOVED_TO, MOVED_TO]);
  });

  it('does not write again to somebody who blocked the bot', async () => {
    await addUser('eve', { telegram: String(BLOCKED) });
    const first = await deliveryOf(await send('eve', { body: 'Hello' }));
    assert.deepEqual([first.state, first.reason], ['failed', 'recipient_opted_out']);
    const second = await deliveryOf(await send('eve', { body: 'Hello?' }));
    assert.equal(second.state, 'skipped');
    assert.equal(chatsWrittenTo().filter((id) => id === BLOCKED).length, 1);
  });

  it('sends an approved template by WhatsApp, whose status comes back to it', async () => {
    await addUser('bob', { whatsapp: '+15551234567' });
    const whatsapp = { id: 'parcel_here', language: 'en_US', parameters: { 1: 'Bob' } };
    const id = await send('bob', { body: 'It is here', chat: { vendorTemplates: { whatsapp } } });
    const delivery = await deliveryOf(id);
    assert.deepEqual([delivery.state, delivery.providerMessageId], ['sent', 'wamid.15551234567']);
    const { template, biz_opaque_callback_data: ours } = received.at(-1)!.body;
    assert.equal(template.name, 'parcel_here');
    const status = {
      id: 'wamid.15551234567',
      status: 'delivered',
      timestamp: '1795262400',
      biz_opaque_callback_data: ours,
    };
    const value = { metadata: { phone_number_id: PHONE_NUMBER_ID }, statuses: [status] };
    const body = JSON.stringify({ entry: [{ changes: [{ field: 'messages', value }] }] });
    const signature = `sha256=${createHmac('sha256', APP_SECRET).update(body).digest('hex')}`;
    const headers = { 'content-type': 'application/json', 'x-hub-signature-256': signature };
    const posted = await fetch(bellhop.url + receiptsPath, { method: 'POST', headers, body });
    assert.equal(posted.status, 204);
    await until(id, ({ deliveries }) => Boolean(deliveries[0].deliveredAt));
  });
});
