import { type HttpResponse, type Outcome, rejected, unavailable } from '../../contract.ts';
import { readRefusal, SNS_ERRORS } from '../../wire/sns-publish.ts';
import { outcomeOfStatus, tableOf } from '../../wire/verdict.ts';

const prune = rejected('device_unregistered', { effect: { type: 'prune-device' } });
const INVALID = 'InvalidParameter ParameterValueInvalid InvalidParameterValue';

const TABLE = tableOf([
  // Apple or Google told AWS that the token is dead; the endpoint stays off until somebody gives it a new one.
  ['EndpointDisabled', prune],
  // Only endpoints are published to: it was deleted.
  ['NotFound', prune],
  [`${INVALID} ValidationError MissingParameter`, rejected('request_invalid')],
  ...SNS_ERRORS,
]);

/** A refused request: by its code, and where that has several meanings, by the words beside it. */
export function judge(response: HttpResponse): { outcome: Outcome; code: string } {
  const { status } = response;
  const { code, said } = readRefusal(response);
  if (code === undefined) return { outcome: outcomeOfStatus(status, false), code: `${status}` };
  return { outcome: judgeWords(code, said) ?? TABLE.get(code) ?? outcomeOfStatus(status, true), code };
}

function judgeWords(code: string, said: string): Outcome | undefined {
  // "PlatformApplication does not exist", "Topic does not exist"
  if (code === 'NotFound' && /\b(?:platform ?application|topic)\b/i.test(said))
    return unavailable('account_misconfigured');
  if (!INVALID.split(' ').includes(code)) return undefined;
  // "Invalid parameter: TargetArn Reason: No endpoint found for the target arn specified"
  if (/^Invalid parameter: TargetArn\b/i.test(said)) return prune;
  // "Invalid parameter: Message too long"
  return /\btoo long\b/i.test(said) ? rejected('content_too_large') : undefined;
}
