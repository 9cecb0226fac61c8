import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BUILT_IN, categoriesFrom } from './categories.ts';

describe('the categories of a tenant', () => {
  it('are those that are built in, where it declared nothing', () => {
    assert.deepEqual(
      BUILT_IN.all.map(({ id, priority, optOut, quietHours }) => [id, priority, optOut, quietHours]),
      [
        ['marketing', 'low', true, 'defer'],
        ['otp', 'high', false, 'ignore'],
        ['security', 'high', false, 'ignore'],
        ['transactional', 'normal', false, 'ignore'],
      ],
    );
  });

  it('follow their kind in what they leave open', () => {
    const own = categoriesFrom([
      { id: 'offers', definition: { kind: 'marketing', name: 'Offers', channels: { sms: 'off' } } },
      { id: 'marketing', definition: { unknown: 'hold', evidenceSeconds: 60, expiresAfterSeconds: 90 } },
    ]);
    const offers = own.of('offers');
    assert.deepEqual(
      [offers.name, offers.priority, offers.unknown, offers.isOn('sms'), offers.isOn('email')],
      ['Offers', 'low', 'never-repeat', false, true],
    );
    const marketing = own.of('marketing');
    assert.deepEqual(
      [marketing.unknown, marketing.evidenceMs, marketing.maxAgeMs, marketing.priority, marketing.optOut],
      ['hold', 60_000, 90_000, 'low', true],
    );
  });

  it('behave like transactional when nobody declared them', () => {
    const { id, ...rest } = BUILT_IN.of('receipts');
    const { id: _, name: __, isOn: ___, ...transactional } = BUILT_IN.of('transactional');
    const { name, isOn: ____, ...unknown } = rest;
    assert.deepEqual([id, name, unknown], ['receipts', 'receipts', transactional]);
    assert.equal(BUILT_IN.of('constructor').priority, 'normal', 'which is a property of every object');
  });
});
