import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { type DigestBench, openDigestBench } from '../../test/support/digest-bench.ts';
import { describeStores } from '../../test/support/stores.ts';

const HOURLY = { window: { everySeconds: 3_600 } };
const say = (title: string, more: object = {}) => ({
  message: { title, body: `about ${title}` },
  channels: ['email'],
  digest: HOURLY,
  ...more,
});

describeStores('digests', (store) => {
  let bench: DigestBench;
  before(async () => {
    bench = await openDigestBench(store());
  });
  beforeEach(async () => {
    await bench.clear();
    await bench.setTo('2026-11-21T12:00:00Z');
  });
  after(() => bench.api.close());
  const fate = async (id: string) => {
    const { status, digest, deliveries } = await bench.see(id);
    const ends = deliveries.map((each: Record<string, string>) =>
      [each.channel, each.state, each.reason].filter(Boolean).join(' '),
    );
    return { status, digest, ends };
  };
  const result = async () =>
    (await store().engine.query('select result, events from digests order by id')).rows;

  it('collect what comes within a window, and send it as one message when it is over', async () => {
    const ids = [await bench.send(say('One'))];
    await bench.setTo('2026-11-21T12:30:00Z');
    ids.push(await bench.send(say('Two')), await bench.send(say('Three', { channels: ['email', 'inbox'] })));
    const waiting = await bench.see(ids[1]!);
    assert.equal(waiting.status, 'collected');
    assert.equal(waiting.digest.closesAt, '2026-11-21T13:00:00.000Z');
    assert.deepEqual(waiting.deliveries, []);
    assert.deepEqual(await bench.findings(), []);
    await bench.runUntil('2026-11-21T12:59:59Z');
    assert.deepEqual(await bench.digests(), []);
    await bench.runUntil('2026-11-22T12:00:00Z');
    const sent = await bench.digests();
    assert.equal(sent.length, 1);
    const [digest] = sent;
    assert.deepEqual(
      [digest!.user_id, digest!.category, digest!.at],
      ['ada', 'transactional', '2026-11-21T13:00:00'],
    );
    assert.deepEqual(digest!.request.channels, ['email', 'inbox']);
    assert.deepEqual(digest!.request.message, {
      title: '3 new notifications',
      body: '• One: about One\n• Two: about Two\n• Three: about Three',
      sms: { body: '3 new notifications' },
    });
    const [carrier] = (await store().engine.query("select id from notifications where request ? 'carries'"))
      .rows;
    assert.deepEqual(await fate(ids[2]!), {
      status: 'digested',
      digest: { notificationId: carrier.id },
      ends: ['email skipped digested', 'inbox skipped digested'],
    });
    const view = await bench.see(carrier.id);
    assert.deepEqual(view.digest, { id: waiting.digest.id, events: 3 });
    assert.deepEqual((await fate(carrier.id)).ends, ['email queued', 'inbox queued']);
    assert.match((await bench.see(ids[0]!)).deliveries[0].why, new RegExp(`part of a digest.*${carrier.id}`));
    assert.deepEqual(await bench.findings(), []);
  });

  it('keep users, categories, keys and kinds of keys apart', async () => {
    const ask = (more: object) => bench.send(say('News', more));
    const byPost = (post: number) => ({ digest: { ...HOURLY, key: `post-${post}` } });
    for (let i = 0; i < 2; i++) {
      await ask({});
      await ask({ userId: 'bob' });
      await ask({ category: 'news' });
      await ask(byPost(1));
      await ask(byPost(2));
      await bench.api.call('POST', '/v1/notifications', {
        userId: 'ada',
        ...say('Live', { channels: ['inbox'] }),
      });
    }
    await bench.route();
    await bench.runUntil('2026-11-21T14:00:00Z');
    const counts = (await bench.digests()).map(({ user_id, category, request }) => [
      user_id,
      category,
      request.carries.events,
    ]);
    assert.deepEqual(counts.sort(), [
      ['ada', 'news', 2],
      ['ada', 'transactional', 2],
      ['ada', 'transactional', 2],
      ['ada', 'transactional', 2],
      ['ada', 'transactional', 2],
      ['bob', 'transactional', 2],
    ]);
  });

  it('are listed while they collect, the next to end first', async () => {
    const digest = { key: 'soon', window: { everySeconds: 60 } };
    for (const more of [{}, { digest }, { digest }, { userId: 'bob' }]) await bench.send(say('News', more));
    const list = async (call = bench.api.callAsTest) =>
      (await call('GET', '/v1/users/ada/digests')).body.items;
    const [soon, later] = await list();
    assert.deepEqual(
      { ...soon, id: undefined },
      {
        id: undefined,
        category: 'transactional',
        key: 'soon',
        events: 2,
        openedAt: '2026-11-21T12:00:00.000Z',
        closesAt: '2026-11-21T12:01:00.000Z',
      },
    );
    assert.deepEqual([later.key, later.events], ['transactional', 1]);
    assert.deepEqual([await list(bench.api.call), await list(bench.api.callAsOther)], [[], undefined]);
    await bench.runUntil('2026-11-21T12:30:00Z');
    assert.deepEqual(
      (await list()).map(({ key }: { key: string }) => key),
      ['transactional'],
    );
  });

  it('slide on while events come, but not for ever', async () => {
    const digest = { window: { quietSeconds: 300, atMostSeconds: 720 } };
    await bench.send(say('One', { digest }));
    await bench.runUntil('2026-11-21T12:04:00Z');
    await bench.send(say('Two', { digest }));
    await bench.runUntil('2026-11-21T12:08:30Z');
    const third = await bench.send(say('Three', { digest }));
    assert.equal((await bench.see(third)).digest.closesAt, '2026-11-21T12:12:00.000Z');
    await bench.runUntil('2026-11-21T12:20:00Z');
    await bench.send(say('Four', { digest }));
    await bench.send(say('Five', { digest }));
    await bench.runUntil('2026-11-21T13:00:00Z');
    assert.deepEqual(
      (await bench.digests()).map(({ at, request }) => [at.slice(11), request.carries.events]),
      [
        ['12:12:00', 3],
        ['12:25:00', 2],
      ],
    );
  });

  it("wait for the next time on the user's own clock, else on the tenant's", async () => {
    const digest = { window: { at: '09:00', days: [1, 2, 3, 4, 5] } };
    await bench.api.call('PUT', '/v1/users/bob', { timezone: 'Asia/Tokyo' });
    await bench.api.call('PUT', '/v1/quiet-hours', {
      windows: [{ from: '01:00', to: '02:00' }],
      timezone: 'America/New_York',
    });
    for (const userId of ['bob', 'bob', 'cyd', 'cyd']) await bench.send(say('News', { userId, digest }));
    await bench.runUntil('2026-11-26T00:00:00Z');
    assert.deepEqual(
      (await bench.digests()).map(({ user_id, at }) => `${user_id} ${at}`),
      ['bob 2026-11-23T00:00:00', 'cyd 2026-11-23T14:00:00'],
    );
    await bench.api.call('DELETE', '/v1/quiet-hours');
  });

  it('send a single event as the notification that it is', async () => {
    const id = await bench.send(say('Alone'));
    await bench.runUntil('2026-11-21T14:00:00Z');
    assert.deepEqual(await fate(id), { status: 'processing', digest: undefined, ends: ['email queued'] });
    assert.deepEqual(await bench.digests(), []);
    assert.deepEqual(await result(), [{ result: 'single', events: 1 }]);
    assert.deepEqual(await bench.findings(), []);
  });

  it('give every channel that an event asked for its end, also one that reached nobody', async () => {
    const channels = ['email', 'sms'];
    const ids = [await bench.send(say('One', { channels })), await bench.send(say('Two', { channels }))];
    const alone = await bench.send(say('Alone', { channels, userId: 'bob' }));
    await bench.runUntil('2026-11-21T14:00:00Z');
    assert.deepEqual((await fate(ids[0]!)).ends, ['email skipped digested', 'sms skipped digested']);
    assert.deepEqual((await fate(alone)).ends, ['email queued', 'sms skipped contact_missing']);
    const [carrier] = (await store().engine.query("select id from notifications where request ? 'carries'"))
      .rows;
    assert.deepEqual((await fate(carrier.id)).ends, ['email queued', 'sms skipped contact_missing']);
  });

  it('make a digest of a single event too, if asked to', async () => {
    const id = await bench.send(say('Alone', { digest: { ...HOURLY, singleAsDigest: true } }));
    await bench.runUntil('2026-11-21T14:00:00Z');
    assert.equal((await fate(id)).status, 'digested');
    assert.equal((await bench.digests())[0]!.request.message!.body, '• Alone: about Alone');
  });

  it('leave out what is cancelled or expires before, and send nothing when nothing is left', async () => {
    const [cancelled, expired, third] = [
      await bench.send(say('Cancelled')),
      await bench.send(say('Expired', { expiresAt: '2026-11-21T12:30:00Z' })),
      await bench.send(say('Kept', { expiresAt: '2026-11-21T15:30:00Z' })),
    ];
    const cancel = async (id: string) => await bench.api.callAsTest('POST', `/v1/notifications/${id}/cancel`);
    assert.deepEqual((await cancel(cancelled)).body, { cancelled: 1, beingSent: 0 });
    assert.equal((await cancel(cancelled)).status, 409);
    assert.equal((await bench.see(cancelled)).status, 'cancelled');
    assert.deepEqual(await bench.findings(), []);
    const change = await bench.api.callAsTest('PATCH', `/v1/notifications/${third}`, {
      message: { title: 'No' },
    });
    assert.equal(change.status, 409);
    assert.deepEqual((await cancel(third)).body, { cancelled: 1, beingSent: 0 });
    await bench.runUntil('2026-11-21T14:00:00Z');
    assert.deepEqual(await fate(expired), {
      status: 'expired',
      digest: undefined,
      ends: ['email expired expired'],
    });
    assert.deepEqual([await bench.digests(), await result()], [[], [{ result: 'empty', events: 0 }]]);
    assert.equal((await cancel(expired)).status, 409);
    assert.deepEqual(await bench.findings(), []);
  });

  it('expire with the last of their events, or not at all', async () => {
    const expiresAt = (userId: string, time?: string) => say('News', { userId, expiresAt: time });
    await bench.send(expiresAt('ada', '2026-11-21T15:00:00Z'));
    await bench.send(expiresAt('ada', '2026-11-21T14:00:00Z'));
    await bench.send(expiresAt('bob', '2026-11-21T14:00:00Z'));
    await bench.send(expiresAt('bob'));
    await bench.runUntil('2026-11-21T13:00:00Z');
    const { rows } = await store().engine.query(
      "select user_id, expires_at from notifications where request ? 'carries' order by user_id",
    );
    assert.deepEqual(
      rows.map((row) => [row.user_id, row.expires_at?.toISOString()]),
      [
        ['ada', '2026-11-21T15:00:00.000Z'],
        ['bob', undefined],
      ],
    );
  });

  it('can be cancelled themselves, and so can the single event that is given back', async () => {
    const ids = [
      await bench.send(say('One')),
      await bench.send(say('Two')),
      await bench.send(say('Bob', { userId: 'bob' })),
    ];
    await bench.setTo('2026-11-21T13:00:00Z');
    await bench.newLoop().step();
    bench.api.clock.advance(1);
    const [carrier] = (await store().engine.query("select id from notifications where request ? 'carries'"))
      .rows;
    for (const id of [carrier.id, ids[2]!]) {
      const { body } = await bench.api.callAsTest('POST', `/v1/notifications/${id}/cancel`);
      assert.deepEqual(body, { cancelled: 1, beingSent: 0 });
    }
    await bench.route();
    assert.equal((await fate(carrier.id)).status, 'cancelled');
    assert.deepEqual((await fate(ids[2]!)).ends, ['email cancelled cancelled']);
    assert.equal((await bench.api.callAsTest('POST', `/v1/notifications/${ids[0]}/cancel`)).status, 409);
    assert.deepEqual(await bench.findings(), []);
  });

  it('follow the category, which the notification overrules', async () => {
    await bench.api.call('PUT', '/v1/categories/comments', {
      name: 'Comments',
      digest: { window: { everySeconds: 60 } },
    });
    const inCategory = (more: object = {}) => say('Hi', { category: 'comments', digest: undefined, ...more });
    await bench.send(inCategory());
    await bench.send(inCategory());
    const now = await bench.send(inCategory({ digest: { enabled: false } }));
    const urgent = await bench.send(inCategory({ priority: 'high' }));
    const longer = await bench.send(inCategory({ digest: { key: 'post', window: { everySeconds: 600 } } }));
    for (const id of [now, urgent]) assert.deepEqual((await fate(id)).ends, ['email queued']);
    assert.equal((await bench.see(longer)).digest.closesAt, '2026-11-21T12:10:00.000Z');
    await bench.runUntil('2026-11-21T12:05:00Z');
    assert.deepEqual(
      (await bench.digests()).map(({ at, request }) => [at.slice(11), request.message!.title]),
      [['12:01:00', 'Comments: 2 new']],
    );
    const security = await bench.send(say('Sign-in', { category: 'security', priority: 'normal' }));
    assert.deepEqual((await fate(security)).ends, ['email queued']);
  });

  it('are ruled as any notification is, when they are sent; and their events at once if none would go out', async () => {
    await bench.api.call('PUT', '/v1/categories/offers', {
      kind: 'marketing',
      caps: [{ limit: 1, per: 'day' }],
      digest: HOURLY,
    });
    const offer = (userId = 'ada') =>
      bench.send(say('Offer', { userId, category: 'offers', digest: undefined }));
    const say_ = (choice: string | null) =>
      bench.api.call('PATCH', '/v1/users/bob/preferences', {
        preferences: [{ category: 'offers', channel: '*', choice }],
      });
    await say_('out');
    assert.deepEqual((await fate(await offer('bob'))).ends, ['email skipped opted_out']);
    assert.deepEqual((await fate(await offer('nobody'))).ends, ['email skipped user_unknown']);
    await say_(null);
    for (const userId of ['ada', 'ada', 'ada', 'bob', 'bob']) await offer(userId);
    await say_('out');
    await bench.runUntil('2026-11-21T13:30:00Z');
    for (let i = 0; i < 2; i++) await offer();
    await bench.runUntil('2026-11-21T15:00:00Z');
    const { rows } = await store().engine.query(
      `select n.user_id, d.state, d.reason from deliveries d join notifications n on n.id = d.notification_id
        where request ? 'carries' order by d.id`,
    );
    assert.deepEqual(
      rows.map((row) => [row.user_id, row.state, row.reason]),
      [
        ['ada', 'queued', null],
        ['bob', 'skipped', 'opted_out'],
        ['ada', 'skipped', 'capped'],
      ],
    );
    await say_(null);
  });

  it('wait for the end of quiet hours, in which their events are collected all the same', async () => {
    await bench.api.call('PUT', '/v1/categories/offers', {
      kind: 'marketing',
      quietHours: 'defer',
      digest: HOURLY,
    });
    await bench.api.call('PUT', '/v1/quiet-hours', { windows: [{ from: '11:00', to: '18:00' }] });
    const ids = [];
    for (let i = 0; i < 2; i++)
      ids.push(await bench.send(say('Offer', { category: 'offers', digest: undefined, userId: 'cyd' })));
    assert.equal((await bench.see(ids[0]!)).status, 'collected');
    await bench.runUntil('2026-11-21T13:00:00Z');
    const [{ id }] = (await store().engine.query("select id from notifications where request ? 'carries'"))
      .rows;
    assert.match((await bench.see(id)).waiting[0].until, /T18:00/);
    await bench.api.call('DELETE', '/v1/quiet-hours');
  });

  it('come as often as the user chose, where he may', async () => {
    const url = '/v1/users/ada/frequencies';
    await bench.api.call('PUT', '/v1/categories/comments', { digest: { usersChoose: true } });
    const comment = () => bench.send(say('Hi', { category: 'comments', digest: undefined }));
    assert.equal((await bench.see(await comment())).status, 'processing');
    const chosen = { frequency: 'weekly', at: '18:00', day: 3 };
    assert.deepEqual((await bench.api.call('PUT', `${url}/comments`, chosen)).body, chosen);
    const { frequencies } = (await bench.api.call('GET', url)).body;
    assert.deepEqual(frequencies, [
      { category: 'comments', ...chosen, source: 'api', updatedAt: '2026-11-21T12:00:00.000Z' },
    ]);
    for (let i = 0; i < 2; i++)
      assert.equal((await bench.see(await comment())).digest.closesAt, '2026-11-25T18:00:00.000Z');
    assert.equal((await bench.api.call('DELETE', `${url}/comments`)).status, 204);
    assert.equal((await bench.see(await comment())).status, 'processing');
    assert.deepEqual((await bench.api.call('GET', url)).body.frequencies, []);
    for (const [body, field] of [
      [{ frequency: 'yearly' }, '/frequency'],
      [{ frequency: 'hourly', at: '09:00' }, '/at'],
      [{ frequency: 'daily', day: 1 }, '/day'],
      [{ frequency: 'daily', at: '9:00' }, '/at'],
    ] as const) {
      const answer = await bench.api.call('PUT', `${url}/comments`, body);
      assert.deepEqual([answer.status, answer.body.errors[0].field], [400, field]);
    }
    assert.equal((await bench.api.call('PUT', '/v1/users/nobody/frequencies/x', chosen)).status, 404);
    assert.equal((await bench.api.callAsOther('GET', url)).status, 404);
    assert.equal((await bench.api.call('PUT', '/v1/categories/x', { digest: {} })).status, 400);
  });

  it('are made of the template that they name, with all that happened', async () => {
    const texts = {
      subject: '{{ count }} comments',
      text: '{% for e in events %}{{ e.title }}{{ e.data.by }},{% endfor %}',
    };
    for (const [id, channels] of [
      ['summary', { email: { en: texts } }],
      [
        'comment',
        { email: { en: { subject: '{{ by }}', text: '{{ by }} and {{ count | minus: 1 }} others' } } },
      ],
    ] as const) {
      await bench.api.call('PUT', `/v1/templates/${id}`, {
        name: id,
        defaultLocale: 'en',
        channels,
        variables: {},
      });
      const published = await bench.api.call('POST', `/v1/templates/${id}/publish`, { version: 1 });
      assert.ok(published.status < 300, JSON.stringify(published.body));
    }
    const digest = { ...HOURLY, template: { id: 'summary' } };
    const by = (name: string) => ({ template: { id: 'comment', variables: { by: name } } });
    await bench.send(say('One', { digest }));
    await bench.send({ ...by('bob'), digest });
    await bench.send({ ...by('cyd'), digest: { ...HOURLY, key: 'own' } });
    await bench.send({ ...by('dan'), digest: { ...HOURLY, key: 'own' } });
    await bench.runUntil('2026-11-21T14:00:00Z');
    const requests = (await bench.digests()).map(({ request }) => request);
    const summary = requests.find(({ template }) => template!.id === 'summary')!;
    assert.deepEqual(
      [
        summary.template!.variables.count,
        summary.template!.variables.events.map(({ title, data }) => [title, data]),
      ],
      [
        2,
        [
          ['One', {}],
          [undefined, { by: 'bob' }],
        ],
      ],
    );
    const own = requests.find(({ template }) => template!.id === 'comment')!;
    assert.deepEqual(
      [own.template!.variables.count, (own.template!.variables as { by?: string }).by],
      [2, 'dan'],
    );
    assert.equal(own.channels, undefined);
  });

  it('are a plain summary when their template is not there', async () => {
    await bench.api.call('PUT', '/v1/categories/news', { digest: { ...HOURLY, template: { id: 'typo' } } });
    for (const title of ['One', 'Two'])
      await bench.send(say(title, { category: 'news', digest: { singleAsDigest: true } }));
    await bench.runUntil('2026-11-21T14:00:00Z');
    const [digest] = await bench.digests();
    assert.deepEqual(
      [digest!.request.template, digest!.request.message!.title],
      [undefined, '2 new notifications'],
    );
  });

  it('are refused with the field that is wrong', async () => {
    for (const [digest, field] of [
      [{}, '/digest/window'],
      [{ window: {} }, '/digest/window'],
      [{ window: { everySeconds: 60, at: '09:00' } }, '/digest/window'],
      [{ window: { quietSeconds: 60 } }, '/digest/window/atMostSeconds'],
      [{ window: { quietSeconds: 60, atMostSeconds: 59 } }, '/digest/window/atMostSeconds'],
      [{ window: { everySeconds: 60, days: [1] } }, '/digest/window/days'],
      [{ window: { at: '24:00' } }, '/digest/window/at'],
      [{ window: { everySeconds: 0 } }, '/digest/window/everySeconds'],
      [{ ...HOURLY, template: { id: 'gone' } }, '/digest/template/id'],
      [{ ...HOURLY, colour: 'red' }, '/digest/colour'],
    ] as const) {
      const answer = await bench.api.callAsTest('POST', '/v1/notifications', {
        userId: 'ada',
        ...say('No', { digest }),
      });
      assert.deepEqual(
        [answer.status, answer.body.errors?.[0].field],
        [400, field],
        JSON.stringify(answer.body),
      );
    }
    const { body } = await bench.api.call('PUT', '/v1/categories/x', { digest: { window: {} } });
    assert.equal(body.errors[0].field, '/digest/window');
  });
});
