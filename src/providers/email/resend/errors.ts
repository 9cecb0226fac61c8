import {
  accepted,
  type HttpResponse,
  type Outcome,
  parseObject,
  rejected,
  retry,
  unavailable,
  unknown,
} from '../../contract.ts';
import { parseCode } from '../../wire/parse-code.ts';
import { withDetails } from '../../wire/with-details.ts';
import { asText } from '../mail/vendor-json.ts';
import { DEAD, outcomeOfStatus, THROTTLED } from '../mail/verdict.ts';

const HOUR_MS = 3_600_000;
/** The first request with the same key is being worked on: its answer will be ours. */
const UNDER_WAY = retry('provider_unavailable', { afterMs: 2_000 });
const QUOTA_USED = unavailable('quota_exhausted', { afterMs: HOUR_MS });

/** https://resend.com/docs/api-reference/errors, by name: one status can mean several things. */
const BY_NAME = new Map<string, Outcome>([
  ['missing_api_key', unavailable('credentials_invalid')],
  ['restricted_api_key', unavailable('credentials_invalid')],
  ['invalid_api_key', unavailable('credentials_invalid')],
  ['suspended_api_key', unavailable('account_suspended')],
  ['invalid_access', unavailable('account_misconfigured')],
  ['invalid_region', unavailable('account_misconfigured')],
  ['security_error', unavailable('account_suspended')],
  ['invalid_from_address', unavailable('sender_not_allowed')],
  ['missing_required_field', rejected('request_invalid')],
  ['invalid_parameter', rejected('request_invalid')],
  ['invalid_idempotency_key', rejected('request_invalid')],
  ['invalid_idempotent_request', rejected('request_invalid')],
  ['not_found', rejected('request_invalid')],
  ['method_not_allowed', rejected('request_invalid')],
  ['invalid_attachment', rejected('content_invalid')],
  ['concurrent_idempotent_requests', UNDER_WAY],
  ['resource_locked', UNDER_WAY],
  ['rate_limit_exceeded', THROTTLED],
  ['daily_quota_exceeded', QUOTA_USED],
  ['monthly_quota_exceeded', QUOTA_USED],
  ['application_error', retry('provider_error')],
  ['internal_server_error', retry('provider_error')],
  ['service_unavailable', retry('provider_unavailable')],
]);

export function outcomeOfAnswer(response: HttpResponse, now: number): Outcome {
  const { status } = response;
  const body = parseObject(response.body);
  if (status >= 200 && status < 300) {
    const id = asText(body?.id);
    return id === null ? unknown('response_unreadable', { code: String(status) }) : accepted(id);
  }
  const name = parseCode(body?.name);
  const outcome =
    refine(status, name, asText(body?.message) ?? '') ??
    BY_NAME.get(name ?? '') ??
    outcomeOfStatus(status, { isDeduped: true });
  return withDetails(outcome, { code: name ?? String(status), headers: response.headers, now });
}

/** One name for whatever Resend checks; its words tell what it was. */
function refine(status: number, name: string | undefined, said: string): Outcome | undefined {
  if (name !== 'validation_error' && name !== 'invalid_parameter') return undefined;
  // "The example.com domain is not verified."; "You can only send testing emails to your own email address"
  if (status === 403)
    return unavailable(/not verified/i.test(said) ? 'sender_not_allowed' : 'account_misconfigured');
  // "Invalid `to` field. The email address needs to follow the `email@example.com` … format."
  if (/^invalid `to` field/i.test(said)) return DEAD;
  if (/^invalid `from` field/i.test(said)) return unavailable('sender_not_allowed');
  return rejected('request_invalid');
}
