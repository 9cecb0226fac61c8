import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { measureSms } from '../lib/sms-segments.ts';
import { LOCALES, sayCode } from './text.ts';

const LONGEST = { code: '1234567890', minutes: 10, brand: 'Twenty Letters Brand' };
const IN_GSM = ['en', 'de', 'fr', 'es', 'pt-BR'];

describe('the text of a code', () => {
  it('fits into one text message in every language that can be written in the letters of GSM', () => {
    for (const locale of IN_GSM) {
      const { sms } = sayCode({ ...LONGEST, locale, domain: 'accounts.example.com', appHash: 'lsr2GlrbI/3' });
      const { encoding, segments } = measureSms(sms.body);
      assert.deepEqual([locale, encoding, segments], [locale, 'GSM-7', 1], sms.body);
    }
  });

  it('fits into one text message in the others, when the site has a short name', () => {
    for (const locale of LOCALES.filter((each) => !IN_GSM.includes(each))) {
      const { sms } = sayCode({ locale, code: '123456', minutes: 5, brand: 'Acme', domain: 'shop.example' });
      assert.equal(measureSms(sms.body).segments, 1, sms.body);
    }
  });

  it('begins with the code, names the brand and leads nowhere', () => {
    for (const locale of LOCALES) {
      const { body, subject } = sayCode({ ...LONGEST, locale });
      assert.ok(body.startsWith('1234567890 '), body);
      assert.ok(body.includes(LONGEST.brand) && body.includes('10') && subject.includes(LONGEST.brand), body);
      assert.doesNotMatch(body, /https?:|www\.|[{}]/);
      const plain = sayCode({ ...LONGEST, brand: null, locale });
      assert.doesNotMatch(plain.body + plain.subject, / {2}|[{}]|null| [.,]/);
    }
  });

  it('follows the language, and is English for the rest', () => {
    const said = (locale?: string | null) => sayCode({ code: '1', minutes: 5, brand: null, locale }).subject;
    assert.equal(said('de-AT'), 'Ihr Code');
    assert.equal(said('pt'), 'Sua senha');
    assert.equal(said('zh-hans-CN'), '您的验证码');
    assert.deepEqual([said('sw'), said(), said(null)], ['Your code', 'Your code', 'Your code']);
  });

  // https://wicg.github.io/sms-one-time-codes/#parsing
  it('ends with the line that browsers look for', () => {
    const { sms, body } = sayCode({ code: '123456', minutes: 5, brand: null, domain: 'example.com' });
    assert.equal(sms.body, `${body}\n\n@example.com #123456`);
    assert.match(sms.body.split('\n').at(-1)!, /^@[^ ]+ #123456$/);
    assert.doesNotMatch(body, /@/);
  });

  // https://developers.google.com/identity/sms-retriever/verify
  it('has the line that Android looks for, within 140 bytes, and before that of browsers', () => {
    const android = sayCode({ ...LONGEST, code: '123456', appHash: 'lsr2GlrbI/3' }).sms.body;
    assert.equal(android.split('\n').at(-1), 'lsr2GlrbI/3');
    assert.ok(Buffer.byteLength(android) <= 140);
    const both = sayCode({
      code: '123456',
      minutes: 5,
      brand: 'Acme',
      appHash: 'lsr2GlrbI/3',
      domain: 'shop.example',
    });
    assert.deepEqual(both.sms.body.split('\n').slice(-2), ['lsr2GlrbI/3', '@shop.example #123456']);
    assert.ok(Buffer.byteLength(both.sms.body) <= 140);
  });

  it('takes a brand as it is', () => {
    const { body } = sayCode({ code: '1', minutes: 5, brand: "{code} $& $'", locale: 'en' });
    assert.equal(body, "1 is your code for {code} $& $'. Valid for 5 min. Do not share it.");
  });
});
