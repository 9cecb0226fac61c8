import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { openBench, type ScheduleBench } from '../../test/support/schedule-bench.ts';
import { describeStores } from '../../test/support/stores.ts';
import { uuidv7 } from '../lib/ids.ts';

const HOMES = {
  kai: 'Pacific/Kiritimati',
  aiko: 'Asia/Tokyo',
  ben: 'Europe/Berlin',
  nina: 'America/New_York',
  hina: 'Pacific/Honolulu',
};
const AT_NINE = { recurrence: { cron: '0 9 * * *' }, timezone: 'UTC', localTime: true };

describeStores('nine where they are', (store) => {
  let bench: ScheduleBench;
  before(async () => {
    bench = await openBench(store());
  });
  beforeEach(async () => {
    await bench.clear();
    await bench.setTo('2026-12-01T00:00:00Z');
    for (const [user, zone] of Object.entries(HOMES)) await move(user, zone);
  });
  after(() => bench.api.close());
  const move = (user: string, zone: string | null) =>
    store().engine.query(
      `insert into users (tenant_id, id, external_id, timezone, attributes, created_at, updated_at)
       values ($1, $2, $3, $4, '{}', $5, $5)
       on conflict (tenant_id, external_id) do update set timezone = excluded.timezone`,
      [bench.api.tenantId, uuidv7(bench.api.clock.now()), user, zone, new Date(bench.api.clock.now())],
    );
  const put = async (body: object, userIds = [...Object.keys(HOMES), 'nobody']) => {
    const { message } = bench.notification;
    const answer = await bench.api.call('PUT', '/v1/schedules/digest', {
      notification: { userIds, message },
      ...body,
    });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer.body;
  };

  it('goes around the world: each user once, at his nine', async () => {
    await put({
      ...AT_NINE,
      recurrence: { ...AT_NINE.recurrence, startsAt: '2026-12-03T00:00', endsAt: '2026-12-03T23:59' },
    });
    const { body } = await bench.api.call('GET', '/v1/schedules/digest');
    assert.deepEqual(body.next, [
      {
        local: '2026-12-03T09:00:00',
        at: '2026-12-02T19:00:00.000Z',
        lastAt: '2026-12-03T19:00:00.000Z',
        skipped: false,
      },
    ]);
    await bench.runUntil('2026-12-05T00:00:00Z');
    assert.deepEqual(await bench.sent(), [
      'kai 2026-12-02T19:00',
      'aiko 2026-12-03T00:00',
      'ben 2026-12-03T08:00',
      'nobody 2026-12-03T09:00',
      'nina 2026-12-03T14:00',
      'hina 2026-12-03T19:00',
    ]);
    assert.equal((await bench.api.call('GET', '/v1/schedules/digest')).body.state, 'done');
  });

  it('comes every day, also while the day before is still on its way', async () => {
    await put(AT_NINE);
    await bench.runUntil('2026-12-06T00:00:00Z');
    const sent = await bench.sent();
    const of = (user: string) =>
      sent.filter((text) => text.startsWith(`${user} `)).map((text) => text.slice(-16));
    assert.deepEqual(
      of('kai'),
      [1, 2, 3, 4, 5].map((day) => `2026-12-0${day}T19:00`),
    );
    assert.deepEqual(
      of('aiko'),
      [2, 3, 4, 5, 6].map((day) => `2026-12-0${day}T00:00`),
    );
    assert.deepEqual(
      of('hina'),
      [1, 2, 3, 4, 5].map((day) => `2026-12-0${day}T19:00`),
    );
  });

  it('comes once to who travels west meanwhile, and to who says late where he lives', async () => {
    await move('ben', null);
    await put({ at: '2026-12-03T09:00', timezone: 'UTC', localTime: true }, ['kai', 'ben']);
    await bench.runUntil('2026-12-02T20:00:00Z');
    await move('kai', 'Pacific/Honolulu');
    await move('ben', 'Asia/Tokyo');
    await bench.runUntil('2026-12-05T00:00:00Z');
    assert.deepEqual(await bench.sent(), ['kai 2026-12-02T19:00', 'ben 2026-12-03T00:00']);
  });

  it('is made up for, or not, for those who missed it', async () => {
    for (const [missed, users] of [
      ['skip', ['hina']],
      ['fire_once', ['ben', 'hina', 'nina']],
    ] as const) {
      await bench.clear();
      for (const [user, zone] of Object.entries(HOMES)) await move(user, zone);
      await bench.setTo('2026-12-02T22:00:00Z');
      await put({ at: '2026-12-03T09:00', timezone: 'UTC', localTime: true, missed }, [
        'ben',
        'nina',
        'hina',
      ]);
      await bench.setTo('2026-12-03T19:30:00Z');
      await bench.newLoop().step();
      assert.deepEqual(
        (await bench.sent()).map((text) => text.split(' ')[0]),
        users,
      );
    }
  });

  it('is left out for everybody', async () => {
    await put({
      ...AT_NINE,
      recurrence: { ...AT_NINE.recurrence, startsAt: '2026-12-03T00:00', endsAt: '2026-12-04T23:59' },
    });
    await bench.api.call('POST', '/v1/schedules/digest/skip');
    await bench.runUntil('2026-12-06T00:00:00Z');
    const sent = await bench.sent();
    assert.equal(sent.length, 6);
    assert.deepEqual([sent[0], sent[5]], ['kai 2026-12-03T19:00', 'hina 2026-12-04T19:00']);
  });
});
