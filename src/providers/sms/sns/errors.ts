import { type HttpResponse, type Outcome, rejected, unavailable } from '../../contract.ts';
import { readRefusal, SNS_ERRORS } from '../../wire/sns-publish.ts';
import { outcomeOfStatus, tableOf } from '../../wire/verdict.ts';

const suppress = { effect: { type: 'suppress-contact' } } as const;

const TABLE = tableOf([
  ['OptedOut', rejected('recipient_opted_out', suppress)],
  [
    'InvalidParameter ParameterValueInvalid InvalidParameterValue ValidationError MissingParameter',
    rejected('request_invalid'),
  ],
  // Of push targets, which a connection for text messages has none of.
  ['EndpointDisabled', rejected('recipient_unreachable')],
  ['NotFound', unavailable('account_misconfigured')],
  ...SNS_ERRORS,
]);
const INVALID = new Set(['InvalidParameter', 'ParameterValueInvalid', 'InvalidParameterValue']);

/** A refused request: by its code, and where that is about a parameter or about permission, by the words beside it. */
export function judge(response: HttpResponse): { outcome: Outcome; code: string } {
  const { status } = response;
  const { code, said } = readRefusal(response);
  if (code === undefined) return { outcome: outcomeOfStatus(status, false), code: `${status}` };
  return {
    outcome: judgeWords(status, code, said) ?? TABLE.get(code) ?? outcomeOfStatus(status, true),
    code,
  };
}

function judgeWords(status: number, code: string, said: string): Outcome | undefined {
  // "Phone number is opted out"
  if (status < 500 && /\bopted out\b/i.test(said)) return rejected('recipient_opted_out', suppress);
  if (!INVALID.has(code)) return undefined;
  // "Invalid parameter: PhoneNumber Reason: +1500 is not valid to publish to"
  if (/^Invalid parameter: PhoneNumber\b/i.test(said)) return rejected('recipient_invalid', suppress);
  // "Invalid parameter: Message too long"
  return /\btoo long\b/i.test(said) ? rejected('content_too_large') : undefined;
}
