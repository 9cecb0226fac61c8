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
import { outcomeOfStatus, THROTTLED } from '../mail/verdict.ts';

const HOUR_MS = 3_600_000;
const QUOTA_USED = unavailable('quota_exhausted', { afterMs: HOUR_MS });

/**
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors and CommonErrors.html,
 * less the ending `Exception`, which some have in one place and not in another.
 */
const TABLE: [types: string, outcome: Outcome][] = [
  ['AccountSuspended SendingPaused', unavailable('account_suspended')],
  ['MailFromDomainNotVerified', unavailable('sender_not_allowed')],
  ['LimitExceeded', QUOTA_USED],
  // A configuration set, an identity, a contact list.
  ['NotFound', unavailable('account_misconfigured')],
  [
    'SignatureDoesNotMatch InvalidSignature IncompleteSignature InvalidClientTokenId UnrecognizedClient ' +
      'MissingAuthenticationToken NotAuthorized',
    unavailable('credentials_invalid'),
  ],
  ['ExpiredToken', unavailable('credentials_expired')],
  // A permission of the key; our clock; no subscription to the service.
  ['AccessDenied RequestExpired OptInRequired', unavailable('account_misconfigured')],
  ['TooManyRequests Throttling', THROTTLED],
  ['InternalFailure InternalServerError InternalService', retry('provider_error')],
  ['ServiceUnavailable', retry('provider_unavailable')],
  ['Conflict ConcurrentModification', retry('provider_error')],
  ['ValidationError Validation', rejected('request_invalid')],
];

const BY_TYPE = new Map(
  TABLE.flatMap(([types, outcome]) => types.split(' ').map((type) => [type, outcome] as const)),
);

export function outcomeOfAnswer(response: HttpResponse, now: number): Outcome {
  const { status } = response;
  const body = parseObject(response.body);
  if (status >= 200 && status < 300) {
    const id = asText(body?.MessageId);
    return id === null ? unknown('response_unreadable', { code: String(status) }) : accepted(id);
  }
  const type = readType(response.headers['x-amzn-errortype']) ?? readType(body?.__type);
  const said = asText(body?.message) ?? asText(body?.Message) ?? '';
  const name = (type ?? '').replace(/Exception$/, '');
  const outcome = refine(name, said) ?? BY_TYPE.get(name) ?? outcomeOfStatus(status);
  return withDetails(outcome, { code: type ?? String(status), headers: response.headers, now });
}

/** `com.amazonaws.sesv2#BadRequestException` in bodies, `BadRequestException:http://…` in headers. */
function readType(text: unknown): string | undefined {
  return parseCode(/^(?:[\w.]+#)?(\w+)/.exec(asText(text) ?? '')?.[1]);
}

function refine(name: string, said: string): Outcome | undefined {
  // "Daily message quota exceeded.", by different types
  if (/daily message quota/i.test(said)) return QUOTA_USED;
  if (name === 'MessageRejected') {
    // "Email address is not verified. …": the sender; in the sandbox the recipient too.
    return /not verified/i.test(said) ? unavailable('sender_not_allowed') : rejected('content_refused');
  }
  if (name !== 'BadRequest') return undefined;
  if (/message length/i.test(said)) return rejected('content_too_large');
  // "Missing final '@domain'", "Illegal address", "Local address contains control or whitespace", "Domain starts with
  // dot". It does not say whose address, so no contact is suppressed for it.
  if (/final '@domain'|illegal (email )?address|^(local address|domain|invalid domain)\b/i.test(said))
    return rejected('recipient_invalid');
  return rejected('request_invalid');
}
