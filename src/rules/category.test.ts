import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { categoryFrom, inLocale } from './category.ts';

describe('the words of a category', () => {
  const offers = categoryFrom('offers', {
    name: 'Offers',
    description: 'Once a week',
    translations: { de: { name: 'Angebote' }, 'de-AT': { description: 'Wöchentlich' } },
  });

  it('are those of the locale, then of its language, then those that were declared', () => {
    assert.deepEqual(inLocale(offers, 'de-AT'), { name: 'Angebote', description: 'Wöchentlich' });
    assert.deepEqual(inLocale(offers, 'de'), { name: 'Angebote', description: 'Once a week' });
    assert.deepEqual(inLocale(offers, 'fr'), { name: 'Offers', description: 'Once a week' });
    assert.deepEqual(inLocale(offers, 'constructor'), { name: 'Offers', description: 'Once a week' });
  });
});
