import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually, type RunningBellhop, startBellhop } from '../support/process.ts';
import {
  type MailServer,
  newVapidKeys,
  type PushService,
  startMailServer,
  startPushService,
} from './counterparts.ts';

const PUBLIC_URL = 'https://bell.example';
const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
const TARGET = 'https://shop.example/offers?a=1&b=2';
const HTML = `<!doctype html><html><head><style>a[href="x>"]{color:red}</style></head><body><!-- <a href="${TARGET}"> -->
<p><a class="button" href="https://shop.example/offers?a=1&amp;b=2">Offers</a> <a href='mailto:shop@shop.example'>Write</a>
<a href="https://shop.example/quiet" data-bellhop-track="off">Quietly</a> <a href="#top">Top</a></p></body></html>`;

// What a mail program and a browser do with what really arrived.
describe('opens and clicks', () => {
  let bellhop: RunningBellhop;
  let mail: MailServer;
  let browser: PushService;
  before(async () => {
    [mail, browser] = await Promise.all([startMailServer(), startPushService()]);
    bellhop = await startBellhop({ BELLHOP_PUBLIC_URL: PUBLIC_URL });
    const smtp = { host: '127.0.0.1', port: mail.port, security: 'none', from: 'Shop <news@shop.example>' };
    await bellhop.call('PUT', '/v1/connections/mail', { provider: 'smtp', config: smtp });
    const config = { ...newVapidKeys(), subject: 'mailto:push@example.com' };
    await bellhop.call('PUT', '/v1/connections/browser', { provider: 'webpush', config });
    await bellhop.call('PUT', '/v1/users/ada', { contacts: { email: 'ada@mail.example' } });
    const { subscription } = browser;
    await bellhop.call('POST', '/v1/users/ada/devices', { platform: 'web', subscription });
    const said = await bellhop.call('PUT', '/v1/tracking-settings', { enabled: true });
    assert.equal(said.status, 200, JSON.stringify(said.body));
  });
  after(async () => {
    await bellhop?.dispose();
    await Promise.all([mail.close(), browser.close()]);
  });

  /** Returns the id of the notification, whose first delivery was sent. */
  const send = async (request: object): Promise<string> => {
    const message = { title: 'Offers', body: 'Cheap.', email: { subject: 'Offers', html: HTML } };
    const { body } = await bellhop.call('POST', '/v1/notifications', { userId: 'ada', message, ...request });
    await eventually(
      () => deliveryOf(body.id),
      (delivery) => delivery?.state === 'sent',
    );
    return body.id;
  };
  /** As a mail program opens an address that leads to this installation. */
  const open = (address: string, headers: Record<string, string> = {}) =>
    fetch(bellhop.url + address.slice(PUBLIC_URL.length), {
      headers: { 'user-agent': BROWSER, ...headers },
      redirect: 'manual',
    });
  const deliveryOf = async (id: string) =>
    (await bellhop.call('GET', `/v1/notifications/${id}`)).body.deliveries[0];
  const visitsTo = async (id: string) =>
    (await bellhop.call('GET', `/v1/notifications/${id}/visits`)).body.items;
  const linksIn = (html: string) =>
    [...html.matchAll(/https:\/\/bell\.example\/[lo]\/[\w-]+/g)].map((match) => match[0]);

  it('of a mail are known link by link, and stop its ladder', async () => {
    const steps = [{ channels: ['email'], waitSeconds: 3_600 }, { channels: ['inbox'] }];
    const id = await send({ ladder: { steps, until: 'clicked' } });
    const { html } = mail.mails.at(-1)!;
    const [link, pixel, ...more] = linksIn(html!);
    assert.deepEqual(more, []);
    const untracked = html!
      .replace(link!, 'https://shop.example/offers?a=1&amp;b=2')
      .replace(/<img src="https:\/\/bell\.example\/o\/[^>]*>/, '');
    assert.equal(untracked.trim().replace(/\r\n/g, '\n'), HTML.replace(' data-bellhop-track="off"', ''));

    assert.equal(
      (await open(pixel!, { 'user-agent': 'Mozilla/5.0' })).headers.get('content-type'),
      'image/gif',
    );
    const proxied = await eventually(
      () => visitsTo(id),
      (items) => items.length === 1,
    );
    assert.deepEqual([proxied[0].kind, proxied[0].proxies, proxied[0].why], ['opened', 1, 'apple-mail']);
    assert.equal((await deliveryOf(id)).openedAt, undefined, 'Apple looked, nobody else');

    assert.equal((await open(pixel!)).status, 200);
    // Who clicks before anybody could read is a machine: a person tries again, later.
    const clicked = await eventually(
      async () => {
        const answer = await open(link!);
        assert.deepEqual([answer.status, answer.headers.get('location')], [302, TARGET]);
        return deliveryOf(id);
      },
      ({ clickedAt }) => clickedAt !== undefined,
    );
    assert.ok(clicked.openedAt, 'seen by a person');
    const visit = (await visitsTo(id)).find(({ kind }: { kind: string }) => kind === 'clicked');
    assert.ok(visit.url === TARGET && visit.people > 0 && visit.machines > 0, JSON.stringify(visit));
    const { body: stopped } = await eventually(
      () => bellhop.call('GET', `/v1/notifications/${id}`),
      ({ body }) => body.deliveries.length === 2,
    );
    assert.equal(stopped.deliveries[1].reason, 'ladder_stopped');
  });

  it('are asked of nobody in codes, in what says so, and by what is no signature of ours', async () => {
    for (const request of [{ category: 'otp' }, { tracking: false }]) {
      await send({ channels: ['email'], ...request });
      assert.deepEqual(linksIn(mail.mails.at(-1)!.html!), [], JSON.stringify(request));
    }
    await send({ channels: ['email'] });
    const [link] = linksIn(mail.mails.at(-1)!.html!);
    const forged = await open(`${link!.slice(0, -1)}${link!.endsWith('A') ? 'B' : 'A'}`);
    assert.deepEqual([forged.status, forged.headers.get('location')], [404, null]);
    assert.match(await forged.text(), /This link does not work/);
  });

  it('of a web push are said by the page that shows it, and of the inbox too', async () => {
    const id = await send({ channels: ['push'] });
    const payload = JSON.parse(browser.decrypt(browser.requests.at(-1)!.body));
    assert.equal(payload.beacon.url, `${PUBLIC_URL}/v1/beacons`);
    const say = ({ token }: { token: string }, event: string) =>
      fetch(`${bellhop.url}/v1/beacons`, { method: 'POST', body: JSON.stringify({ token, event }) });
    for (const event of ['shown', 'clicked']) assert.equal((await say(payload.beacon, event)).status, 204);
    const delivery = await eventually(
      () => deliveryOf(id),
      ({ clickedAt }) => clickedAt !== undefined,
    );
    assert.ok(delivery.deliveredAt);

    const inbox = await send({ channels: ['inbox'] });
    const { items } = (await bellhop.call('GET', '/v1/users/ada/inbox')).body;
    const item = items.find(({ notificationId }: { notificationId: string }) => notificationId === inbox);
    assert.equal((await say(item.beacon, 'shown')).status, 204);
    await eventually(
      () => deliveryOf(inbox),
      ({ openedAt }) => openedAt !== undefined,
    );
  });
});
