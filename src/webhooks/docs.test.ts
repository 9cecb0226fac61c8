import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { EVENT_TYPES } from '../ledger/index.ts';
import { Secret } from '../lib/secret.ts';
import { signWebhook } from '../lib/standard-webhooks.ts';

const page = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');

describe('docs/webhooks.md', () => {
  it('verifies what we sign, and nothing else', async () => {
    const [, code] = /```js\n([\s\S]+?)```/.exec(page)!;
    const { verify } = await import(`data:text/javascript,${encodeURIComponent(code!)}`);
    const [old, next] = [1, 2].map((n) => `whsec_${Buffer.alloc(32, n).toString('base64')}`) as [
      string,
      string,
    ];
    const call = { id: 'e1', body: '{"type":"delivery.sent"}', now: Date.now() };
    const both = signWebhook(call, [new Secret(next), new Secret(old)]);
    for (const secret of [old, next]) assert.equal(verify(secret, both, call.body), true);
    assert.equal(verify(old, both, '{"type":"delivery.dead"}'), false);
    assert.equal(verify(old, { ...both, 'webhook-id': 'e2' }, call.body), false);
    assert.equal(verify(old, signWebhook(call, [new Secret(next)]), call.body), false);
    const late = signWebhook({ ...call, now: call.now - 400_000 }, [new Secret(old)]);
    assert.equal(verify(old, late, call.body), false);
  });

  it('names every event that is told', () => {
    const text = page.replaceAll('`.', '`delivery.');
    for (const type of EVENT_TYPES)
      if (type !== 'webhook.test') assert.ok(text.includes(`\`${type}\``), type);
  });
});
