import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import {
  eventually,
  type RunningBellhop,
  startBellhop,
  temporaryFolder,
} from '../../test/support/process.ts';
import { openAddress, skip, useBrowser } from '../simulator/browser-fixture.ts';

useBrowser();

/**
 * What a customer's page does: ask for a ticket with the user's token, listen, and write down what it hears. The browser
 * itself comes back after an interruption; only when the ticket is over by then does the page ask for a new one.
 */
const LISTEN = `async ({ url, token }) => {
  const call = (path, method = 'POST') =>
    fetch(url + path, { method, headers: { authorization: 'Bearer ' + token } }).then((answer) => answer.json());
  globalThis.heard = [];
  globalThis.markRead = (id) => call('/v1/inbox/' + id + '/read');
  const listen = async (last) => {
    const { ticket } = await call('/v1/inbox/stream-tickets');
    const source = new EventSource(url + '/v1/inbox/stream?ticket=' + ticket + (last ? '&lastEventId=' + last : ''));
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) listen(heard.at(-1)?.lastEventId);
    };
    for (const event of ['counts', 'item.created', 'item.updated', 'sync.required'])
      source.addEventListener(event, ({ data, lastEventId }) => {
        const { item, counts, ...rest } = JSON.parse(data);
        heard.push({ event, lastEventId, title: item?.title ?? null, id: item?.id, unread: (counts ?? rest).unread });
      });
  };
  await listen();
}`;

async function servePage(t: TestContext): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Shop</title>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function notify({ call }: RunningBellhop, title: string): Promise<void> {
  const body = { userId: 'ada', channels: ['inbox'], message: { title, body: 'x' } };
  assert.equal((await call('POST', '/v1/notifications', body)).status, 202);
}

test('a page of another origin hears of an item, and of what it missed while the server was restarted', {
  skip,
}, async (t) => {
  const dataDir = temporaryFolder();
  let bellhop = await startBellhop({}, { dataDir });
  t.after(() => bellhop.dispose());
  const shop = await servePage(t);
  await bellhop.call('PUT', '/v1/browser-origins', { origins: [shop] });
  await bellhop.call('PUT', '/v1/users/ada', {});
  const { token } = (await bellhop.call('POST', '/v1/users/ada/tokens', {})).body;
  const { page } = await openAddress(t, shop);
  await page.evaluate(`(${LISTEN})(${JSON.stringify({ url: bellhop.url, token })})`);
  const heard = async (count: number) => {
    await page.waitForFunction(`heard.length >= ${count}`);
    return (await page.evaluate('heard')) as {
      event: string;
      title: string | null;
      id?: string;
      unread: number;
    }[];
  };
  assert.deepEqual(
    (await heard(1)).map(({ event, unread }) => [event, unread]),
    [['counts', 0]],
  );
  await notify(bellhop, 'First');
  const [, first] = await heard(2);
  assert.deepEqual([first!.event, first!.title, first!.unread], ['item.created', 'First', 1]);
  await page.evaluate(`markRead(${JSON.stringify(first!.id)})`);
  assert.deepEqual((await heard(3)).map(({ event, unread }) => [event, unread])[2], ['item.updated', 0]);

  await page.context().setOffline(true);
  const stopped = performance.now();
  assert.equal(await bellhop.end(), 0);
  assert.ok(performance.now() - stopped < 10_000, 'an open stream does not hold up the end');
  bellhop = await startBellhop({ BELLHOP_PORT: new URL(bellhop.url).port }, { dataDir });
  await notify(bellhop, 'Second');
  const list = async () => (await bellhop.call('GET', '/v1/users/ada/inbox')).body.items;
  await eventually(list, (items) => items.length === 2);
  await page.context().setOffline(false);
  const missed = (await heard(5)).slice(3).map(({ event, title, unread }) => [event, title, unread]);
  assert.deepEqual(missed, [
    ['item.created', 'Second', 1],
    ['counts', null, 1],
  ]);
});
