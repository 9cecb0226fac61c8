import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseContactAddress } from './contact-address.ts';

const ACCEPTED: [kind: string, text: string, address: string][] = [
  ['email', 'ada@EXAMPLE.com', 'ada@example.com'],
  ['phone', '+49 (151) 123-456.78', '+4915112345678'],
  ['phone', '+15005550006', '+15005550006'],
  ['webhook', 'https://example.com/hook?x=1#part', 'https://example.com/hook?x=1'],
  ['webhook', 'http://127.0.0.1:9000/hook', 'http://127.0.0.1:9000/hook'],
  ['telegram', '-100123', '-100123'],
];
for (const [kind, text, address] of ACCEPTED) {
  test(`the ${kind} contact "${text}" is stored as ${address}`, () => {
    const parsed = parseContactAddress(kind, text);
    assert.equal('address' in parsed ? parsed.address : parsed.problem, address);
  });
}

const REFUSED: [kind: string, text: string, rule: RegExp][] = [
  ['email', 'ada@example.com\r\nBcc: eve@example.com', /line breaks/],
  ['phone', '015112345678', /E\.164.*"\+"/],
  ['phone', '+49151', /number of its length/],
  ['phone', '+999123456789', /country code that exists/],
  ['phone', '+491511234567890123', /length/],
  ['phone', '+4915112345678 ext. 5', /E\.164/],
  ['phone', '+4915112345678\r\n', /E\.164/],
  ['phone', '+4915112345678;phone-context=+1', /E\.164/],
  ['phone', '+٤٩١٥١١٢٣٤٥٦٧٨', /E\.164/],
  ['webhook', 'ftp://example.com/', /https URL/],
  ['webhook', 'javascript:alert(1)', /https URL/],
  ['webhook', '/relative', /https URL/],
  ['webhook', 'https://exam\r\nple.com/', /https URL/],
  ['webhook', 'https://user:password@example.com/', /user name/],
  ['webhook', `https://example.com/${'x'.repeat(2_048)}`, /2048/],
  ['slack', 'U0\r\nX', /line breaks/],
  ['slack', 'U0\u0000X', /control/],
  ['slack', ' U0', /blanks/],
  ['slack', 'U0\ud800', /surrogate/],
  ['slack', 'U'.repeat(513), /512/],
];
for (const [kind, text, rule] of REFUSED) {
  test(`the ${kind} contact ${JSON.stringify(text.slice(0, 50))} is refused`, () => {
    const parsed = parseContactAddress(kind, text);
    assert.ok('problem' in parsed, JSON.stringify(parsed));
    assert.match(parsed.problem, rule);
  });
}
