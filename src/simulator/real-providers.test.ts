import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listProviders } from '../providers/index.ts';
import { openHttp2, requestHttp2, startSimulator } from './fixture.ts';

// What travels through the simulator must still mean to the provider what its example promises.
for (const provider of listProviders()) {
  if (provider.transport !== 'http' && provider.transport !== 'http2') continue;
  for (const [name, { outcome }] of Object.entries(provider.examples)) {
    test(`${provider.id} understands its example ${name} from the simulator`, async (t) => {
      const { origin } = await startSimulator(t, { providers: [provider] });
      const url = `/${provider.id}/v1/simulate-${name}.`;
      const context = { now: Date.now(), config: provider.testConfig() };
      const response = await fetch(origin + url, { method: 'POST', redirect: 'manual' });
      const headers = Object.fromEntries(response.headers);
      const classified = provider.classify(
        { status: response.status, headers, body: await response.text() },
        context,
      );
      assert.equal(classified.kind, outcome.kind);
      const second = await requestHttp2(openHttp2(t, origin), url);
      const { ':status': status, ...rest } = second.headers;
      const again = provider.classify({ status: Number(status), headers: rest, body: second.body }, context);
      assert.equal(again.kind, outcome.kind);
      if (classified.kind === 'accepted' && again.kind === 'accepted' && outcome.kind === 'accepted') {
        if (outcome.providerMessageId) assert.notEqual(classified.providerMessageId, again.providerMessageId);
      }
    });
  }
}
