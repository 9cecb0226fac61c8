import { rejected, retry, tokenExpired, unavailable } from '../../contract.ts';
import { tableOf } from '../../wire/verdict.ts';

const SECOND_MS = 1_000;
const effect = { type: 'suppress-contact' } as const;

/** What `code` means to a robot of a group. https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot */
export const ROBOT_CODES = tableOf([
  ['9499', rejected('request_invalid')],
  ['19024', rejected('content_refused')],
  ['19036', rejected('content_too_large')],
  // 19001: of no robot. 19021: the signature, or the clock behind it.
  ['19001 19021', unavailable('credentials_invalid')],
  ['19022', unavailable('account_misconfigured')],
  ['11232', retry('rate_limited', { afterMs: 5 * SECOND_MS, scope: 'connection' })],
]);

/** What `code` means to an app. https://open.feishu.cn/document/server-docs/im-v1/message/create */
export const APP_CODES = tableOf([
  ['99991663 99991664 99991668 99991671', tokenExpired()],
  // No such person or room, or one that the app cannot reach (another organisation, a room without the bot).
  ['230034 99992351 230002 230038', rejected('recipient_invalid')],
  ['230029', rejected('recipient_invalid', { effect })],
  ['230053', rejected('recipient_opted_out', { effect })],
  ['230013 230035', rejected('recipient_unreachable')],
  ['230025', rejected('content_too_large')],
  ['230022 230028', rejected('content_refused')],
  ['230001 230054 230055 230075 230099', rejected('content_invalid')],
  ['230011', rejected('request_invalid')],
  ['99991672 230006 230018 230027 230036', unavailable('account_misconfigured')],
  ['230049 230101', retry('provider_error')],
  ['99991400', retry('rate_limited', { afterMs: SECOND_MS, scope: 'connection' })],
  ['230020', retry('recipient_rate_limited', { afterMs: SECOND_MS })],
]);
