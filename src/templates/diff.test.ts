import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { diffDefinitions } from './diff.ts';

const definition = (sms: object) => ({ defaultLocale: 'en', variables: {}, channels: { sms } });

describe('the difference of two definitions', () => {
  it('is nothing when only the order differs', () => {
    assert.deepEqual(diffDefinitions({ a: 1, b: { c: [1], d: {} } }, { b: { d: {}, c: [1] }, a: 1 }), []);
  });

  it('names what came, went and changed by field', () => {
    const before = definition({ en: { body: 'one' }, de: { body: 'eins' } });
    const after = definition({ en: { body: 'two' }, 'pt-BR': { body: 'dois' } });
    assert.deepEqual(diffDefinitions(before, after), [
      { field: '/channels/sms/de/body', kind: 'removed', before: 'eins' },
      { field: '/channels/sms/en/body', kind: 'changed', before: 'one', after: 'two' },
      { field: '/channels/sms/pt-BR/body', kind: 'added', after: 'dois' },
    ]);
  });

  it('tells a value from its text, and a list from its first item', () => {
    assert.deepEqual(diffDefinitions({ a: 1, 'b/c': ['x'] }, { a: '1', 'b/c': 'x' }), [
      { field: '/a', kind: 'changed', before: 1, after: '1' },
      { field: '/b~1c', kind: 'added', after: 'x' },
      { field: '/b~1c/0', kind: 'removed', before: 'x' },
    ]);
  });
});
