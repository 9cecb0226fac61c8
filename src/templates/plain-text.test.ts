import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileTemplate } from './compile.ts';
import type { LocaleContent } from './definition.ts';

function textOf(email: LocaleContent): string | undefined {
  const definition = { defaultLocale: 'en', variables: {}, channels: { email: { en: email } } };
  const input = { variables: { name: 'A&B' }, user: { id: 'u', attributes: {} } };
  const rendered = compileTemplate('t', 1, definition).render('email', input);
  assert.ok('content' in rendered, 'problem' in rendered ? rendered.problem : '');
  return rendered.content.text;
}

describe('the text of an e-mail', () => {
  const html = '<p>Hi {{ name }}, <a href="https://x.example/o">your order</a></p><ul><li>Tea</li></ul>';

  it('is made of its HTML when it has none of its own', () => {
    assert.equal(textOf({ subject: 's', html }), 'Hi A&B, your order (https://x.example/o)\n\n- Tea');
  });

  it('is its own when it has one', () => {
    assert.equal(textOf({ subject: 's', html, text: 'Hi {{ name }}' }), 'Hi A&B');
  });

  it('does not repeat the line beside the subject', () => {
    assert.doesNotMatch(textOf({ subject: 's', html, preheader: 'Look inside' })!, /Look inside/);
  });
});
