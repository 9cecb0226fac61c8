import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { Secret } from '../lib/secret.ts';
import type { Fields, Provider } from './contract.ts';
import { parseConfig, showPlain, splitSecrets } from './fields.ts';

const fields: Fields = {
  region: {
    label: 'Region',
    type: 'text',
    required: true,
    pattern: { regex: 'eu|us', hint: 'eu or us' },
  },
  host: { label: 'Host', type: 'text', default: 'example.org' },
  port: { label: 'Port', type: 'number', default: 587 },
  strict: { label: 'Strict', type: 'boolean' },
  hook: { label: 'Hook', type: 'url' },
  token: { label: 'Token', type: 'secret', required: true },
  key: { label: 'Key', type: 'pem' },
  account: { label: 'Account', type: 'json' },
  shape: { label: 'Shape', type: 'object' },
  keys: { label: 'Keys', type: 'secrets' },
};
const provider = { fields, transport: 'http' } as Provider;
const PEM = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
});
const given = { region: 'eu', token: 'tok' };

function problems(raw: Record<string, unknown>, of = provider) {
  const parsed = parseConfig(of, raw);
  return 'problems' in parsed ? parsed.problems : [];
}

test('a configuration gets defaults, and its secrets are wrapped', () => {
  const parsed = parseConfig(provider, { ...given, key: PEM, account: { id: 1 } });
  assert.ok('config' in parsed);
  const { token, key, account, ...plain } = parsed.config;
  assert.deepEqual(plain, { region: 'eu', host: 'example.org', port: 587 });
  for (const secret of [token, key, account]) assert.ok(secret instanceof Secret);
  assert.equal(token.reveal(), 'tok');
  assert.equal(account.reveal(), '{"id":1}');
});

test('all problems are named at once, by field and rule', () => {
  assert.deepEqual(problems({ region: 'cn', colour: 'red', port: '587' }), [
    { path: '/colour', rule: 'is not a known field' },
    { path: '/region', rule: 'must be eu or us' },
    { path: '/port', rule: 'must be a number' },
    { path: '/token', rule: 'is required' },
  ]);
});

test('an empty text and null count as absent', () => {
  assert.deepEqual(problems({ ...given, token: '' }), [{ path: '/token', rule: 'is required' }]);
  assert.deepEqual(problems({ ...given, token: null }), [{ path: '/token', rule: 'is required' }]);
});

test('a pattern must match the whole text', () => {
  assert.equal(problems({ ...given, region: 'eu2' }).length, 1);
  assert.equal(problems({ ...given, region: 'x\neu' }).length, 1);
});

const WRONG: Record<string, unknown[]> = {
  region: [1, {}],
  port: [Number.NaN, true],
  strict: ['true', 1],
  hook: ['example.org', 'ftp://example.org', 'javascript:alert(1)', 1],
  token: [1, {}],
  key: ['text', '-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----'],
  account: ['{', '[]', '1', [], 5],
  shape: ['{', '[]', [], 5, 'null'],
  keys: ['{', [], 5, { a: 5 }, { a: '' }, { 'a b': 'x' }, { __proto__: null, '': 'x' }],
};

for (const [field, values] of Object.entries(WRONG)) {
  test(`${field} refuses what is not of its type, and does not repeat it`, () => {
    for (const value of values) {
      const [problem, ...others] = problems({ ...given, [field]: value });
      assert.equal(problem?.path, `/${field}`);
      assert.deepEqual(others, []);
      if (typeof value === 'string' && value.length > 5) assert.ok(!problem.rule.includes(value));
    }
  });
}

test('names that every object has are unknown fields', () => {
  assert.equal(problems({ ...given, constructor: 'x', toString: 'y' }).length, 2);
});

test('every HTTP provider takes the base URL of its API', () => {
  const parsed = parseConfig(provider, { ...given, baseUrl: 'https://eu.example.org/v1/' });
  assert.ok('config' in parsed);
  assert.equal(parsed.baseUrl, 'https://eu.example.org/v1');
  assert.equal('baseUrl' in parsed.config, false);
  assert.equal(problems({ ...given, baseUrl: 'eu' })[0]?.path, '/baseUrl');
  const smtp = { ...provider, transport: 'smtp' } as Provider;
  assert.deepEqual(problems({ ...given, baseUrl: 'https://x.org' }, smtp), [
    { path: '/baseUrl', rule: 'is not a known field' },
  ]);
});

test('secret, pem and json are kept apart from what is stored as it is', () => {
  assert.deepEqual(
    splitSecrets(provider, { ...given, port: 25, account: { id: 1 }, baseUrl: 'https://x.org' }),
    {
      plain: { region: 'eu', port: 25, baseUrl: 'https://x.org' },
      secrets: { token: 'tok', account: '{"id":1}' },
    },
  );
});

test('named secrets are wrapped one by one, and stored as one text', () => {
  const stored = splitSecrets(provider, { ...given, keys: { a: 'x', b: 'y' } }).secrets;
  assert.equal(stored.keys, '{"a":"x","b":"y"}');
  const parsed = parseConfig(provider, { ...given, ...stored });
  assert.ok('config' in parsed);
  assert.ok(parsed.config.keys.a instanceof Secret);
  assert.equal(parsed.config.keys.b.reveal(), 'y');
});

test('an object keeps the order of its names, which the database would not', () => {
  const shape = { long: 1, b: { z: 1, a: 2 }, a: [] };
  const { plain } = splitSecrets(provider, { ...given, shape });
  assert.equal(plain.shape, JSON.stringify(shape));
  assert.equal(JSON.stringify(showPlain(provider, plain).shape), JSON.stringify(shape));
  const parsed = parseConfig(provider, { ...plain, token: 'tok' });
  assert.ok('config' in parsed);
  assert.equal(JSON.stringify(parsed.config.shape), JSON.stringify(shape));
});

test("a provider's own rules are asked once its fields are right", () => {
  const own = { ...provider, check: () => [{ path: '/region', rule: 'is far away' }] } as Provider;
  assert.deepEqual(problems(given, own), [{ path: '/region', rule: 'is far away' }]);
  assert.deepEqual(problems({ ...given, port: 'x' }, own), [{ path: '/port', rule: 'must be a number' }]);
});
