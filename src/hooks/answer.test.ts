import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAnswer } from './answer.ts';

const push = { channel: 'push', content: { title: 'Old', body: 'Text', badge: 3 } } as const;
const mail = {
  channel: 'email',
  content: { subject: 'Old', text: 'Old text', html: '<p>Old</p>' },
} as const;
const sms = { channel: 'sms', content: { body: 'Old' } } as const;

const verdictOf = (answer: unknown, sent: Parameters<typeof parseAnswer>[1] = push) => {
  const read = parseAnswer(answer, sent);
  assert.ok('verdict' in read, JSON.stringify(read));
  return read.verdict;
};

describe('the answer of a hook', () => {
  it('sends, drops or defers', () => {
    assert.deepEqual(verdictOf({ verdict: 'send' }), { kind: 'send', content: push.content, replaced: [] });
    assert.deepEqual(verdictOf({ verdict: 'drop', reason: 'asleep' }), { kind: 'drop', reason: 'asleep' });
    assert.deepEqual(verdictOf({ verdict: 'defer' }), { kind: 'defer', afterMs: 60_000, reason: null });
    assert.deepEqual(verdictOf({ verdict: 'defer', deferMs: 5 }), {
      kind: 'defer',
      afterMs: 5,
      reason: null,
    });
  });

  it('replaces the fields of the content that it names, and no other', () => {
    assert.deepEqual(verdictOf({ verdict: 'send', content: { title: 'New', data: { a: 1 } } }), {
      kind: 'send',
      content: { title: 'New', body: 'Text', badge: 3, data: { a: 1 } },
      replaced: ['title', 'data'],
    });
  });

  it('writes an e-mail as an inline message is written: subject on one line, body laid out', () => {
    const subject = verdictOf({ verdict: 'send', content: { subject: 'A\r\nBcc: x@example.com' } }, mail);
    assert.ok(subject.kind === 'send');
    assert.deepEqual(subject.content, { ...mail.content, subject: 'A Bcc: x@example.com' });
    const body = verdictOf({ verdict: 'send', content: { body: 'Hi <b>you</b>' } }, mail);
    assert.ok(body.kind === 'send');
    assert.equal(body.content.text, 'Hi <b>you</b>');
    assert.match(body.content.html!, /Hi &lt;b&gt;you&lt;\/b&gt;/);
    assert.ok(!body.content.html!.includes('Old</p>'));
    assert.equal(body.content.subject, 'Old');
  });

  it('is refused when it is not exactly what it should be', () => {
    const refused: [unknown, Parameters<typeof parseAnswer>[1]?][] = [
      [null],
      ['send'],
      [[]],
      [{}],
      [{ verdict: 'maybe' }],
      [{ verdict: 'send', extra: 1 }],
      [{ verdict: 'drop', reason: 'x'.repeat(201) }],
      [{ verdict: 'drop', reason: 'a\u0000b' }],
      [{ verdict: 'defer', deferMs: -1 }],
      [{ verdict: 'defer', deferMs: 86_400_001 }],
      [{ verdict: 'defer', deferMs: 1.5 }],
      [{ verdict: 'send', content: { html: '<script>' } }],
      [{ verdict: 'send', content: { title: '' } }],
      [{ verdict: 'send', content: { title: 'x'.repeat(1_001) } }],
      [{ verdict: 'send', content: { body: 5 } }],
      [{ verdict: 'send', content: { data: { k: '\ud800' } } }],
      [{ verdict: 'send', content: { body: 'x'.repeat(1_601) } }, sms],
    ];
    for (const [answer, sent] of refused) {
      assert.ok('problem' in parseAnswer(answer, sent ?? push), JSON.stringify(answer)?.slice(0, 100));
    }
  });
});
