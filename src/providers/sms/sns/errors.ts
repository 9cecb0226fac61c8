import { type HttpResponse, type Outcome, rejected, retry, unavailable } from '../../contract.ts';
import { outcomeOfStatus, tableOf } from '../../wire/verdict.ts';

const suppress = { effect: { type: 'suppress-contact' } } as const;

/**
 * https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors and the errors that all actions have,
 * https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html.
 */
const TABLE = tableOf([
  ['OptedOut', rejected('recipient_opted_out', suppress)],
  [
    'InvalidParameter ParameterValueInvalid InvalidParameterValue ValidationError MissingParameter',
    rejected('request_invalid'),
  ],
  // Of push targets, which a connection for text messages has none of.
  ['EndpointDisabled', rejected('recipient_unreachable')],
  ['PlatformApplicationDisabled NotFound', unavailable('account_misconfigured')],
  [
    'AuthorizationError AccessDenied AccessDeniedException OptInRequired',
    unavailable('account_misconfigured'),
  ],
  [
    'KMSAccessDenied KMSDisabled KMSInvalidState KMSNotFound KMSOptInRequired',
    unavailable('account_misconfigured'),
  ],
  [
    'InvalidSecurity InvalidClientTokenId UnrecognizedClientException SignatureDoesNotMatch IncompleteSignature MissingAuthenticationToken',
    unavailable('credentials_invalid'),
  ],
  ['ExpiredToken ExpiredTokenException', unavailable('credentials_expired')],
  [
    'Throttled Throttling ThrottlingException KMSThrottling RequestLimitExceeded',
    retry('rate_limited', { afterMs: 1_000, scope: 'connection' }),
  ],
  ['InternalError InternalFailure', retry('provider_error')],
  ['ServiceUnavailable', retry('provider_unavailable')],
]);
const INVALID = new Set(['InvalidParameter', 'ParameterValueInvalid', 'InvalidParameterValue']);

/** A refused request: by its code, and where that is about a parameter or about permission, by the words beside it. */
export function judge({ status, body }: HttpResponse): { outcome: Outcome; code: string } {
  const code = status >= 400 ? /<Code>(\w{1,64})<\/Code>/.exec(body)?.[1] : undefined;
  if (code === undefined) return { outcome: outcomeOfStatus(status, false), code: `${status}` };
  const said = /<Message>([^<]{0,1000})/.exec(body)?.[1] ?? '';
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
