import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { eventXml, securePost } from '../../src/providers/chat/weixin/testing.ts';
import { eventually, type RunningBellhop, startBellhop } from '../support/process.ts';

const APP_ID = 'wx1234567890abcdef';
const MSG_ID = '1864323726461255680';
/** What `securePost` signs and encrypts with. */
const CALLBACK = {
  callbackToken: 'mytoken',
  encodingAesKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFE',
};

interface Seen {
  method: string;
  url: string;
  authorization: string | undefined;
  body: string;
}

/** The servers of WeChat, WeCom and QQ. The first token of WeChat is no longer good when it is used. */
async function startPeer(): Promise<{ origin: string; seen: Seen[]; server: Server }> {
  const seen: Seen[] = [];
  let tokens = 0;
  const answers: [path: RegExp, answer: (url: string) => string][] = [
    [/^\/cgi-bin\/stable_token$/, () => `{"access_token":"wechat-token-${++tokens}","expires_in":7200}`],
    [
      /^\/cgi-bin\/message\/template\/send\?/,
      (url) =>
        url.endsWith('wechat-token-1')
          ? '{"errcode":42001,"errmsg":"access_token expired"}'
          : `{"errcode":0,"errmsg":"ok","msgid":${MSG_ID}}`,
    ],
    [/^\/cgi-bin\/gettoken\?/, () => '{"errcode":0,"access_token":"wecom-token-1","expires_in":7200}'],
    [/^\/cgi-bin\/message\/send\?/, () => '{"errcode":0,"errmsg":"ok","invaliduser":"","msgid":"m1"}'],
    [/^\/cgi-bin\/webhook\/send\?/, () => '{"errcode":0,"errmsg":"ok"}'],
    [/^\/app\/getAppAccessToken$/, () => '{"access_token":"qq-token-1","expires_in":"7200"}'],
    [/^\/v2\/groups\/G1\/messages$/, () => '{"id":"ROBOT1.0_1","timestamp":"2026-11-21T20:00:00+08:00"}'],
  ];
  const server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request;
    seen.push({ method, url, authorization: headers.authorization, body: await text(request) });
    const answer = answers.find(([path]) => path.test(url))?.[1];
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' });
    response.end(answer?.(url) ?? '{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { origin: `http://127.0.0.1:${(server.address() as { port: number }).port}`, seen, server };
}

describe('WeChat, WeCom and QQ', () => {
  let bellhop: RunningBellhop;
  let peer: Awaited<ReturnType<typeof startPeer>>;
  before(async () => {
    [bellhop, peer] = await Promise.all([startBellhop(), startPeer()]);
    const contacts = { wechat: 'OPENID_Rq0aUa0393vr31', wecom: 'ZhangSan', qq: 'group:G1' };
    await bellhop.call('PUT', '/v1/users/ada', { contacts });
  });
  after(async () => {
    await bellhop?.dispose();
    peer?.server.closeAllConnections();
    peer?.server.close();
  });

  async function connect(provider: string, config: object): Promise<string> {
    const { origin } = peer;
    const request = { provider, config: { ...config, baseUrl: origin } };
    const { status, body } = await bellhop.call('PUT', `/v1/connections/${provider}`, request);
    assert.ok(status < 300, JSON.stringify(body));
    peer.seen.length = 0;
    return body.receiptsPath;
  }

  const view = async (id: string) => (await bellhop.call('GET', `/v1/notifications/${id}`)).body;

  async function send(message: object, expected: string) {
    const request = { userId: 'ada', channels: ['chat'], message };
    const { status, body } = await bellhop.call('POST', '/v1/notifications', request);
    assert.equal(status, 202, JSON.stringify(body));
    const { deliveries } = await eventually(
      () => view(body.id),
      ({ deliveries }) => deliveries?.[0]?.state === expected,
    );
    return { id: body.id, delivery: deliveries[0] };
  }

  const paths = () => peer.seen.map(({ method, url }) => `${method} ${url}`);
  const disconnect = (id: string) => bellhop.call('DELETE', `/v1/connections/${id}`);

  it('a template goes out with a new token for one that ended, and its report finds it', async () => {
    const receiptsPath = await connect('wechat', { appId: APP_ID, appSecret: 's3cret', ...CALLBACK });
    const wechat = { id: 'T1', parameters: { thing1: 'Milk tea' } };
    const { id } = await send({ body: 'Tea', chat: { vendorTemplates: { wechat } } }, 'sent');
    assert.deepEqual(paths(), [
      'POST /cgi-bin/stable_token',
      'POST /cgi-bin/message/template/send?access_token=wechat-token-1',
      'POST /cgi-bin/stable_token',
      'POST /cgi-bin/message/template/send?access_token=wechat-token-2',
    ]);
    assert.deepEqual(JSON.parse(peer.seen[3]!.body).data, { thing1: { value: 'Milk tea' } });
    const report = `<MsgID>${MSG_ID}</MsgID><Status><![CDATA[success]]></Status>`;
    const { url, body } = securePost(
      eventXml('TEMPLATESENDJOBFINISH', report),
      APP_ID,
      `${Math.floor(Date.now() / 1_000)}`,
    );
    const answer = await fetch(bellhop.url + receiptsPath + new URL(url).search, {
      method: 'POST',
      headers: { 'content-type': 'text/xml' },
      body: Buffer.from(body),
    });
    assert.deepEqual([answer.status, await answer.text()], [200, 'success']);
    assert.ok((await view(id)).deliveries[0].deliveredAt);
  });

  it('what has no template fails with the reason, and no request', async () => {
    peer.seen.length = 0;
    const { delivery } = await send({ body: 'Tea' }, 'failed');
    assert.equal(delivery.reason, 'content_invalid');
    assert.deepEqual(paths(), []);
    await disconnect('wechat');
  });

  it('a member of WeCom gets a text', async () => {
    await connect('wecom', { corpId: 'ww1234567890abcdef', agentId: 7, secret: 's3cret' });
    await send({ title: 'Parcel', body: 'It is here' }, 'sent');
    assert.deepEqual(paths(), [
      'GET /cgi-bin/gettoken?corpid=ww1234567890abcdef&corpsecret=s3cret',
      'POST /cgi-bin/message/send?access_token=wecom-token-1',
    ]);
    const { touser, agentid, text: said } = JSON.parse(peer.seen[1]!.body);
    assert.deepEqual([touser, agentid, said], ['ZhangSan', 7, { content: 'Parcel\nIt is here' }]);
    await disconnect('wecom');
  });

  it('a robot of WeCom speaks in its group', async () => {
    await connect('wecom-robot', { key: '693a91f6-7abc-4bc4-97a0-0ec2c1fa5aaa' });
    await send({ body: 'It is here' }, 'sent');
    assert.deepEqual(paths(), ['POST /cgi-bin/webhook/send?key=693a91f6-7abc-4bc4-97a0-0ec2c1fa5aaa']);
    await disconnect('wecom-robot');
  });

  it('a bot of QQ writes to a group', async () => {
    const tokenUrl = `${peer.origin}/app/getAppAccessToken`;
    await connect('qq', { appId: '102000001', clientSecret: 's3cret', tokenUrl });
    await send({ body: 'It is here' }, 'sent');
    assert.deepEqual(paths(), ['POST /app/getAppAccessToken', 'POST /v2/groups/G1/messages']);
    assert.equal(peer.seen[1]!.authorization, 'QQBot qq-token-1');
  });
});
