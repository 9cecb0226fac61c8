import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { openStore } from '../../src/store/index.ts';
import { dumpTables } from '../../src/tenants/testing.ts';
import { eventually, type RunningBellhop, startBellhop } from '../support/process.ts';
import { createTestDatabase, stopOwnCluster } from '../support/stores.ts';
import { startTextPeer, type TextPeer } from './text-peer.ts';

const PHONE = '+4915112345678';
// Long, and of letters: nothing else that is stored or printed looks like one.
const UNMISTAKABLE = { codeLength: 10, alphabet: 'letters' };

interface Mailbox {
  items: { content: { body: string; subject?: string; text?: string } }[];
}

// A real process on PostgreSQL, used as a newcomer would; live codes go to a Twilio on loopback.
describe('one-time passwords of a running Bellhop', () => {
  let bellhop: RunningBellhop;
  let databaseUrl: string;
  let twilio: TextPeer;
  let testKey: string;
  const bodies: string[] = [];
  before(async () => {
    databaseUrl = await createTestDatabase();
    twilio = await startTextPeer({
      read(_request, body) {
        bodies.push(new URLSearchParams(body).get('Body')!);
        return { recipient: new URLSearchParams(body).get('To')! };
      },
      // Twilio gives back what it was told to send: https://www.twilio.com/docs/messaging/api/message-resource
      accepted: () => ({
        status: 201,
        body: JSON.stringify({ sid: `SM${randomBytes(16).toString('hex')}`, body: bodies.at(-1) }),
      }),
      get down() {
        return { status: 503, body: JSON.stringify({ code: 20503, message: `not now: ${bodies.at(-1)}` }) };
      },
    });
    bellhop = await startBellhop({
      DATABASE_URL: databaseUrl,
      BELLHOP_LOG_LEVEL: 'debug',
      BELLHOP_SIMULATOR_PAGE: 'on',
    });
    const made = await bellhop.call('POST', '/v1/keys', { name: 'test', live: false, scopes: ['owner'] });
    testKey = made.body.key;
    const config = {
      accountSid: `AC${'0'.repeat(32)}`,
      authToken: 'the-auth-token',
      from: '+15005550006',
      baseUrl: twilio.origin,
    };
    const put = await bellhop.call('PUT', '/v1/connections/texts', { provider: 'twilio', config });
    assert.equal(put.status, 201, JSON.stringify(put.body));
  });
  after(async () => {
    await bellhop?.dispose();
    await twilio?.close();
    await stopOwnCluster();
  });
  const asTest = (method: string, path: string, body?: object) =>
    bellhop.call(method, path, body, { authorization: `Bearer ${testKey}` });

  it('are read in the mailbox of the simulator and checked, with nothing set up', async () => {
    const made = await asTest('POST', '/v1/otp', { to: { phone: '+4915199999999' }, domain: 'shop.example' });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const early = await asTest('POST', '/v1/otp', { to: { phone: '+4915199999999' } });
    assert.deepEqual([early.status, early.body.code], [429, 'otp.too_soon']);
    const waitSeconds = Number(early.headers.get('retry-after'));
    assert.ok(waitSeconds > 20 && waitSeconds <= 30, `${waitSeconds}`);
    const { items } = await eventually(
      async () =>
        (await fetch(`${bellhop.url}/simulator/api/messages?channel=sms`)).json() as Promise<Mailbox>,
      (answer) => answer.items.length > 0,
    );
    const [, code] = /^(\d{6}) is your code\./.exec(items[0]!.content.body)!;
    assert.equal(items[0]!.content.body.split('\n').at(-1), `@shop.example #${code}`);
    const checked = await asTest('POST', `/v1/otp/${made.body.id}/check`, { code });
    assert.deepEqual([checked.status, checked.body.status], [200, 'approved']);
    const view = await asTest('GET', `/v1/notifications/${made.body.notificationId}`);
    assert.equal(view.body.status, 'sent');
  });

  it('are made once by a request that is repeated', async () => {
    const request = { to: { phone: '+4915199999990' } };
    const post = (body: object) =>
      bellhop.call('POST', '/v1/otp', body, {
        authorization: `Bearer ${testKey}`,
        'idempotency-key': 'sign-up-1',
      });
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(request)));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201]);
    assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1);
    const other = await post({ to: { phone: '+4915199999991' } });
    assert.deepEqual([other.status, other.body.code], [422, 'idempotency.mismatch']);
    const live = await bellhop.call(
      'POST',
      '/v1/otp',
      { to: { email: 'a@mail.example' } },
      { 'idempotency-key': 'sign-up-1' },
    );
    assert.equal(live.status, 201, 'live keys have keys of their own');
  });

  it('refuse live keys before a country is allowed', async () => {
    const { status, body } = await bellhop.call('POST', '/v1/otp', { to: { phone: PHONE } });
    assert.deepEqual([status, body.code], [403, 'otp.country_not_allowed']);
    assert.match(body.detail, /PUT \/v1\/otp\/settings/);
  });

  it('stand in clear in no table, no log and no answer', async () => {
    const settings = { ...UNMISTAKABLE, countries: ['DE'], brand: 'Shop', maxAttempts: 3 };
    assert.equal((await bellhop.call('PUT', '/v1/otp/settings', settings)).status, 200);
    // The vendor fails once and says the text again, which is put on record as an attempt.
    twilio.mood = 'down';
    const made = await bellhop.call('POST', '/v1/otp', { to: { phone: PHONE } });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    await eventually(
      async () => bodies.length,
      (count) => count > 0,
    );
    twilio.mood = 'well';
    await eventually(
      async () => (await bellhop.call('GET', `/v1/notifications/${made.body.notificationId}`)).body,
      ({ status }) => status === 'sent',
    );
    assert.deepEqual(twilio.recipients, [PHONE]);
    const code = /^(\w{10}) is your code for Shop\./.exec(bodies.at(-1)!)![1]!;
    const view = await bellhop.call('GET', `/v1/notifications/${made.body.notificationId}`);
    assert.match(JSON.stringify(view.body.deliveries[0].attempts), /not now: \*\*\* is your code/);
    const guess = code === 'AAAAAAAAAA' ? 'BBBBBBBBBB' : 'AAAAAAAAAA';
    const wrong = await bellhop.call('POST', `/v1/otp/${made.body.id}/check`, { code: guess });
    assert.deepEqual([wrong.body.status, wrong.body.attemptsLeft], ['incorrect', 2]);
    const before = await everything(made.body);
    const right = await bellhop.call('POST', `/v1/otp/${made.body.id}/check`, { code: code.toLowerCase() });
    assert.equal(right.body.status, 'approved');
    for (const text of [before, await everything(made.body)]) {
      assert.ok(text.includes(made.body.notificationId) && text.includes('[sealed:code]'));
      assert.equal(text.toUpperCase().includes(code), false);
    }
    const metrics = await (await fetch(`${bellhop.url}/metrics`)).text();
    assert.match(metrics, /bellhop_otp_sent_total\{channel="sms",kind="live"\} 1/);
    assert.match(metrics, /bellhop_otp_checks_total\{outcome="approved",kind="live"\} 1/);
    assert.match(metrics, /bellhop_otp_refused_total\{reason="country_not_allowed",kind="live"\} 1/);
  });

  /** All tables, all that was printed, and what the API tells. */
  async function everything({ id, notificationId }: { id: string; notificationId: string }): Promise<string> {
    const store = await openStore({ databaseUrl, poolSize: 1, migrate: false });
    const tables = await dumpTables(store);
    await store.close();
    const paths = [
      `/v1/otp/${id}`,
      `/v1/notifications/${notificationId}`,
      '/v1/notifications',
      '/v1/otp/usage',
    ];
    const answers = await Promise.all(paths.map((path) => bellhop.call('GET', path)));
    return [tables, bellhop.output(), JSON.stringify(answers.map(({ body }) => body))].join('\n');
  }
});

describe('one-time passwords of a fresh installation', () => {
  let bellhop: RunningBellhop;
  before(async () => {
    bellhop = await startBellhop({ BELLHOP_SIMULATOR_PAGE: 'on' });
  });
  after(() => bellhop?.dispose());

  it('go on to the mailbox when the phone stays silent, and end when they are entered', async () => {
    const made = await bellhop.call('POST', '/v1/keys', { name: 'test', live: false, scopes: ['owner'] });
    const call = (path: string, body: object) =>
      bellhop.call('POST', path, body, { authorization: `Bearer ${made.body.key}` });
    const to = { phone: '+4915112345678', email: 'ada@mail.example' };
    const { body } = await call('/v1/otp', { to, waitSeconds: 10, locale: 'de' });
    assert.deepEqual(body.channels, ['sms', 'email']);
    const { items } = await eventually(
      async () => (await fetch(`${bellhop.url}/simulator/api/messages`)).json() as Promise<Mailbox>,
      (answer) => answer.items.length === 2,
      30_000,
    );
    const [text, mail] = items;
    const code = /^(\d{6}) ist Ihr Code\./.exec(text!.content.body)![1]!;
    assert.equal(mail!.content.subject, 'Ihr Code');
    assert.ok(mail!.content.text!.startsWith(`${code} ist Ihr Code.`), JSON.stringify(mail!.content));
    const answer = await call(`/v1/otp/${body.id}/check`, { code });
    assert.equal(answer.body.status, 'approved');
    assert.equal(bellhop.output().includes(code), false);
  });
});
