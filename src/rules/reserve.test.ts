import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import fc from 'fast-check';
import { describeStores } from '../../test/support/stores.ts';
import { type CappedPlace, isSliding, placeKey } from './cap.ts';
import { giveBack, purgeCapUses } from './cap-store.ts';
import { reservePlaces } from './reserve.ts';

const TENANT = '01900000-0000-7000-8000-00000000000a';
const USER = '01900000-0000-7000-8000-0000000000ad';
const NOW = Date.UTC(2026, 10, 21, 12);
const DAY_MS = 24 * 3_600_000;

/** Rules of one user: two that are counted by the day, two that slide over a day. */
const LIMITS = { 'c:*:day': 3, 'c:sms:day': 2, 'c:*:day:sliding': 3, 'c:sms:day:sliding': 1 };
type Rule = keyof typeof LIMITS;
const placeOf = (rule: Rule, now = NOW): CappedPlace => {
  const startsAt = rule.endsWith('sliding') ? 0 : Math.floor(now / DAY_MS) * DAY_MS;
  const endsAt = (startsAt || now) + DAY_MS;
  return { tenantId: TENANT, live: true, userId: USER, rule, limit: LIMITS[rule], startsAt, endsAt };
};

describeStores('places', (store) => {
  beforeEach(() => store().engine.query('truncate cap_uses'));

  const reserve = (asks: CappedPlace[][], now = NOW) =>
    store().transaction((db) =>
      reservePlaces(
        db,
        asks.map((places) => ({ places })),
        now,
      ),
    );
  const back = (places: CappedPlace[]) => giveBack(store().engine, places);
  /** Of each window how many places are taken at a time. */
  const taken = async (now: number) => {
    const { rows } = await store().engine.query('select * from cap_uses order by rule, window_start');
    return new Map(
      rows.map((row) => {
        const startsAt = row.window_start.getTime();
        const key = placeKey({ ...placeOf('c:*:day'), rule: row.rule, startsAt });
        if (row.frees !== null) assert.equal(row.used, row.frees.length);
        const frees: Date[] | null = row.frees;
        return [key, frees ? frees.filter((free) => free.getTime() > now).length : row.used];
      }),
    );
  };

  it('are given out until the limit, a lower limit takes none away, and a higher one adds to them', async () => {
    for (const rule of ['c:*:day', 'c:*:day:sliding'] as const) {
      const places = (limit: number, count: number) =>
        Array.from({ length: count }, () => [{ ...placeOf(rule), limit }]);
      assert.deepEqual(await reserve(places(3, 2)), [null, null]);
      assert.deepEqual(await reserve(places(3, 2)), [null, rule]);
      assert.deepEqual(await reserve(places(1, 1)), [rule]);
      assert.deepEqual(await reserve(places(4, 2)), [null, rule]);
      assert.equal((await taken(NOW)).get(placeKey(placeOf(rule))), 4);
    }
  });

  it('in a sliding window are free again one by one, each after its own time', async () => {
    const ask = (now: number) => reserve([[placeOf('c:*:day:sliding', now)]], now);
    const granted = async (now: number) => (await ask(now))[0] === null;
    for (const ms of [0, 10, 20]) assert.ok(await granted(NOW + ms));
    assert.ok(!(await granted(NOW + DAY_MS - 1)));
    assert.ok(await granted(NOW + DAY_MS), 'the first of them is over');
    assert.ok(!(await granted(NOW + DAY_MS + 9)));
    assert.ok(await granted(NOW + DAY_MS + 10));
  });

  it('that are given back are there again, of a sliding window exactly that one, and never more than were taken', async () => {
    const day = placeOf('c:*:day');
    await reserve([[day]]);
    await back([day, day]);
    assert.equal((await taken(NOW)).get(placeKey(day)), 0);
    const [first, second] = [placeOf('c:*:day:sliding'), placeOf('c:*:day:sliding', NOW + 1_000)];
    await reserve([[first], [first]]);
    await reserve([[second]], NOW + 1_000);
    await back([first, second, second]);
    const { rows } = await store().engine.query('select used, frees from cap_uses where frees is not null');
    assert.deepEqual(rows, [{ used: 1, frees: [new Date(NOW + DAY_MS)] }]);
    await back([{ ...day, userId: TENANT }]);
  });

  it('are forgotten once their window is over, a few at a time', async () => {
    await reserve([
      [placeOf('c:*:day')],
      [placeOf('c:*:day', NOW + DAY_MS)],
      [placeOf('c:*:day', NOW - DAY_MS)],
    ]);
    assert.equal(await purgeCapUses(store().engine, new Date(NOW + 2 * DAY_MS), 1), 1);
    assert.equal(await purgeCapUses(store().engine, new Date(NOW + DAY_MS), 10), 1);
    assert.equal((await taken(NOW)).size, 1);
  });

  it('come out as if everybody had asked alone, one after the other', async () => {
    const rules = fc.subarray(Object.keys(LIMITS) as Rule[], { minLength: 1 });
    const steps = fc.array(
      fc.oneof(
        { weight: 3, arbitrary: fc.record({ asks: fc.array(rules, { minLength: 1, maxLength: 4 }) }) },
        { weight: 1, arbitrary: fc.record({ back: fc.nat(20) }) },
        { weight: 1, arbitrary: fc.record({ ms: fc.constantFrom(1, DAY_MS / 3, DAY_MS) }) },
      ),
      { minLength: 3, maxLength: 10 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        await store().engine.query('truncate cap_uses');
        const model = new Model();
        let now = NOW;
        for (const step of list) {
          if ('ms' in step) now += step.ms;
          else if ('asks' in step) {
            const asks = step.asks.map((own) => own.map((rule) => placeOf(rule, now)));
            assert.deepEqual(
              await reserve(asks, now),
              asks.map((places) => model.ask(places, now)),
            );
          } else if (model.held.length > 0) {
            const [places] = model.held.splice(step.back % model.held.length, 1);
            await back(places!);
          }
          const found = await taken(now);
          for (const key of found.keys()) assert.equal(found.get(key), model.count(key, now), key);
        }
      }),
      { numRuns: 30 },
    );
  });
});

/** What is taken, by the messages that have it. */
class Model {
  readonly held: CappedPlace[][] = [];

  count(key: string, now: number): number {
    return this.held
      .flat()
      .filter((place) => placeKey(place) === key && (!isSliding(place) || place.endsAt > now)).length;
  }

  ask(places: CappedPlace[], now: number): string | null {
    const full = places.find((place) => this.count(placeKey(place), now) >= place.limit);
    if (full) return full.rule;
    this.held.push(places);
    return null;
  }
}
