import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ERRORS, type ErrorCode, invalidField, Problem, renderErrorReference } from './errors.ts';

describe('the error table', () => {
  const codes = Object.keys(ERRORS) as ErrorCode[];

  it('gives every code an error status and a title of its own', () => {
    for (const code of codes) {
      const [status, title] = ERRORS[code];
      assert.ok(Number.isInteger(status) && status >= 400 && status <= 599, `${code}: ${status}`);
      assert.match(code, /^[a-z]+\.[a-z_]+$/);
      assert.ok(title.length > 0, code);
    }
    assert.equal(new Set(codes.map((code) => ERRORS[code][1])).size, codes.length);
  });

  it('is what the answers are made of', () => {
    for (const code of codes) {
      const [status, title] = ERRORS[code];
      assert.deepEqual(new Problem(code).toJSON(), {
        type: `urn:bellhop:error:${code}`,
        title,
        status,
        code,
        detail: title,
      });
    }
  });

  it('is printed whole in the reference', () => {
    const page = renderErrorReference();
    for (const code of codes) assert.ok(page.includes(`| \`${code}\` | ${ERRORS[code][0]} |`), code);
  });

  it('keeps the cause of a problem out of its answer', () => {
    const problem = new Problem('service.internal', undefined, { cause: new Error('s3cret') });
    assert.ok(!JSON.stringify(problem).includes('s3cret'));
  });

  it('names a refused field and its rule', () => {
    const { status, errors, message } = invalidField('/a', 'must be odd');
    assert.deepEqual(
      [status, errors, message],
      [400, [{ field: '/a', rule: 'must be odd' }], '/a must be odd'],
    );
  });
});
