import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { type OtpApi, serveOtp, wrong } from '../../test/support/otp.ts';
import { describeStores } from '../../test/support/stores.ts';
import { tidyOtps } from './tidy.ts';

const MINUTE_MS = 60_000;
const PHONE = '+4915112345678';

describeStores('one-time passwords', (store) => {
  let api: OtpApi;
  before(async () => {
    api = await serveOtp(store());
  });
  after(() => api.close());
  beforeEach(async () => {
    await store().engine.query(
      'truncate otps, otp_uses, otp_recipients, otp_pauses, otp_settings, notifications, unrouted, deliveries, postponed',
    );
    await store().engine.query('delete from users where internal');
    api.events.length = 0;
  });
  const check = async (id: string, body: object) =>
    (await api.test('POST', `/v1/otp/${id}/check`, body)).body;
  const look = async (id: string) => (await api.test('GET', `/v1/otp/${id}`)).body;

  it('are sent to a bare number and count once', async () => {
    const { status, body } = await api.test('POST', '/v1/otp', { to: { phone: PHONE }, purpose: 'login' });
    assert.equal(status, 201, JSON.stringify(body));
    assert.deepEqual(
      [body.status, body.channel, body.attemptsLeft, body.sendsLeft, body.purpose],
      ['pending', 'sms', 5, 4, 'login'],
    );
    assert.equal(Date.parse(body.expiresAt), api.clock.now() + 300_000);
    assert.equal(Date.parse(body.resendAfter), api.clock.now() + 30_000);
    const code = await api.codeOf(body.id);
    assert.match(code, /^\d{6}$/);
    const [delivery] = await api.start();
    assert.deepEqual([delivery!.contact!.address, delivery!.lane], [PHONE, 'sms.high']);
    assert.deepEqual(await check(body.id, { code: wrong(code) }), {
      id: body.id,
      status: 'incorrect',
      attemptsLeft: 4,
      purpose: 'login',
    });
    const typed = ` ${code.slice(0, 3)}-${code.slice(3)} `;
    assert.equal((await check(body.id, { code: typed })).status, 'approved');
    assert.equal((await check(body.id, { code })).status, 'not_found', 'a second time');
    assert.equal((await look(body.id)).status, 'approved');
    assert.deepEqual(
      api.events.map(({ type, id }) => [type, id]),
      [
        ['otp.sent', body.id],
        ['otp.approved', body.id],
      ],
    );
  });

  it('make no user that lists would show', async () => {
    await api.send({ to: { phone: PHONE, email: 'ada@mail.example' } });
    const { body } = await api.test('GET', '/v1/users');
    assert.deepEqual(body.items, []);
    const prefixed = await api.test('GET', '/v1/users?prefix=otp');
    assert.deepEqual(prefixed.body.items ?? [], []);
  });

  it('expire, and are no longer sent then', async () => {
    const id = await api.send({ to: { phone: PHONE, email: 'a@mail.example' }, waitSeconds: 300 });
    const code = await api.codeOf(id);
    assert.equal((await api.start()).length, 1);
    api.clock.advance(300_000);
    assert.deepEqual(await api.start(), []);
    assert.equal((await check(id, { code })).status, 'expired');
    assert.equal((await look(id)).status, 'expired');
  });

  it('end after too many guesses, and their messages with them', async () => {
    const id = await api.send({ to: { phone: PHONE, email: 'b@mail.example' } });
    const code = await api.codeOf(id);
    await api.start();
    for (const left of [4, 3, 2, 1, 0])
      assert.equal((await check(id, { code: wrong(code) })).attemptsLeft, left);
    assert.deepEqual((await check(id, { code })).status, 'max_attempts');
    api.clock.advance(MINUTE_MS);
    assert.deepEqual(await api.start(), []);
    assert.equal((await api.test('POST', `/v1/otp/${id}/resend`, {})).body.code, 'otp.over');
    assert.equal(api.events.at(-1)!.type, 'otp.max_attempts');
  });

  it('pass over a slip of the finger', async () => {
    const id = await api.send({ to: { phone: PHONE } });
    assert.deepEqual(await check(id, { code: '123' }), { id, status: 'incorrect', attemptsLeft: 5 });
  });

  it('go on to the next channel until they are entered', async () => {
    const to = { phone: PHONE, email: 'ada@mail.example' };
    const id = await api.send({ to, channels: ['sms', 'email'], waitSeconds: 30 });
    assert.deepEqual(
      (await api.start()).map(({ channel }) => channel),
      ['sms'],
    );
    api.clock.advance(30_000);
    const [second] = await api.start();
    assert.equal(second!.channel, 'email');
    assert.equal((await check(id, { code: await api.codeOf(id) })).status, 'approved', 'by either message');

    const elsewhere = { to: { ...to, phone: '+4915199999999' }, channels: ['sms', 'email'] };
    api.clock.advance(-1);
    const tooSoon = await api.test('POST', '/v1/otp', elsewhere);
    assert.equal(tooSoon.body.code, 'otp.too_soon', 'the mailbox had one just now');
    api.clock.advance(MINUTE_MS);
    const next = await api.send(elsewhere);
    assert.equal((await api.start()).length, 1);
    assert.equal((await check(next, { code: await api.codeOf(next) })).status, 'approved');
    api.clock.advance(MINUTE_MS);
    assert.deepEqual(await api.start(), []);
  });

  it('stop when they are cancelled', async () => {
    const id = await api.send({ to: { phone: PHONE, email: 'c@mail.example' } });
    const code = await api.codeOf(id);
    await api.start();
    assert.equal((await api.test('POST', `/v1/otp/${id}/cancel`)).body.status, 'cancelled');
    api.clock.advance(MINUTE_MS);
    assert.deepEqual(await api.start(), []);
    assert.equal((await check(id, { code })).status, 'not_found');
    assert.equal((await api.test('POST', `/v1/otp/${id}/cancel`)).body.code, 'otp.over');
  });

  it('are replaced when they are sent again, after ever longer waits', async () => {
    const id = await api.send({ to: { phone: PHONE } });
    const first = await api.codeOf(id);
    const again = () => api.test('POST', `/v1/otp/${id}/resend`, {});
    const early = await again();
    assert.deepEqual([early.status, early.body.code], [429, 'otp.too_soon']);
    await check(id, { code: wrong(first) });
    api.clock.advance(30_000);
    const { status, body } = await again();
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual([body.attemptsLeft, body.sendsLeft], [4, 3]);
    assert.equal(Date.parse(body.resendAfter), api.clock.now() + 60_000);
    const second = await api.codeOf(id);
    const deliveries = await api.start();
    assert.equal(deliveries.length, 1, 'the first message was still waiting');
    if (first !== second) assert.equal((await check(id, { code: first })).status, 'incorrect');
    assert.equal((await check(id, { code: second })).status, 'approved');
  });

  it('are not sent again by what bare addresses have not', async () => {
    const id = await api.send({ to: { phone: PHONE } });
    api.clock.advance(30_000);
    const { status, body } = await api.test('POST', `/v1/otp/${id}/resend`, { channel: 'push' });
    assert.deepEqual([status, body.errors?.[0].field], [400, '/channel'], JSON.stringify(body));
    const shown = await api.test('GET', `/v1/otp/${id}`);
    assert.equal(shown.body.sendsLeft, 4, 'the code that was sent counts on');
  });

  it('belong to the session that asked for them', async () => {
    const id = await api.send({ to: { phone: PHONE }, sessionId: 's-1' });
    const code = await api.codeOf(id);
    for (const body of [{ code }, { code, sessionId: 's-2' }])
      assert.deepEqual(await check(id, body), { id, status: 'not_found', attemptsLeft: 0 });
    assert.equal((await look(id)).attemptsLeft, 5);
    assert.equal((await check(id, { code, sessionId: 's-1' })).status, 'approved');
  });

  it('belong to their tenant and kind of key', async () => {
    const id = await api.send({ to: { phone: PHONE } });
    const code = await api.codeOf(id);
    for (const call of [api.live, api.other]) {
      assert.equal((await call('POST', `/v1/otp/${id}/check`, { code })).body.status, 'not_found');
      assert.equal((await call('GET', `/v1/otp/${id}`)).status, 404);
      assert.equal((await call('POST', `/v1/otp/${id}/cancel`)).status, 404);
      assert.equal((await call('POST', `/v1/otp/${id}/resend`, {})).status, 404);
    }
  });

  it('reach a user by what is known of him', async () => {
    await api.test('PUT', '/v1/users/bob', { locale: 'de', contacts: { email: 'bob@mail.example' } });
    const { body } = await api.test('POST', '/v1/otp', { to: { userId: 'bob' } });
    assert.deepEqual(body.channels, ['email']);
    const [delivery] = await api.start();
    assert.match(delivery!.request.message!.body!, /^\[sealed:code\] ist Ihr Code\./);
    const none = await api.test('POST', '/v1/otp', { to: { userId: 'bob' }, channels: ['sms'] });
    assert.deepEqual([none.status, none.body.code], [422, 'otp.unreachable']);
    const nobody = await api.test('POST', '/v1/otp', { to: { userId: 'nobody' } });
    assert.equal(nobody.body.code, 'user.not_found');
  });

  it('go to no address that must not be written to', async () => {
    await store().engine.query(
      "insert into suppressions values ($1, 'email', 'gone@mail.example', 'bounced', 'api', $2) on conflict do nothing",
      [api.tenantId, new Date(api.clock.now())],
    );
    const alone = await api.test('POST', '/v1/otp', { to: { email: 'gone@Mail.example' } });
    assert.deepEqual([alone.status, alone.body.code], [422, 'otp.unreachable']);
    const { body } = await api.test('POST', '/v1/otp', { to: { email: 'gone@mail.example', phone: PHONE } });
    assert.deepEqual(body.channels, ['sms']);
  });

  it('are written as the tenant wants it', async () => {
    const definition = {
      channels: {
        sms: { en: { body: '{{ code }} for {{ brand }}, {{ minutes }} min\n\n{{ autofill }}' } },
      },
      variables: {
        code: { type: 'string' },
        brand: { type: 'string' },
        minutes: { type: 'integer' },
        autofill: { type: 'string' },
      },
    };
    const made = await api.test('PUT', '/v1/templates/my-code', { name: 'Code', ...definition });
    assert.ok(made.status < 300, JSON.stringify(made.body));
    const put = await api.test('PUT', '/v1/otp/settings', { template: 'my-code', brand: 'Acme' });
    assert.equal(put.status, 200, JSON.stringify(put.body));
    await api.send({ to: { phone: PHONE }, domain: 'acme.example' });
    const [delivery] = await api.start();
    assert.deepEqual(delivery!.request.template!.variables, {
      code: '[sealed:code]',
      minutes: 5,
      brand: 'Acme',
      autofill: '@acme.example #[sealed:code]',
    });
    const missing = await api.test('PUT', '/v1/otp/settings', { template: 'none' });
    assert.deepEqual(missing.body.errors, [
      { field: '/template', rule: 'names no published template ("none")' },
    ]);
  });

  it('refuse what they can not take, naming field and rule', async () => {
    const refusals: [object, string][] = [
      [{ to: {} }, '/to'],
      [{ to: { userId: 'a', phone: PHONE } }, '/to'],
      [{ to: { phone: '0151' } }, '/to/phone'],
      [{ to: { email: 'x' } }, '/to/email'],
      [{ to: { phone: PHONE }, clientIp: 'x' }, '/clientIp'],
      [{ to: { phone: PHONE }, channels: ['sms'], waitSeconds: 30 }, '/waitSeconds'],
      [{ to: { phone: PHONE }, channels: ['inbox'] }, '/channels/0'],
      [{ to: { phone: PHONE }, channels: ['sms', 'push'] }, '/channels/1'],
      [{ to: { phone: PHONE }, domain: 'https://a.example' }, '/domain'],
      [{ to: { phone: PHONE }, appHash: 'short' }, '/appHash'],
    ];
    for (const [body, field] of refusals) {
      const answer = await api.test('POST', '/v1/otp', body);
      assert.equal(answer.status, 400, JSON.stringify(body));
      assert.equal(answer.body.errors[0].field, field, JSON.stringify(answer.body));
    }
    const settings: [object, string][] = [
      [{ countries: ['XX'] }, '/countries/0'],
      [{ limits: { ip: { perHour: 9, perDay: 8 } } }, '/limits/ip/perHour'],
      [{ prices: { countries: { XX: 1 } } }, '/prices/countries/XX'],
      [{ brand: 'http://evil.example' }, '/brand'],
      [{ limits: { recipient: { perHour: 9, perDay: 800 } } }, '/limits/recipient/perDay'],
    ];
    for (const [body, field] of settings) {
      const answer = await api.test('PUT', '/v1/otp/settings', body);
      assert.equal(answer.body.errors?.[0].field, field, JSON.stringify(answer.body));
    }
  });

  it('leave nothing behind when their time is over', async () => {
    await api.send({ to: { phone: PHONE } });
    api.clock.advance(24 * 60 * MINUTE_MS + 299_000);
    const tools = { store: store(), clock: api.clock };
    assert.equal(await tidyOtps(tools), 0);
    api.clock.advance(2 * 60 * MINUTE_MS);
    assert.equal(await tidyOtps(tools), 1);
    for (const table of ['otps', 'otp_uses', 'otp_recipients', 'users where internal']) {
      const { rows } = await store().engine.query(`select 1 from ${table}`);
      assert.equal(rows.length, 0, table);
    }
  });
});
