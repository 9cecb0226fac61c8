import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseEmailAddress } from './email-address.ts';

const ACCEPTED: [text: string, address: string][] = [
  ['ada@example.com', 'ada@example.com'],
  ['Ada.Lovelace+tag@EXAMPLE.Com', 'Ada.Lovelace+tag@example.com'],
  ["!#$%&'*+/=?^_`{|}~-@example.com", "!#$%&'*+/=?^_`{|}~-@example.com"],
  ['a@b.co', 'a@b.co'],
  ['a@1.example.com', 'a@1.example.com'],
  ['post@münchen.de', 'post@xn--mnchen-3ya.de'],
  ['post@MÜNCHEN。de', 'post@xn--mnchen-3ya.de'],
  ['post@xn--mnchen-3ya.de', 'post@xn--mnchen-3ya.de'],
  [`${'l'.repeat(64)}@example.com`, `${'l'.repeat(64)}@example.com`],
];
for (const [text, address] of ACCEPTED) {
  test(`${text} is the address ${address}`, () => {
    const parsed = parseEmailAddress(text);
    assert.ok('address' in parsed, JSON.stringify(parsed));
    assert.equal(parsed.address, address);
    assert.equal(`${parsed.local}@${parsed.domain}`, address);
  });
}

const label = 'd'.repeat(63);
const REFUSED: [text: string, rule: RegExp][] = [
  ['', /like name@example\.com/],
  ['example.com', /like name@example\.com/],
  ['@example.com', /like name@example\.com/],
  ['ada@', /like name@example\.com/],
  ['ada@example.com\r\nBcc: eve@example.com', /line breaks/],
  ['ada@example.com\r\nDATA\r\n', /line breaks/],
  ['ada\n@example.com', /line breaks/],
  ['ada\u0000@example.com', /control/],
  ['ada\u0085@example.com', /control/],
  ['ada@example.com ', /blanks/],
  ['ada@exam\u2028ple.com', /line breaks/],
  ['"ada b"@example.com', /blanks/],
  ['"ada"@example.com', /quoted/],
  ['Ada<ada@example.com>', /before the @/],
  ['ada@evil.com@example.com', /before the @/],
  ['ada,eve@example.com', /before the @/],
  ['ada(comment)@example.com', /before the @/],
  ['.ada@example.com', /before the @/],
  ['ada.@example.com', /before the @/],
  ['ada..b@example.com', /before the @/],
  ['ädä@example.com', /before the @/],
  [`${'l'.repeat(65)}@example.com`, /at most 64/],
  ['ada@localhost', /full domain/],
  ['ada@[127.0.0.1]', /full domain/],
  ['ada@127.0.0.1', /full domain/],
  ['ada@127.1', /full domain/],
  ['ada@１２７.0.0.1', /full domain/],
  ['ada@example.com.', /full domain/],
  ['ada@.example.com', /full domain/],
  ['ada@ex_ample.com', /full domain/],
  ['ada@-example.com', /full domain/],
  ['ada@example.com/path', /full domain/],
  ['ada@ex%61mple.com', /full domain/],
  ['ada@ü／example.com', /full domain/],
  ['ada@example.com>', /full domain/],
  ['ada@example\ud800.com', /full domain/],
  [`ada@${'d'.repeat(64)}.com`, /full domain/],
  [`ada@${label}.${label}.${label}.${label}.com`, /at most 254/],
  [`ada@${'x'.repeat(1_000_000)}`, /at most 254/],
];
for (const [text, rule] of REFUSED) {
  test(`${JSON.stringify(text.slice(0, 60))} is refused`, () => {
    const parsed = parseEmailAddress(text);
    assert.ok('problem' in parsed, JSON.stringify(parsed));
    assert.match(parsed.problem, rule);
  });
}

test('whatever is accepted is safe in a header and an SMTP command, and parses to itself', () => {
  const piece = fc.oneof(
    fc.constantFrom('a', '.', '@', '"', '\r', '\n', '\0', ' ', '<', '>', ',', ':', 'ü', '。', '.com'),
    fc.string({ unit: 'binary', maxLength: 3 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const parsed = parseEmailAddress(`${pieces.join('')}x@y.example`);
      if ('problem' in parsed) return;
      assert.match(parsed.address, /^[!#$%&'*+\-/0-9=?A-Z^_`a-z{|}~.]+@[a-z0-9.-]+$/);
      assert.ok(parsed.address.length <= 254);
      assert.deepEqual(parseEmailAddress(parsed.address), parsed);
    }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const parsed = parseEmailAddress(`x@${pieces.join('')}.example`);
      if ('address' in parsed) assert.deepEqual(parseEmailAddress(parsed.address), parsed);
    }),
  );
});
