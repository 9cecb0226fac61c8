import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHANNELS, getProvider, listProviders, testProviderFor } from './index.ts';

test('a provider is found by its id, and listed under its channel', () => {
  for (const provider of listProviders()) {
    assert.equal(getProvider(provider.id), provider);
    assert.ok(listProviders(provider.channel).includes(provider));
  }
  assert.equal(getProvider('constructor'), undefined);
});

test('no channel or platform has two providers for test keys', () => {
  for (const channel of CHANNELS) {
    const defaults = listProviders(channel).filter((provider) => provider.testDefault);
    const places = defaults.flatMap(({ supports }) => supports.platforms ?? ['any']);
    assert.equal(new Set(places).size, places.length, channel);
    for (const provider of defaults) {
      assert.equal(testProviderFor(channel, provider.supports.platforms?.[0]), provider);
    }
  }
});
