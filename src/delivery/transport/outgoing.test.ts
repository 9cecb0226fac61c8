import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createEgressGuard } from '../../lib/egress.ts';
import { createPreparation } from './outgoing.ts';
import { post, sendOptions, summary } from './test-peers.ts';

const guard = createEgressGuard({ allow: [] });
const REDIRECT = { origin: 'http://127.0.0.1:9/simulator/x', headers: {} };

/** Where a URL leads, by the one who remembers origins. */
function placeOf(prepare: ReturnType<typeof createPreparation>, url: string, changes = {}) {
  const prepared = prepare(post(url), sendOptions(changes));
  if ('kind' in prepared) return summary(prepared);
  const { origin, path, poolKey } = prepared.outgoing;
  return { origin: origin.origin, path, poolKey };
}

const hosts = fc.constantFrom(
  'https://a.example',
  'https://a.example:443',
  'https://a.example:8443',
  'https://A.example',
  'https://[2606:4700::1111]',
  'https://0x8.8.8.8',
  'https://b%65.example',
  'https://bücher.example',
);
const pieces = fc.constantFrom(
  ...[
    '/',
    '//',
    '/.',
    '/..',
    '/%2e',
    '/%2E%2e',
    '/a.b',
    'a',
    '.',
    '?',
    '?',
    '#',
    ':',
    '@',
    '%',
    '%41',
    '\\',
    "'",
  ],
  ...[
    '"',
    ' ',
    '\t',
    '\n',
    'é',
    '😀',
    '<',
    '`',
    '{',
    '|',
    '^',
    '[',
    '~',
    '+',
    '&=',
    ';',
    ',',
    '$',
    '!',
    '*',
    '(',
  ],
);

test('a request goes where a parser of URLs says, whether the origin is known or new', () => {
  const prepare = createPreparation(guard);
  fc.assert(
    fc.property(hosts, fc.array(pieces, { maxLength: 8 }), (host, parts) => {
      const text = `${host}/${parts.join('')}`;
      const url = new URL(text);
      const expected = {
        origin: url.origin,
        path: url.pathname + url.search,
        poolKey: `tenant/connection/1 at ${url.origin}`,
      };
      assert.deepEqual(placeOf(prepare, text), expected);
      assert.deepEqual(placeOf(prepare, text), expected);
    }),
    { numRuns: 2_000 },
  );
});

test('what the guard refuses is refused each time, and redirected all the same', () => {
  const prepare = createPreparation(guard);
  const inside = [
    'https://127.0.0.1/a',
    'https://10.0.0.1/a',
    'http://a.example/b',
    'https://a.example:22/b',
  ];
  for (const url of [...inside, ...inside, 'https://user:pass@a.example/', 'https://2130706433/a']) {
    assert.equal(placeOf(prepare, url), 'unavailable egress_refused', url);
    const redirected = placeOf(prepare, url, { redirect: REDIRECT });
    const { pathname } = new URL(url);
    assert.deepEqual(redirected, {
      origin: 'http://127.0.0.1:9',
      path: `/simulator/x${pathname}`,
      poolKey: 'tenant/connection/1 to http://127.0.0.1:9',
    });
  }
});

test('a path that begins like a host stays a path', () => {
  const prepare = createPreparation(guard);
  for (const text of ['https://a.example//evil.example/b', 'https://a.example//evil.example/b?c=/d']) {
    const { pathname, search } = new URL(text);
    assert.deepEqual(placeOf(prepare, text, { redirect: REDIRECT }), {
      origin: 'http://127.0.0.1:9',
      path: `/simulator/x${pathname}${search}`,
      poolKey: 'tenant/connection/1 to http://127.0.0.1:9',
    });
  }
});
