import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { type OtpApi, serveOtp } from '../../test/support/otp.ts';
import { describeStores } from '../../test/support/stores.ts';
import { tidyOtps } from './tidy.ts';

const NUMBERS = 10_000;
const AT_ONCE = 50;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

describeStores('an attack on one-time passwords', (store) => {
  let api: OtpApi;
  before(async () => {
    api = await serveOtp(store());
  });
  after(() => api.close());
  beforeEach(async () => {
    // What was refused in the test before is no longer remembered.
    api.clock.advance(2_000);
    await store().engine.query(
      'truncate otps, otp_uses, otp_recipients, otp_pauses, otp_settings, notifications, unrouted',
    );
    await store().engine.query('delete from users where internal');
  });
  const phone = (prefix: string, n: number) => `${prefix}${String(n).padStart(4, '0')}`;
  const ask = async (to: object, more: object = {}) =>
    (await api.test('POST', '/v1/otp', { to, ...more })).body;
  const rowsOf = async (table: string) =>
    (await store().engine.query(`select count(*) from ${table}`)).rows[0].count;

  it('with all ten thousand numbers of a prefix ends after twenty messages', {
    timeout: 240_000,
  }, async () => {
    let sent = 0;
    let firstRefused = -1;
    for (let from = 0; from < NUMBERS; from += AT_ONCE) {
      const answers = await Promise.all(
        Array.from({ length: AT_ONCE }, (_, i) => ask({ phone: phone('+4915112', from + i) })),
      );
      sent += answers.filter(({ status }) => status === 'pending').length;
      if (firstRefused < 0 && answers.some(({ code }) => code === 'otp.prefix_limit')) firstRefused = from;
    }
    assert.deepEqual([sent, firstRefused], [20, 0]);
    const { body } = await api.test('GET', '/v1/otp/usage');
    assert.deepEqual([body.sent, body.refused], [20, { prefix_limit: NUMBERS - 20 }]);
    for (const table of ['otps', 'otp_recipients', 'notifications', 'users where internal'])
      assert.equal(await rowsOf(table), 20, table);
    assert.ok((await rowsOf('otp_uses')) <= 10);
    api.clock.advance(2 * DAY_MS);
    await tidyOtps({ store: store(), clock: api.clock });
    for (const table of ['otps', 'otp_uses', 'otp_recipients', 'users where internal'])
      assert.equal(await rowsOf(table), 0, table);
  });

  it('from one address ends, whomever it names', async () => {
    const from = (clientIp: string, n: number) => ask({ email: `user-${n}@mail.example` }, { clientIp });
    for (let n = 0; n < 20; n++) assert.equal((await from('203.0.113.7', n)).status, 'pending');
    assert.equal((await from('203.0.113.7', 20)).code, 'otp.ip_limit');
    assert.equal((await from('::ffff:203.0.113.7', 20)).code, 'otp.ip_limit', 'the same address');
    assert.equal((await from('203.0.113.8', 20)).status, 'pending');
  });

  it('on one recipient ends for the hour and for the day', async () => {
    const to = { email: 'victim@mail.example' };
    let waits = 0;
    const sendNext = async () => {
      for (;;) {
        const answer = await ask(to);
        if (answer.status !== 429) return answer;
        waits += 1;
        api.clock.advance(waits < 10 ? 5 * MINUTE_MS : 15 * MINUTE_MS);
      }
    };
    const startedAt = api.clock.now();
    for (let n = 0; n < 5; n++) assert.equal((await sendNext()).status, 'pending');
    await sendNext();
    assert.ok(api.clock.now() - startedAt >= 60 * MINUTE_MS, 'the sixth within an hour');
    for (let n = 0; n < 4; n++) assert.equal((await sendNext()).status, 'pending');
    await sendNext();
    assert.ok(api.clock.now() - startedAt >= DAY_MS, 'the eleventh within a day');
  });

  it('for money pauses what nobody enters codes of, until somebody looks at it', async () => {
    const conversion = { minimumSent: { country: 10, prefix: 1_000 }, minimumRate: 0.2 };
    await api.test('PUT', '/v1/otp/settings', { conversion });
    const spread = (country: string, n: number) => phone(`${country}${String(n).padStart(4, '0')}`, 1234);
    for (let n = 0; n < 12; n++) assert.equal((await ask({ phone: spread('+49151', n) })).status, 'pending');
    assert.equal(
      (await ask({ phone: spread('+49151', 12) })).status,
      'pending',
      'they had no time to be entered yet',
    );
    api.clock.advance(20 * MINUTE_MS);
    const refused = await ask({ phone: spread('+49151', 13) });
    assert.deepEqual([refused.status, refused.code], [429, 'otp.paused']);
    assert.equal((await ask({ phone: spread('+43664', 1) })).status, 'pending', 'another country');
    const { body } = await api.test('GET', '/v1/otp/usage');
    const [paused] = body.paused;
    assert.deepEqual([body.paused.length, paused.country, paused.sent, paused.approved], [1, 'DE', 13, 0]);
    assert.equal(api.events.filter(({ type }) => type === 'otp.paused').length, 1);

    assert.equal(
      (await api.test('POST', '/v1/otp/resume', { scope: 'country', key: 'AT' })).body.code,
      'otp.not_paused',
    );
    assert.equal((await api.test('POST', '/v1/otp/resume', { scope: 'country', key: 'DE' })).status, 204);
    assert.equal((await ask({ phone: spread('+49151', 14) })).status, 'pending', 'judged anew');
  });

  it('does not pause what people enter, and a pause ends by itself', async () => {
    const conversion = { minimumSent: { country: 4, prefix: 1_000 }, minimumRate: 0.5, pauseMinutes: 30 };
    await api.test('PUT', '/v1/otp/settings', { conversion });
    const spread = (n: number) => phone(`+49151${String(n).padStart(4, '0')}`, 1234);
    for (let n = 0; n < 4; n++) {
      const { id } = await ask({ phone: spread(n) });
      if (n % 2 === 0) await api.test('POST', `/v1/otp/${id}/check`, { code: await api.codeOf(id) });
    }
    api.clock.advance(20 * MINUTE_MS);
    assert.equal((await ask({ phone: spread(5) })).status, 'pending', 'half of them');
    api.clock.advance(20 * MINUTE_MS);
    assert.equal((await ask({ phone: spread(6) })).code, 'otp.paused', 'two of five');
    api.clock.advance(30 * MINUTE_MS);
    assert.equal((await ask({ phone: spread(7) })).status, 'pending');
  });

  it('is no way to numbers that cost more, or to countries nobody allowed', async () => {
    assert.equal((await ask({ phone: '+499001234567' })).code, 'otp.number_blocked', 'premium rate');
    assert.equal((await ask({ phone: '+8816315000000' })).code, 'otp.number_blocked', 'satellite');
    await api.test('PUT', '/v1/otp/settings', { countries: ['DE'] });
    assert.equal((await ask({ phone: '+436641234567' })).code, 'otp.country_not_allowed');
    assert.equal((await ask({ phone: '+4915112345678' })).status, 'pending');
    assert.equal((await ask({ email: 'a@mail.example' })).status, 'pending', 'no number, no country');
    await api.test('PUT', '/v1/otp/settings', { enabled: false });
    const off = await api.test('POST', '/v1/otp', { to: { email: 'b@mail.example' } });
    assert.deepEqual([off.status, off.body.code], [403, 'otp.disabled']);
    const live = await api.live('POST', '/v1/otp', { to: { email: 'b@mail.example' } });
    assert.equal(live.body.code, 'otp.disabled');
  });
});
