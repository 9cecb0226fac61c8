import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { categoryFrom } from './category.ts';
import { type Preference, refusalOf } from './preference.ts';

const OFFERS = categoryFrom('offers', { kind: 'marketing', channels: { sms: 'off' } });
const ORDERS = categoryFrom('orders', { kind: 'transactional' });
const NEWS = categoryFrom('news', { kind: 'marketing', doubleOptIn: true });
const said = (text: string): Preference[] =>
  text
    .split(' ')
    .filter(Boolean)
    .map((each) => {
      const [category, channel, choice] = each.split('/') as [
        string,
        Preference['channel'],
        Preference['choice'],
      ];
      return { category, channel, choice };
    });

describe('what a user wants', () => {
  it('is as the category says where he said nothing', () => {
    assert.equal(refusalOf(OFFERS, 'email', []), null);
    assert.equal(refusalOf(OFFERS, 'sms', []), 'off_by_default');
    assert.equal(refusalOf(OFFERS, 'sms', said('offers/sms/in')), null);
  });

  it('is what he said of exactly that, before the category, the channel and everything', () => {
    const everything = '*/*/out';
    const channel = `${everything} */email/in`;
    const category = `${channel} offers/*/out`;
    const exactly = `${category} offers/email/in`;
    assert.deepEqual(
      [everything, channel, category, exactly].map((text) => refusalOf(OFFERS, 'email', said(text))),
      ['opted_out', null, 'opted_out', null],
    );
    assert.deepEqual(
      said(exactly)
        .reverse()
        .map((_, i, all) => refusalOf(OFFERS, 'email', all.slice(i))),
      [null, 'opted_out', null, 'opted_out'],
      'in whatever order he said it',
    );
  });

  it('does not count where the category allows no refusal', () => {
    assert.equal(refusalOf(ORDERS, 'email', said('orders/email/out */*/out')), null);
  });

  it('is not changed by a yes that is not confirmed', () => {
    assert.equal(refusalOf(OFFERS, 'email', said('*/*/out offers/email/pending')), 'opted_out');
    assert.equal(refusalOf(OFFERS, 'sms', said('offers/sms/pending')), 'off_by_default');
  });

  it('must be said and confirmed where the category asks for it', () => {
    assert.equal(refusalOf(NEWS, 'email', []), 'not_opted_in');
    assert.equal(refusalOf(NEWS, 'email', said('news/email/pending')), 'not_opted_in');
    assert.equal(refusalOf(NEWS, 'email', said('news/email/out')), 'opted_out');
    assert.equal(refusalOf(NEWS, 'email', said('news/*/in')), null);
  });
});
