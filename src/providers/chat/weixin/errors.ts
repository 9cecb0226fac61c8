import { rejected, retry, tokenExpired, unavailable } from '../../contract.ts';
import { tableOf } from '../../wire/verdict.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const effect = { type: 'suppress-contact' } as const;

/**
 * What an `errcode` means when a message is sent by an account or a mini program.
 * https://developers.weixin.qq.com/doc/offiaccount/Getting_Started/Global_Return_Code.html
 */
export const WECHAT_CODES = tableOf([
  ['40001 40014 42001', tokenExpired()],
  // An openid that is none, or another account's, where it is good: it stays in the user's contacts.
  ['40003', rejected('recipient_invalid')],
  // No such user.
  ['46004', rejected('recipient_invalid', { effect })],
  // Who does not follow the account, or has switched its messages off. Of who follows again we hear, which ends it: that
  // it does for those alone who opted out.
  ['43004 50005 48002', rejected('recipient_opted_out', { effect })],
  // Refused, or used up: for this template alone, the others may still be sent.
  ['43101', rejected('recipient_opted_out')],
  // On the black list that the account itself keeps.
  ['43019', rejected('recipient_opted_out')],
  ['40037 41030 40033 47003', rejected('content_invalid')],
  ['45002', rejected('content_too_large')],
  ['45168', rejected('content_refused')],
  ['47001 44002 43005 41001 41002 41003 41004 41005 41006 41007 41008 41009', rejected('request_invalid')],
  ['40013', unavailable('credentials_invalid')],
  // 40164 and 61004: the address from which we call is not on the list of the account.
  ['48001 40164 61004', unavailable('account_misconfigured')],
  ['48004 43107 50001 50002', unavailable('account_suspended')],
  ['-1', retry('provider_error')],
  ['43108', retry('recipient_rate_limited')],
  // Told by others, not by the vendor: the same to the same person within a minute.
  ['40241', retry('recipient_rate_limited', { afterMs: MINUTE_MS })],
  ['45011', retry('rate_limited', { afterMs: MINUTE_MS, scope: 'connection' })],
  // Of the day, but of one template.
  ['40038', retry('rate_limited', { afterMs: HOUR_MS })],
  ['45009', unavailable('quota_exhausted', { afterMs: HOUR_MS })],
]);

/** When the token is fetched, some codes speak of other things. */
export const TOKEN_CODES = new Map([
  ...WECHAT_CODES,
  ...tableOf([
    // 40002: the grant type, which only a wrong base URL can make wrong. 40125: the secret.
    ['40001 40125 41002 41004', unavailable('credentials_invalid')],
    ['40002', unavailable('account_misconfigured')],
  ]),
]);
