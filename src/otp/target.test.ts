import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { settingsFrom } from './settings.ts';
import { mailboxOf, netOf, refuseNumber, targetOf } from './target.ts';

const ADDRESSES = { phone: '+4915112345678', email: 'Ada@mail.example' };

describe('the target of a code', () => {
  it('is every address that a message may go to, and costs what its country costs', () => {
    const settings = settingsFrom({ prices: { default: 0.05, countries: { DE: 0.075 } } });
    assert.deepEqual(
      targetOf({ userId: 'ada', addresses: ADDRESSES }, ['push', 'sms', 'email', 'chat'], settings),
      {
        recipients: ['user:ada', '+4915112345678', 'ada@mail.example'],
        country: 'DE',
        prefix: '+491511234',
        cost: 75_000,
      },
    );
    const mail = targetOf({ userId: 'ada', addresses: ADDRESSES }, ['email'], settings);
    assert.deepEqual(mail, { recipients: ['ada@mail.example'], country: null, prefix: null, cost: 0 });
    assert.throws(() => targetOf({ userId: 'ada', addresses: {} }, ['email'], settings), {
      code: 'otp.unreachable',
    });
  });

  it('is the mailbox, whatever is added to its name', () => {
    const settings = settingsFrom({});
    const of = (email: string) =>
      targetOf({ userId: 'ada', addresses: { email } }, ['email'], settings).recipients;
    for (const email of ['ada+1@mail.example', 'Ada+otp+2@Mail.example', 'ada@mail.example'])
      assert.deepEqual(of(email), ['ada@mail.example']);
    assert.deepEqual(of('a.d.a+x@googlemail.com'), of('ada@gmail.com'));
    assert.notEqual(mailboxOf('a.da@mail.example'), mailboxOf('ada@mail.example'));
    assert.equal(mailboxOf('+ada@mail.example'), '+ada@mail.example');
  });

  it('is no number that costs more or that nobody allowed', () => {
    const refusal = (phone: string, countries: string[], live = true) =>
      refuseNumber(phone, settingsFrom({ countries }), live);
    assert.equal(refusal('+4915112345678', ['DE']), null);
    assert.equal(refusal('+4915112345678', ['*']), null);
    assert.equal(refusal('+4915112345678', ['AT']), 'country_not_allowed');
    assert.equal(refusal('+4915112345678', []), 'country_not_allowed');
    assert.equal(refusal('+4915112345678', [], false), null, 'with a test key');
    for (const phone of ['+499001234567', '+33812345678', '+8816315000000', '+9791234567'])
      assert.equal(refusal(phone, ['*']), 'number_blocked', phone);
  });
});

describe('an address of the net', () => {
  it('is what one customer holds', () => {
    const same = ['2001:db8:1:2::1', '2001:DB8:0001:0002:ffff::', '2001:db8:1:2:3:4:5:6'];
    assert.deepEqual([...new Set(same.map(netOf))], ['2001:db8:1:2']);
    assert.deepEqual(['203.0.113.7', '::ffff:203.0.113.7', '::1', '2001:db8::'].map(netOf), [
      '203.0.113.7',
      '203.0.113.7',
      '0:0:0:0',
      '2001:db8:0:0',
    ]);
  });
});
