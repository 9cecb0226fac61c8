import { rejected, retry, tokenExpired, unavailable } from '../../contract.ts';
import { tableOf } from '../../wire/verdict.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** What an `errcode` means to a robot of a group. https://open.dingtalk.com/document/orgapp/custom-robots-send-group-messages */
export const ROBOT_CODES = tableOf([
  // 88: no token. The others: one of no robot, and a group or robot that is gone, stopped or not in the group.
  ['88 300001 300005 400101', unavailable('credentials_invalid')],
  ['400013 400102 400106', unavailable('account_misconfigured')],
  ['40035 400105 43004', rejected('request_invalid')],
  ['430101 430102 430103 430104', rejected('content_refused')],
  ['460101', rejected('content_too_large')],
  // Blocked for ten minutes.
  ['130101 410100', retry('rate_limited', { afterMs: 10 * MINUTE_MS, scope: 'connection' })],
  ['90030', unavailable('quota_exhausted', { afterMs: HOUR_MS })],
  ['-1', retry('provider_error')],
]);

/** What an `errcode` means to an app that writes to people. https://open.dingtalk.com/document/orgapp/server-api-error-codes-1 */
export const APP_CODES = tableOf([
  ['88 40014 42001', tokenExpired()],
  ['33001 33012', rejected('recipient_invalid')],
  ['34016', rejected('content_too_large')],
  ['143105', retry('recipient_rate_limited', { afterMs: HOUR_MS })],
  ['143103 143104', retry('recipient_rate_limited', { afterMs: MINUTE_MS })],
  // The same words to the same person on the same day, and forbidden ones.
  ['143106 1430002', rejected('content_refused')],
  ['1430000', rejected('content_invalid')],
  ['90002 90018 90019', retry('rate_limited', { afterMs: SECOND_MS, scope: 'connection' })],
  ['90020', unavailable('quota_exhausted', { afterMs: HOUR_MS })],
  ['-1', retry('provider_error')],
]);
