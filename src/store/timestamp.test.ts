import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { describeStores } from '../../test/support/stores.ts';
import { readTimestamp } from './timestamp.ts';

describe('a timestamp of the database', () => {
  it('is the moment that it names, to the millisecond', () => {
    const years = { min: new Date('0100-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z') };
    fc.assert(
      fc.property(
        fc.date({ ...years, noInvalidDate: true }),
        fc.integer({ min: 0, max: 6 }),
        (date, decimals) => {
          const [day, time] = date.toISOString().slice(0, -1).split('T') as [string, string];
          const [seconds, ms] = time.split('.') as [string, string];
          const fraction = `${ms}456`.slice(0, decimals);
          const kept = Number(fraction.slice(0, 3).padEnd(3, '0'));
          const read = readTimestamp(`${day} ${seconds}${fraction && `.${fraction}`}+00`);
          assert.equal(read.getTime(), Math.floor(date.getTime() / 1000) * 1000 + kept);
        },
      ),
    );
  });

  it('may be in any zone, far away or before our time', () => {
    assert.equal(readTimestamp('2026-11-21 16:41:37.569+05:30').toISOString(), '2026-11-21T11:11:37.569Z');
    assert.equal(readTimestamp('2026-11-21 16:41:37-08').toISOString(), '2026-11-22T00:41:37.000Z');
    assert.equal(readTimestamp('12026-11-21 16:41:37+00').getUTCFullYear(), 12026);
    assert.equal(readTimestamp('0044-03-15 12:00:00+00').getUTCFullYear(), 44);
    assert.equal(readTimestamp('0044-03-15 12:00:00+00 BC').getUTCFullYear(), -43);
  });
});

describeStores('a timestamp from', (store) => {
  it('the database is the one that was stored', async () => {
    const moments = [0, 1, 999, 1_700_000_000_123, Date.UTC(9999, 11, 31), Date.UTC(1900, 0, 1)].map(
      (ms) => new Date(ms),
    );
    const { rows } = await store().engine.query('select unnest($1::timestamptz[]) as moment', [moments]);
    assert.deepEqual(
      rows.map(({ moment }) => moment),
      moments,
    );
  });
});
