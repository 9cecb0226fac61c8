import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { eventually, type RunningBellhop, startBellhop } from '../support/process.ts';

const MAILS = 150;
const ANSWER_MS = 100;

/** Takes mails as Postmark does, one or many to a request. */
class Postmark {
  readonly requests: { path: string; users: string[] }[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer(async (request, response) => {
      const chunks = await request.toArray();
      const body = JSON.parse(Buffer.concat(chunks).toString());
      const mails: { To: string }[] = Array.isArray(body) ? body : [body];
      this.requests.push({ path: request.url!, users: mails.map(({ To }) => To) });
      const answers = mails.map(({ To }) =>
        To === 'user-7@mail.example'
          ? { ErrorCode: 300, Message: "Invalid 'To' address" }
          : { ErrorCode: 0, Message: 'OK', MessageID: `id-of-${To}` },
      );
      setTimeout(() => {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(Array.isArray(body) ? answers : answers[0]));
      }, ANSWER_MS);
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

describe('a vendor that takes many messages in one request', () => {
  const postmark = new Postmark();
  let bellhop: RunningBellhop;
  before(async () => {
    const baseUrl = await postmark.listen();
    bellhop = await startBellhop();
    const config = { serverToken: 'server-token', from: 'news@shop.example', baseUrl };
    const made = await bellhop.call('PUT', '/v1/connections/mail', { provider: 'postmark', config });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    for (let i = 0; i < MAILS; i++) {
      await bellhop.call('PUT', `/v1/users/user-${i}`, { contacts: { email: `user-${i}@mail.example` } });
    }
  });
  after(async () => {
    await bellhop?.dispose();
    postmark.close();
  });

  it('gets them together, and each delivery has an end and an id of its own', async () => {
    const ids = await Promise.all(
      Array.from({ length: MAILS }, async (_, i) => {
        const { status, body } = await bellhop.call('POST', '/v1/notifications', {
          userId: `user-${i}`,
          channels: ['email'],
          message: { title: 'News', body: `For ${i}` },
          priority: 'low',
        });
        assert.equal(status, 202);
        return body.id;
      }),
    );
    for (const [i, id] of ids.entries()) {
      const { body } = await eventually(
        () => bellhop.call('GET', `/v1/notifications/${id}`),
        ({ body: { status } }) => !['accepted', 'processing'].includes(status),
      );
      const [delivery] = body.deliveries;
      assert.equal(delivery.state, i === 7 ? 'failed' : 'sent', JSON.stringify(delivery));
    }
    const sentTo = postmark.requests.flatMap(({ users }) => users);
    assert.deepEqual([sentTo.length, new Set(sentTo).size], [MAILS, MAILS]);
    assert.ok(postmark.requests.length <= MAILS / 2, `${postmark.requests.length} requests`);
    assert.ok(postmark.requests.some(({ path, users }) => path === '/email/batch' && users.length > 1));
  });

  it('gets what is urgent alone and at once', async () => {
    const before = postmark.requests.length;
    const { body } = await bellhop.call('POST', '/v1/notifications', {
      userId: 'user-1',
      channels: ['email'],
      message: { title: 'Code', body: '123456' },
      priority: 'high',
    });
    await eventually(
      () => bellhop.call('GET', `/v1/notifications/${body.id}`),
      ({ body: { status } }) => status === 'sent',
    );
    assert.deepEqual(
      postmark.requests.slice(before).map(({ path }) => path),
      ['/email'],
    );
  });
});
