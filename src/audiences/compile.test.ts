import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import { describeStores } from '../../test/support/stores.ts';
import { uuidv7 } from '../lib/ids.ts';
import { makeTenant } from '../tenants/testing.ts';
import { compileRule, RuleError } from './compile.ts';
import { dependencies } from './dependencies.ts';
import { parseRule, type Rule } from './rule.ts';
import { fits, type TestUser } from './testing.ts';

const NOW = Date.UTC(2026, 10, 21, 12);

// Small pools, so that rules and users meet; with the values that are easily taken for one another.
const SCALARS = [
  0,
  -0,
  1,
  1.5,
  10,
  9,
  1e21,
  0.1 + 0.2,
  true,
  false,
  '',
  '1',
  'a',
  'b',
  'B',
  'ä',
  'é',
  '𝔸',
  '\uffee',
  '2026-01-02',
  '2026-11-21T10:00:00Z',
  'true',
  "'; drop table users; --",
  '$1',
  '%',
  '\\',
  '"',
  '{"a":1}',
];
const NAMES = ['plan', 'age', "it's", 'a"b', '$1', 'ü', '0'];
const scalar = fc.constantFrom(...SCALARS);
const text = fc.constantFrom(
  ...SCALARS.filter((value) => typeof value === 'string' && value !== ''),
) as fc.Arbitrary<string>;
const number = fc.constantFrom(
  ...SCALARS.filter((value) => typeof value === 'number'),
) as fc.Arbitrary<number>;
const attribute = fc.constantFrom(...NAMES);
const locale = fc.constantFrom('de', 'de-AT', 'den', 'en', 'en-GB');
const timezone = fc.constantFrom('Europe/Berlin', 'UTC');
const kind = fc.constantFrom('email', 'phone', 'telegram');
const platform = fc.constantFrom('ios', 'android', 'web');
const app = fc.constantFrom('default', 'shop');
const topic = fc.constantFrom(
  'sport',
  'sport/football',
  'sport/football/berlin',
  'sport-x',
  'sport0',
  'spor',
);
const days = fc.integer({ min: 1, max: 40 });
const choice = fc.constantFrom('in', 'out', 'pending');
const category = fc.constantFrom('*', 'offers', 'news');
const channel = fc.constantFrom('*', 'email', 'push');
const past = fc.integer({ min: -2, max: 45 * 24 }).map((hours) => NOW - hours * 3_600_000);

const user: fc.Arbitrary<Omit<TestUser, 'externalId'>> = fc.record({
  attributes: fc.dictionary(
    attribute,
    fc.oneof(
      scalar,
      fc.constant(null),
      fc.array(fc.oneof(scalar, fc.constant(null), fc.array(scalar)), { maxLength: 3 }),
      fc.constant({ a: 1 }),
    ),
    { maxKeys: 5 },
  ),
  locale: fc.option(locale),
  timezone: fc.option(timezone),
  createdAt: past,
  contacts: fc.uniqueArray(fc.record({ kind, inactive: fc.boolean() }), {
    selector: (c) => c.kind,
    maxLength: 3,
  }),
  devices: fc.array(fc.record({ platform, app, lastActiveAt: past, inactive: fc.boolean() }), {
    maxLength: 3,
  }),
  preferences: fc.uniqueArray(fc.record({ category, channel, choice }), {
    selector: (p) => `${p.category} ${p.channel}`,
    maxLength: 3,
  }),
  topics: fc.uniqueArray(topic, { maxLength: 3 }),
  openedAt: fc.option(past),
  clickedAt: fc.option(past),
});

const bounds = (value: fc.Arbitrary<number | string>) =>
  fc
    .record({ atLeast: value, atMost: value, above: value, below: value }, { requiredKeys: [] })
    .filter((each) => Object.keys(each).length > 0);

const { rule } = fc.letrec<{ rule: Rule }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.oneof(
      fc.record({ attribute, is: scalar }),
      fc.record({ attribute, in: fc.array(scalar, { minLength: 1, maxLength: 3 }) }),
      fc.record({ attribute, has: scalar }),
      fc.record({ attribute, exists: fc.boolean() }),
      fc.tuple(attribute, bounds(number)).map(([attribute, rest]) => ({ attribute, ...rest })),
      fc.tuple(attribute, bounds(text)).map(([attribute, rest]) => ({ attribute, ...rest })),
      fc.record({ locale }),
      fc.record({ timezone }),
      fc.record({ contact: kind }),
      fc.record({ device: fc.record({ platform, app, seenWithinDays: days }, { requiredKeys: [] }) }),
      fc.record({ preference: fc.record({ category, channel, choice }) }),
      fc.record({ topic }),
      fc.record({ segment: fc.constantFrom('german', 'chatty') }),
      fc.record({ active: fc.record({ withinDays: days }) }),
      fc.record({ opened: fc.record({ withinDays: days }) }),
      fc.record({ clicked: fc.record({ withinDays: days }) }),
      fc.record({ createdWithinDays: days }),
    ),
    fc.record({ all: fc.array(tie('rule'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ any: fc.array(tie('rule'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ not: tie('rule') }),
  ) as fc.Arbitrary<Rule>,
}));

const OTHERS = new Map<string, Rule>([
  ['german', { any: [{ locale: 'de' }, { timezone: 'Europe/Berlin' }] }],
  ['chatty', { all: [{ contact: 'telegram' }, { not: { segment: 'german' } }] }],
]);

describeStores('a rule in SQL', (store) => {
  let tenantId: string;
  const users: TestUser[] = fc
    .sample(user, { numRuns: 80, seed: 7 })
    .map((each, i) => ({ ...each, externalId: `u${i}` }));
  before(async () => {
    tenantId = await makeTenant(store(), NOW);
    for (const each of users) await insert(tenantId, each);
  });

  async function insert(tenant_id: string, each: TestUser) {
    const id = uuidv7(NOW);
    const at = new Date(NOW);
    const put = (sql: string, values: unknown[]) =>
      store().engine.query(`insert into ${sql}`, [tenant_id, id, ...values]);
    await put('users values ($1, $2, $3, $4, $5, $6, $7, $7)', [
      each.externalId,
      each.locale,
      each.timezone,
      JSON.stringify(each.attributes),
      new Date(each.createdAt),
    ]);
    for (const { kind, inactive } of each.contacts)
      await put('contacts values ($1, $2, $3, $3, $4, null, $5)', [kind, inactive ? at : null, at]);
    for (const d of each.devices) {
      const token = uuidv7(NOW);
      await put(`devices values ($1, $7, $2, $3, $4, $5, $6, null, null, $8, $8, $9, null)`, [
        d.app,
        d.platform,
        token,
        Buffer.from(token),
        token,
        new Date(d.lastActiveAt),
        d.inactive ? at : null,
      ]);
    }
    for (const p of each.preferences)
      await put("preferences values ($1, $2, $3, $4, $5, 'api', $6)", [p.category, p.channel, p.choice, at]);
    const [opened, clicked] = [each.openedAt, each.clickedAt].map((ms) =>
      ms === null ? null : new Date(ms),
    );
    if (opened || clicked) await put('engagements values ($1, $2, $3, $4)', [opened, clicked]);
    for (const topic of each.topics) await put('topic_subscriptions values ($1, $3, $2, $4)', [topic, at]);
  }

  async function selected(rule: Rule): Promise<string[]> {
    const values: unknown[] = [tenantId];
    const where = compileRule(rule, { values, now: NOW, others: OTHERS });
    const { rows } = await store().engine.query(
      `select u.external_id, (${where}) as fits from users u where u.tenant_id = $1`,
      values,
    );
    assert.ok(
      rows.every((row) => typeof row.fits === 'boolean'),
      'neither true nor false',
    );
    return rows
      .filter((row) => row.fits)
      .map((row) => row.external_id)
      .sort();
  }

  it('chooses the users that its plain meaning chooses', async () => {
    let some = 0;
    await fc.assert(
      fc.asyncProperty(rule, async (rule) => {
        const parsed = parseRule(JSON.parse(JSON.stringify(rule)));
        const expected = users
          .filter((each) => fits(parsed, each, { now: NOW, others: OTHERS }))
          .map((each) => each.externalId)
          .sort();
        if (expected.length > 0 && expected.length < users.length) some++;
        assert.deepEqual(await selected(parsed), expected);
      }),
      { numRuns: 300, seed: 11 },
    );
    assert.ok(some > 150, `rules that tell users apart: ${some}`);
  });

  it('is never read as SQL, whatever is written in it', async () => {
    const evil = "x') or true or ('1";
    for (const rule of [
      { attribute: evil, is: evil },
      { attribute: 'plan', in: [evil] },
      { timezone: evil },
      { preference: { category: evil, channel: evil, choice: 'in' } },
    ])
      assert.deepEqual(await selected(parseRule(rule)), [], JSON.stringify(rule));
  });
});

describe('a rule', () => {
  it('that names itself, or what is not there, cannot be compiled', () => {
    const others = new Map<string, Rule>([
      ['a', { segment: 'b' }],
      ['b', { not: { segment: 'a' } }],
    ]);
    const compile = (rule: Rule) => compileRule(rule, { values: ['t'], now: NOW, others });
    assert.throws(() => compile({ segment: 'a' }), RuleError);
    assert.throws(() => compile({ segment: 'c' }), RuleError);
  });

  it('that grows by the segments it names stays within bounds', () => {
    const others = new Map<string, Rule>(
      Array.from({ length: 12 }, (_, i) => [
        `s${i}`,
        i === 0 ? { locale: 'de' } : { any: [{ segment: `s${i - 1}` }, { segment: `s${i - 1}` }] },
      ]),
    );
    assert.throws(
      () => compileRule({ segment: 's11' }, { values: ['t'], now: NOW, others }),
      /more than 500/,
    );
  });

  it('tells what it depends on', () => {
    const others = new Map<string, Rule>([['x', { device: { seenWithinDays: 3 } }]]);
    assert.deepEqual(dependencies({ any: [{ topic: 'a' }, { not: { segment: 'x' } }] }, others), {
      listens: ['device', 'topic'],
      isTimed: true,
    });
    assert.deepEqual(dependencies({ any: [{ active: { withinDays: 1 } }] }, others), {
      listens: ['device', 'engagement'],
      isTimed: true,
    });
    assert.deepEqual(dependencies({ not: { clicked: { withinDays: 1 } } }, others), {
      listens: ['engagement'],
      isTimed: true,
    });
    assert.deepEqual(dependencies({ all: [{ attribute: 'a', is: 1 }, { device: {} }] }, others), {
      listens: ['device', 'user'],
      isTimed: false,
    });
  });

  const REFUSED: [unknown, string][] = [
    [null, '/rule'],
    [[], '/rule'],
    [{}, '/rule'],
    ['1=1', '/rule'],
    [{ sql: 'true' }, '/rule'],
    [{ all: [] }, '/rule/all'],
    [{ all: [{ locale: 'de' }], any: [{ locale: 'de' }] }, '/rule/any'],
    [{ not: { all: [{ locale: 'de' }, { attribute: 'a' }] } }, '/rule/not/all/1'],
    [{ attribute: 'a', is: null }, '/rule/is'],
    [{ attribute: 'a', is: { b: 1 } }, '/rule/is'],
    [{ attribute: 'a', is: 1, has: 2 }, '/rule'],
    [{ attribute: 'a', like: '%' }, '/rule/like'],
    [{ attribute: 'a', atLeast: 1, atMost: '2' }, '/rule'],
    [{ attribute: 'a', atLeast: true }, '/rule/atLeast'],
    [{ attribute: 'a', atLeast: 1, is: 1 }, '/rule/is'],
    [{ attribute: 'x'.repeat(257), is: 1 }, '/rule/attribute'],
    [{ attribute: 'a', in: [] }, '/rule/in'],
    [{ locale: 'en_US' }, '/rule/locale'],
    [{ contact: 'E-Mail' }, '/rule/contact'],
    [{ topic: 'a//b' }, '/rule/topic'],
    [{ device: { platform: 'palm' } }, '/rule/device/platform'],
    [{ device: { since: 1 } }, '/rule/device/since'],
    [{ active: { withinDays: 0 } }, '/rule/active/withinDays'],
    [{ opened: { withinDays: 0 } }, '/rule/opened/withinDays'],
    [{ clicked: { withinDays: 1, url: 'x' } }, '/rule/clicked/url'],
    [{ createdWithinDays: 1.5 }, '/rule/createdWithinDays'],
    [{ preference: { category: 'a', channel: 'b', choice: 'maybe' } }, '/rule/preference/choice'],
    [{ any: Array.from({ length: 101 }, () => ({ locale: 'de' })) }, '/rule'],
    [
      Array.from({ length: 9 }).reduce<object>((inner) => ({ not: inner }), { locale: 'de' }),
      '/rule/not/not/not/not/not/not/not/not',
    ],
  ];
  for (const [rule, field] of REFUSED) {
    it(`is refused as ${JSON.stringify(rule).slice(0, 60)}`, () => {
      assert.throws(
        () => parseRule(rule),
        (error: { errors?: { field: string }[] }) =>
          error.errors?.[0]?.field === field || assert.fail(`${error.errors?.[0]?.field}`),
      );
    });
  }
});
