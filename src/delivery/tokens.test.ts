import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Secret } from '../lib/secret.ts';
import type { HttpProvider, Message, Token } from '../providers/index.ts';
import type { Route } from './route.ts';
import { TokenCache } from './tokens.ts';

const NOW = 1_000;
const message = {} as Message;
const route = (key = 'tenant/fcm/1') => ({ key, config: {} }) as Route;
const fetched = { token: { request: () => {}, parse: () => {} } } as unknown as HttpProvider;
const signed = (sign: () => Token) =>
  ({
    token: { audience: (to: { audience?: string }) => to.audience ?? '', sign },
  }) as unknown as HttpProvider;

function cacheWith(expiresAt = NOW + 100) {
  const waiting: ((token: Token) => void)[] = [];
  const cache = new TokenCache(() => new Promise((resolve) => waiting.push((token) => resolve({ token }))));
  const answer = (value: string) => waiting.shift()!({ value: new Secret(value), expiresAt });
  return { cache, answer, fetches: () => waiting.length };
}
const textOf = (answer: object) => ('value' in answer ? (answer.value as Secret).reveal() : answer);

describe('the cache of provider tokens', () => {
  it('lets one caller fetch while the others wait for the same token', async () => {
    const { cache, answer, fetches } = cacheWith();
    const all = [1, 2, 3].map(() => cache.get(fetched, route(), message, NOW));
    assert.equal(fetches(), 1);
    answer('t1');
    assert.deepEqual((await Promise.all(all)).map(textOf), ['t1', 't1', 't1']);
    assert.equal(textOf(await cache.get(fetched, route(), message, NOW)), 't1');
  });

  it('fetches again when the token has expired, and for another connection or version', async () => {
    const { cache, answer, fetches } = cacheWith();
    const first = cache.get(fetched, route(), message, NOW);
    answer('t1');
    await first;
    void cache.get(fetched, route(), message, NOW + 100);
    void cache.get(fetched, route('tenant/fcm/2'), message, NOW);
    assert.equal(fetches(), 2);
  });

  it('drops a refused token only if it is still the one that was used', async () => {
    const { cache, answer, fetches } = cacheWith();
    const first = cache.get(fetched, route(), message, NOW);
    answer('t1');
    const used = ((await first) as { value: Secret }).value;
    cache.drop(route(), new Secret('older'));
    assert.equal(textOf(await cache.get(fetched, route(), message, NOW)), 't1');
    cache.drop(route(), used);
    void cache.get(fetched, route(), message, NOW);
    assert.equal(fetches(), 1);
  });

  it('signs once for each audience', async () => {
    let signatures = 0;
    const provider = signed(() => ({ value: new Secret(String(++signatures)), expiresAt: NOW + 100 }));
    const { cache } = cacheWith();
    const to = (audience: string) => cache.get(provider, route(), { audience } as unknown as Message, NOW);
    const values = [await to('a'), await to('a'), await to('b')].map(textOf);
    assert.deepEqual(values, ['1', '1', '2']);
  });

  it('calls a key that cannot be read the connection’s trouble', async () => {
    const { cache } = cacheWith();
    const provider = signed(() => {
      throw new Error('no key');
    });
    assert.deepEqual(await cache.get(provider, route(), message, NOW), {
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: 'key_unreadable' },
    });
  });
});
