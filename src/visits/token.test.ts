import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  KINDS,
  MAX_LINKS,
  MAX_URL,
  readTracked,
  type Tracked,
  toSigningKey,
  writeHead,
  writeTracked,
} from './token.ts';

const key = toSigningKey(Buffer.alloc(32, 1));
const otherKey = toSigningKey(Buffer.alloc(32, 2));
const tracked: Tracked = {
  kind: 'link',
  tenantId: '01910000-0000-7000-8000-00000000000a',
  deliveryId: '01910000-0000-7000-8000-00000000000b',
  sentAt: 1_790_000_000_000,
  link: 3,
  url: 'https://shop.example/?a=1',
};
const write = (changed: Partial<Tracked> = {}, by = key) => {
  const all = { ...tracked, ...changed };
  return writeTracked(writeHead(all), all, by);
};

const seconds = fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((each) => each * 1000);
const anything = fc.record({
  kind: fc.constantFrom(...KINDS),
  tenantId: fc.uuid(),
  deliveryId: fc.uuid(),
  sentAt: seconds,
  link: fc.integer({ min: 0, max: MAX_LINKS }),
  url: fc.webUrl({ withQueryParameters: true }).map((url) => new URL(url).href),
});

test('a token says what it was made of, and fits into an address', () => {
  fc.assert(
    fc.property(anything, (all) => {
      const token = write(all);
      assert.match(token, /^[\w-]+$/);
      assert.deepEqual(readTracked(token, all.kind, key), { ...all });
    }),
  );
  const longest = write({ url: `https://a.example/${'x'.repeat(MAX_URL - 18)}` });
  assert.ok(longest.length < 2_900, String(longest.length));
  assert.equal(readTracked(longest, 'link', key)?.url.length, MAX_URL);
});

test('a token with any one letter changed, left out, added or doubled does not open', () => {
  const token = write();
  for (let i = 0; i < token.length; i++) {
    for (const letter of ['A', 'B', '_', '', `${token[i]}${token[i]}`, '=']) {
      const changed = token.slice(0, i) + letter + token.slice(i + 1);
      if (changed !== token) assert.equal(readTracked(changed, 'link', key), null, changed);
    }
    assert.equal(readTracked(token.slice(0, i), 'link', key), null);
  }
});

test('text of any kind does not open', () => {
  fc.assert(fc.property(fc.string({ maxLength: 5_000 }), (text) => readTracked(text, 'link', key) === null));
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 50, maxLength: 300 }), (bytes) => {
      bytes[0] = 1;
      return readTracked(Buffer.from(bytes).toString('base64url'), 'link', key) === null;
    }),
  );
});

test('a token opens by its own key only, and as what it was made for', () => {
  assert.equal(readTracked(write(), 'link', otherKey), null);
  for (const made of KINDS)
    for (const asked of KINDS)
      assert.equal(
        readTracked(write({ kind: made }), asked, key) !== null,
        made === asked,
        `${made} ${asked}`,
      );
});

test('a script never is where a link leads, even if it was signed', () => {
  for (const url of [
    'javascript:alert(1)',
    'data:text/html,x',
    '//evil.example',
    '',
    ' https://a.example/',
    'HTTPS:x',
  ])
    assert.equal(readTracked(write({ url }), 'link', key), null, url);
});
