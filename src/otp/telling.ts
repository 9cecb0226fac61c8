import { Problem } from '../http/index.ts';
import { ROUTE_HIGH } from '../queue/index.ts';
import type { Queryable } from '../store/index.ts';
import { countOtpRefused, countOtpSent } from './counts.ts';
import type { Refusal } from './limits.ts';
import type { Sending, SentCode } from './send.ts';
import type { OtpRow } from './store.ts';
import type { OtpTools } from './tools.ts';

/** In the transaction in which it is sent. */
export async function tellSent(
  db: Queryable,
  { onEvent }: Pick<OtpTools, 'onEvent'>,
  { whose, id, asked, now }: Sending,
  { notificationId }: SentCode,
): Promise<void> {
  const about = { ...whose, id, notificationId, purpose: asked.purpose, at: new Date(now) };
  await onEvent?.(db, { type: 'otp.sent', ...about });
}

/** After the commit: routing has work, the operator one more. */
export function tell(
  { wake, metrics }: Pick<OtpTools, 'wake' | 'metrics'>,
  row: OtpRow,
  live: boolean,
): void {
  wake.signal(ROUTE_HIGH);
  countOtpSent(metrics, row.asked.channels[0]!, live);
}

/** What the caller is answered; counted on the way. */
export function problemOf(
  { metrics }: Pick<OtpTools, 'metrics'>,
  { reason, retryAt }: Refusal,
  { now, live }: { now: number; live: boolean },
): Problem {
  countOtpRefused(metrics, reason, live);
  const retryAfterSeconds = retryAt === null ? undefined : Math.max(1, Math.ceil((retryAt - now) / 1_000));
  return new Problem(`otp.${reason}`, DETAILS[reason], { retryAfterSeconds });
}

const DETAILS: Partial<Record<Refusal['reason'], string>> = {
  disabled: 'Switch them on with PUT /v1/otp/settings {"enabled": true}',
  country_not_allowed:
    'Add the country to `countries` with PUT /v1/otp/settings; as long as none is there, live keys send to no phone number',
  paused: 'GET /v1/otp/usage shows what is paused and why; POST /v1/otp/resume ends it',
};
