import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { checkVariables } from './check-variables.ts';
import { compileTemplate } from './compile.ts';
import { createTemplates } from './templates.ts';
import { addTenant, buildTemplateServer, type Call, callTemplates } from './testing.ts';
import type { Variables } from './variable-schema.ts';
import { compileVariables } from './variables.ts';

const order: Variables = {
  type: 'object',
  required: ['order'],
  properties: {
    name: { type: 'string', maxLength: 40, default: 'you' },
    order: {
      type: 'object',
      required: ['total'],
      properties: {
        total: { type: 'number', minimum: 0 },
        currency: { enum: ['EUR', 'USD'], default: 'EUR' },
        lines: {
          type: 'array',
          maxItems: 2,
          items: { type: 'object', properties: { n: { type: 'integer' } } },
        },
      },
    },
  },
};
const rulesOf = (variables: unknown) =>
  checkVariables(variables as Variables).map(({ field, rule }) => `${field} ${rule}`);

describe('the variables of a template', () => {
  it('are what their schema says, named where they are not', () => {
    const refusal = (given: Record<string, unknown>) => {
      const resolved = compileVariables(order).resolve(given);
      return 'rule' in resolved ? `${resolved.field} ${resolved.rule}` : null;
    };
    assert.equal(refusal({ order: { total: 3 } }), null);
    assert.equal(refusal({}), '/order is required');
    assert.equal(refusal({ order: {} }), '/order/total is required');
    assert.equal(refusal({ order: { total: -1 } }), '/order/total must be >= 0');
    assert.equal(
      refusal({ order: { total: 1, currency: 'CHF' } }),
      '/order/currency must be one of EUR, USD',
    );
    assert.equal(
      refusal({ order: { total: 1, lines: [{ n: 1 }, { n: 1.5 }] } }),
      '/order/lines/1/n must be integer',
    );
    assert.match(
      refusal({ name: 'x'.repeat(41), order: { total: 3 } })!,
      /^\/name must NOT have more than 40/,
    );
    assert.equal(refusal({ order: { total: 3 }, undeclared: true }), null);
  });

  it('get their defaults, however deep, and what was given stays as it was', () => {
    const given = { name: null, order: { total: 3 } };
    const resolved = compileVariables(order).resolve(given);
    assert.deepEqual('values' in resolved && { ...resolved.values }, {
      name: 'you',
      order: { total: 3, currency: 'EUR' },
    });
    assert.deepEqual(given, { name: null, order: { total: 3 } });
  });

  it('are not there because every object inherits something of the name', () => {
    const properties = { toString: { type: 'string' }, valueOf: { type: 'string' } } as const;
    const declared = { o: { type: 'object', properties }, toString: { type: 'string' } };
    const inside = declared as unknown as Variables;
    assert.deepEqual(rulesOf(inside), []);
    assert.ok('values' in compileVariables(inside).resolve({ o: {} }));
  });

  it('may be null only where the schema says so', () => {
    const resolve = (type: 'string' | ['string', 'null']) =>
      compileVariables({ a: { type, default: 'x' } }).resolve({ a: null }) as { values: { a: unknown } };
    assert.equal(resolve('string').values.a, 'x');
    assert.equal(resolve(['string', 'null']).values.a, null);
  });

  it('that are undeclared are refused when the schema closes the list', () => {
    const closed = compileVariables({ type: 'object', properties: {}, additionalProperties: false });
    assert.deepEqual(closed.resolve({ extra: 1 }), { field: '/extra', rule: 'is not a known field' });
  });

  it('are called type, required or properties as well as anything else', () => {
    const resolved = compileVariables({ type: { type: 'string' }, properties: { type: 'number' } });
    assert.deepEqual(resolved.resolve({ type: 1 }), { field: '/type', rule: 'must be string' });
    assert.deepEqual(resolved.resolve({ properties: 'x' }), { field: '/properties', rule: 'must be number' });
  });

  it('that are personal reach an e-mail and no push message, by whatever way', () => {
    const channels = (text: string) => ({
      push: { en: { title: 't', body: text } },
      email: { en: { subject: 't', text } },
    });
    const variables: Variables = { iban: { type: 'string', personal: true }, key: { type: 'string' } };
    for (const text of [
      '{{ iban }}',
      '{% assign x = iban %}{{ x }}',
      '{% if iban %}y{% endif %}',
      '{{ [key] }}',
    ]) {
      const template = compileTemplate('t', 1, { defaultLocale: 'en', variables, channels: channels(text) });
      const input = { variables: { iban: 'DE89', key: 'iban' }, user: { id: 'u', attributes: {} } };
      const push = template.render('push', input);
      assert.match('problem' in push ? push.problem : 'rendered', /"iban" is personal/, text);
      assert.ok('content' in template.render('email', input), text);
    }
  });
});

describe('a declaration of variables', () => {
  it('in either form is fine', () => {
    assert.deepEqual(rulesOf(order), []);
    assert.deepEqual(rulesOf({ a: { type: 'string', required: true, personal: true }, b: {} }), []);
  });

  it('has no references, no expressions, and nothing that is not known', () => {
    assert.deepEqual(
      rulesOf({
        a: { $ref: 'https://example.com/schema' },
        b: { type: 'string', pattern: '(a+)+$' },
        c: { type: 'array', items: { anyOf: [{ type: 'string' }] } },
        d: { type: 'date', maxLength: -1 },
        e: { type: 'object', properties: { x: { personal: true } } },
        'f-g': { type: 'string' },
        h: 'string',
      }),
      [
        '/variables/a/$ref is not supported here',
        '/variables/b/pattern is not supported here',
        '/variables/c/items/anyOf is not supported here',
        '/variables/d/type must be one of string, number, integer, boolean, object, array, null',
        '/variables/d/maxLength must be a whole number, 0 or more',
        '/variables/e/properties/x/personal belongs to a variable, not to a part of one',
        '/variables/f-g must match ^[a-zA-Z_][a-zA-Z0-9_]{0,63}$',
        '/variables/h must be an object',
      ],
    );
    assert.deepEqual(rulesOf({ type: 'array', properties: [] }), [
      '/variables/type must be "object"',
      '/variables/properties must be an object',
    ]);
  });

  it('has defaults that obey it', () => {
    assert.deepEqual(
      rulesOf({ a: { type: 'object', properties: { n: { type: 'number' } }, default: { n: '1' } } }),
      ['/variables/a/default/n must be number'],
    );
  });

  it('has bounds: in depth, in number and in size', () => {
    let deep: object = { type: 'string' };
    for (let i = 0; i < 2_000; i++) deep = { type: 'array', items: deep };
    assert.match(rulesOf({ a: deep })[0]!, /must not be nested deeper than 8$/);
    const many = Object.fromEntries(Array.from({ length: 301 }, (_, i) => [`n${i}`, { type: 'string' }]));
    assert.deepEqual(rulesOf({ a: { type: 'object', properties: many } }), [
      '/variables/a/properties/n299 must not be one of more than 300 schemas',
    ]);
    assert.match(rulesOf({ a: { const: 'x'.repeat(70_000) } })[0]!, /at most 65536 characters/);
  });
});

describeStores('a template with typed variables', (store) => {
  const clock = new FakeClock();
  let tenantId: string;
  let call: Call;

  before(async () => {
    tenantId = await addTenant(store(), clock);
    call = callTemplates(await buildTemplateServer(store(), clock), tenantId);
  });

  const put = (id: string, variables: unknown, body = '{{ name }} {{ order.total }}') =>
    call('PUT', `/${id}`, { variables, channels: { sms: { en: { body } } } });

  it('is given back as it was declared, and refused with the place of the mistake', async () => {
    assert.equal((await put('typed', order)).status, 200);
    assert.deepEqual((await call('GET', '/typed')).body.latest.variables, order);
    const { status, body } = await put('wrong', { a: { type: 'string', pattern: 'x' } });
    assert.deepEqual(
      [status, body.code, body.errors],
      [422, 'template.invalid', [{ field: '/variables/a/pattern', rule: 'is not supported here' }]],
    );
  });

  it('tells accept what is wrong with the variables, by those of the published version', async () => {
    await put('checked', { name: { type: 'string', required: true } }, '{{ name }}');
    const templates = createTemplates({ store: store(), clock });
    const refusal = (variables?: Record<string, unknown>) =>
      templates.refusal(tenantId, { id: 'checked', ...(variables && { variables }) });
    assert.deepEqual(await refusal(), { field: '/variables/name', rule: 'is required' });
    assert.deepEqual(await refusal({ name: 3 }), { field: '/variables/name', rule: 'must be string' });
    assert.equal(await refusal({ name: 'Ada' }), null);
    await put('checked', { name: { type: 'number' } }, '{{ name }}');
    templates.forget(tenantId, 'checked');
    assert.equal(await refusal({ name: 3 }), null);
  });
});
