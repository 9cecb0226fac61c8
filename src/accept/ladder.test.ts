import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, it } from 'node:test';
import { iso, type Laddered, ladder, serveLaddered } from '../../test/support/laddered.ts';
import { describeStores } from '../../test/support/stores.ts';

const MINUTE_MS = 60_000;
const FAILED = { state: 'failed', reason: 'recipient_invalid' } as const;

describeStores('a ladder', (store) => {
  let to: Laddered;
  before(async () => {
    to = await serveLaddered(store());
  });
  after(() => to.close());
  beforeEach(() => to.clear());
  afterEach(async () => assert.deepEqual(await findingsBut(to), []));

  const emailThenSms = (until = 'delivered') => ({ ladder: ladder(until, ['email'], ['sms']) });
  const started = async (body: object) => {
    const id = await to.notify(body);
    await to.route();
    return id;
  };
  const wait = async (ms: number) => {
    to.clock.advance(ms);
    await to.route();
  };

  it('goes on to the next step after its wait, to the second', async () => {
    const id = await started(emailThenSms());
    const view = await to.see(id);
    assert.deepEqual(view.ladder, emailThenSms().ladder);
    assert.deepEqual(view.waiting, [
      { channels: ['sms'], reason: 'ladder', until: iso(to, MINUTE_MS), step: 1 },
    ]);
    await to.send('email');
    await wait(MINUTE_MS - 1);
    assert.deepEqual(await to.story(id), ['0 email sent']);
    assert.equal((await to.see(id)).status, 'processing');
    await wait(1);
    assert.deepEqual(await to.story(id), ['0 email sent', '1 sms queued']);
    await to.send('sms');
    assert.equal((await to.see(id)).waiting, undefined);
    assert.equal((await to.see(id)).status, 'sent');
  });

  it('counts each wait from the step before', async () => {
    const id = await started({ ladder: ladder('confirmed', ['email'], ['sms'], ['webhook']) });
    await to.send('email');
    await wait(MINUTE_MS);
    await to.send('sms');
    await wait(MINUTE_MS - 1);
    assert.equal((await to.story(id)).length, 2);
    await wait(1);
    assert.deepEqual(await to.story(id), ['0 email sent', '1 sms sent', '2 webhook queued']);
  });

  for (const [event, until] of [
    ['delivered', 'delivered'],
    ['opened', 'delivered'],
    ['opened', 'seen'],
    ['clicked', 'seen'],
    ['clicked', 'clicked'],
  ] as const)
    it(`until ${until} is stopped by what is ${event}, and all steps have their end`, async () => {
      const id = await started({ ladder: ladder(until, ['email'], ['sms'], ['webhook']) });
      await to.send('email');
      await to.report(id, 'email', event);
      // Not only in its time: what waited is told at once.
      await to.route();
      const skipped = ['1 sms skipped ladder_stopped', '2 webhook skipped ladder_stopped'];
      assert.deepEqual(await to.story(id), ['0 email sent', ...skipped]);
      const view = await to.see(id);
      assert.deepEqual([view.status, view.waiting], ['sent', undefined]);
      assert.match(view.deliveries[1].why, /had happened/);
      await wait(10 * MINUTE_MS);
      assert.equal((await to.story(id)).length, 3);
    });

  for (const [event, until] of [
    ['delivered', 'seen'],
    ['opened', 'clicked'],
    ['clicked', 'confirmed'],
  ] as const)
    it(`until ${until} is not stopped by what is only ${event}`, async () => {
      const id = await started(emailThenSms(until));
      await to.send('email');
      await to.report(id, 'email', event);
      await wait(MINUTE_MS);
      assert.deepEqual(await to.story(id), ['0 email sent', '1 sms queued']);
    });

  it('cancels what is queued when its goal is met, and does not repeat what is being sent', async () => {
    const id = await started({ ladder: ladder('seen', ['email'], ['sms', 'webhook']) });
    await to.send('email');
    await wait(MINUTE_MS);
    const underWay = await to.claim('sms');
    await to.report(id, 'email', 'opened');
    assert.deepEqual(await to.story(id), [
      '0 email sent',
      '1 sms sending',
      '1 webhook cancelled ladder_stopped',
    ]);
    await to.record(underWay, {
      state: 'queued',
      reason: 'provider_error',
      dueAt: to.clock.now(),
      retries: 1,
    });
    assert.match((await to.story(id))[1]!, /^1 sms cancelled/);
  });

  it('is stopped by a look into the inbox', async () => {
    for (const mark of ['seen', 'read-all']) {
      const id = await started({ ladder: ladder('seen', ['inbox'], ['sms']) });
      const [item] = await to.send('inbox');
      const url = mark === 'seen' ? `/v1/users/ada/inbox/${item}/seen` : '/v1/users/ada/inbox/read-all';
      assert.equal((await to.call('POST', url)).status, 200);
      await to.route();
      assert.deepEqual(await to.story(id), ['0 inbox sent', '1 sms skipped ladder_stopped']);
    }
  });

  it('goes on at once when a step fails, and only when all of it has', async () => {
    const id = await started({ ladder: ladder('delivered', ['email', 'webhook'], ['sms']) });
    assert.deepEqual(await to.heard(() => to.send('email', FAILED)), []);
    await to.route();
    assert.equal((await to.story(id)).length, 2);
    to.clock.advance(1);
    assert.deepEqual(await to.heard(() => to.send('webhook', FAILED)), ['route']);
    await to.route();
    assert.equal((await to.story(id)).at(-1), '1 sms queued');
  });

  it('goes on at once when a step skips everybody, through as many as it takes', async () => {
    await to.call('PUT', '/v1/users/bob', { contacts: { phone: '+4915123456788' } });
    const id = await started({
      userId: 'bob',
      ladder: ladder('seen', ['push'], ['email'], ['sms'], ['webhook']),
    });
    assert.deepEqual(await to.story(id), [
      '0 push skipped contact_missing',
      '1 email skipped contact_missing',
      '2 sms queued',
    ]);
    assert.deepEqual((await to.see(id)).waiting[0].channels, ['webhook']);
  });

  it('goes on at once when what was sent bounces', async () => {
    const id = await started(emailThenSms());
    await to.send('email');
    to.clock.advance(1_000);
    await to.report(id, 'email', 'bounced');
    await to.route();
    assert.deepEqual(await to.story(id), ['0 email failed recipient_unreachable', '1 sms queued']);
  });

  it('goes on at once when an unknown outcome must not be repeated', async () => {
    const id = await started({ ...emailThenSms(), category: 'marketing' });
    await to.send('email', { state: 'unknown', reason: 'timeout', decideAt: to.clock.now() + 1 });
    to.clock.advance(1);
    assert.equal((await to.story(id)).length, 1);
    const woken = await to.heard(() => to.sweep());
    await to.route();
    assert.deepEqual(await to.story(id), ['0 email failed unknown_not_repeated', '1 sms queued']);
    assert.deepEqual(woken, ['route']);
  });

  it('goes on at once when caps leave nothing of a step', async () => {
    const caps = [{ limit: 1, per: 'day', channel: 'email' }];
    await to.call('PUT', '/v1/categories/offers', { caps });
    to.clock.advance(3_000);
    await started({ category: 'offers', channels: ['email'] });
    const id = await started({ category: 'offers', ...emailThenSms() });
    await wait(1);
    assert.deepEqual(await to.story(id), ['0 email skipped capped', '1 sms queued']);
  });

  it('expires with its notification, also by the age that its category sets', async () => {
    const given = await started({ ...emailThenSms(), expiresAt: iso(to, MINUTE_MS / 2) });
    await to.call('PUT', '/v1/categories/codes', { expiresAfterSeconds: 45 });
    to.clock.advance(3_000);
    const byCategory = await started({ ...emailThenSms(), category: 'codes' });
    await to.send('email');
    await wait(MINUTE_MS);
    for (const id of [given, byCategory])
      assert.deepEqual(await to.story(id), ['0 email sent', '1 sms expired expired']);
  });

  it('ends with all its steps when the notification is cancelled', async () => {
    const id = await started({ ladder: ladder('seen', ['email'], ['sms'], ['webhook']) });
    assert.deepEqual((await to.call('POST', `/v1/notifications/${id}/cancel`)).body, {
      cancelled: 2,
      beingSent: 0,
    });
    await to.route();
    const cancelled = [
      '0 email cancelled cancelled',
      '1 sms cancelled cancelled',
      '2 webhook cancelled cancelled',
    ];
    assert.deepEqual(await to.story(id), cancelled);
    assert.equal((await to.see(id)).status, 'cancelled');
  });

  it('waits through quiet hours, looks again whether it is stopped, and counts the wait from their end', async () => {
    const at = new Date(to.clock.now() + MINUTE_MS / 2).toISOString().slice(11, 16);
    const until = new Date(to.clock.now() + 60 * MINUTE_MS).toISOString().slice(11, 16);
    const windows = [{ from: at, to: until, channels: ['sms'] }];
    await to.call('PUT', '/v1/quiet-hours', { windows });
    await to.call('PUT', '/v1/categories/news', { quietHours: 'defer' });
    to.clock.advance(3_000);
    const body = { category: 'news', ladder: ladder('seen', ['email'], ['sms'], ['webhook']) };
    const [seen, unseen] = [await started(body), await started(body)];
    await to.send('email');
    await wait(MINUTE_MS);
    const { waiting } = await to.see(seen);
    assert.deepEqual([waiting.length, waiting[0].reason, waiting[0].step], [1, 'quiet_hours', 1]);
    await to.report(seen, 'email', 'opened');
    await to.route();
    const skipped = ['1 sms skipped ladder_stopped', '2 webhook skipped ladder_stopped'];
    assert.deepEqual(await to.story(seen), ['0 email sent', ...skipped]);
    to.clock.advance(Date.parse(waiting[0].until) - to.clock.now() - 1);
    await to.route();
    assert.deepEqual(await to.story(unseen), ['0 email sent']);
    await wait(1);
    assert.deepEqual(await to.story(unseen), ['0 email sent', '1 sms queued']);
    assert.equal((await to.see(unseen)).waiting[0].until, iso(to, MINUTE_MS));
    await to.call('PUT', '/v1/quiet-hours', {
      windows: [{ from: '00:00', to: '00:01', channels: ['chat'] }],
    });
  });
});

/** The tests claim without workers. */
async function findingsBut(to: Laddered): Promise<unknown[]> {
  const findings = (await to.findings()) as { rule: string }[];
  return findings.filter(({ rule }) => rule !== 'a delivery that is being sent is on record with a worker');
}
