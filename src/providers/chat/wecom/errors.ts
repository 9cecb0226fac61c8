import { rejected, retry, tokenExpired, unavailable } from '../../contract.ts';
import { tableOf } from '../../wire/verdict.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** What an `errcode` means when an app sends. https://developer.work.weixin.qq.com/document/path/90313 */
export const APP_CODES = tableOf([
  ['40014 42001', tokenExpired()],
  // The corporation has no such member.
  ['60111 46004', rejected('recipient_invalid', { effect: { type: 'suppress-contact' } })],
  // 81013: nobody of those named exists or may see the app, which is an administrator's to change. 40003: no user id.
  ['81013 40003', rejected('recipient_invalid')],
  // A member who does not see the app.
  ['50002', rejected('recipient_unreachable')],
  // No recipient, or too many of a kind: by passthrough, for we name one user.
  ['82001 82002 82003', rejected('request_invalid')],
  ['40033 44004', rejected('content_invalid')],
  ['40008 40058', rejected('request_invalid')],
  ['45002', rejected('content_too_large')],
  ['85002', rejected('content_refused')],
  // Of the secret, not of a token: fetching another would not help.
  ['40001 40013', unavailable('credentials_invalid')],
  ['40056 301002 48002 60011 60020', unavailable('account_misconfigured')],
  ['48004 50003', unavailable('account_suspended')],
  ['-1 6000', retry('provider_error')],
  // By the minute, the hour or the day: the vendor does not say which.
  ['45009', retry('rate_limited', { afterMs: MINUTE_MS, scope: 'connection' })],
  ['45033', retry('rate_limited', { afterMs: SECOND_MS, scope: 'connection' })],
]);

/** What an `errcode` means when a robot sends. https://developer.work.weixin.qq.com/document/path/91770 */
export const ROBOT_CODES = tableOf([
  // The robot was removed from its group, or its key was changed.
  ['93000', unavailable('account_misconfigured')],
  ['40033 44004', rejected('content_invalid')],
  // 40058 may be of a text that is too long: which of the two it is, is not said.
  ['40008 40058', rejected('request_invalid')],
  ['45002', rejected('content_too_large')],
  ['85002', rejected('content_refused')],
  ['-1 6000', retry('provider_error')],
  ['45009 45033', retry('rate_limited', { afterMs: MINUTE_MS, scope: 'connection' })],
]);
