/**
 * Every error the API can answer, in one place: stable code → HTTP status and title. Answers are problem details
 * (RFC 9457); `detail` is written for the caller, what the operator needs goes to the log.
 */
export const ERRORS = {
  'request.invalid': [400, 'The request is not valid'],
  'request.malformed': [400, 'The request body could not be read'],
  'request.unsupported_media_type': [415, 'Send JSON with Content-Type: application/json'],
  'request.too_large': [413, 'The request body is too large'],
  'request.unprocessable': [422, 'The request contradicts a rule'],
  'auth.missing': [401, 'No API key was sent'],
  'auth.invalid': [401, 'The API key is not valid'],
  'auth.forbidden': [403, 'The API key may not do this'],
  'route.not_found': [404, 'There is nothing at this address'],
  'user.not_found': [404, 'No such user'],
  'device.not_found': [404, 'No such device'],
  'template.not_found': [404, 'No such template'],
  'template.invalid': [422, 'The template is not valid'],
  'template.version_not_found': [404, 'No such version of the template'],
  'template.in_use': [409, 'The template is in use'],
  'template.nothing_to_roll_back': [409, 'No earlier version of the template was ever published'],
  'fragment.not_found': [404, 'No such fragment'],
  'fragment.invalid': [422, 'The fragment is not valid'],
  'connection.not_found': [404, 'No such connection'],
  'connection.invalid': [422, 'The configuration of the connection is not valid'],
  'connection.vendor_template_not_found': [404, 'Nothing is known of such a text of the vendor'],
  'hook.not_found': [404, 'No such hook'],
  'hook.invalid': [422, 'The hook is not valid'],
  'webhook.not_found': [404, 'No such webhook endpoint'],
  'webhook.invalid': [422, 'The webhook endpoint is not valid'],
  'webhook.disabled': [409, 'The webhook endpoint is disabled'],
  'webhook.delivery_not_found': [404, 'The log of the endpoint has no such event'],
  'webhook.being_sent': [409, 'The endpoint is being called with the event right now'],
  'flag.not_found': [404, 'No such feature flag'],
  'category.not_found': [404, 'The tenant has not declared such a category'],
  'schedule.not_found': [404, 'No such schedule'],
  'schedule.over': [409, 'The schedule is over'],
  'schedule.nothing_to_skip': [409, 'The schedule has no next occurrence'],
  'segment.not_found': [404, 'No such segment'],
  'segment.in_use': [409, 'Another segment names the segment'],
  'import.not_found': [404, 'No such import'],
  'import.invalid': [422, 'The file can not be imported'],
  'import.over': [409, 'The import takes no more'],
  'provider.not_found': [404, 'No such provider'],
  'key.not_found': [404, 'No such API key'],
  'notification.not_found': [404, 'No such notification'],
  'notification.not_changeable': [409, 'The notification can no longer be changed'],
  'delivery.not_found': [404, 'No such delivery'],
  'delivery.not_replayable': [409, 'The delivery can not be sent again'],
  'delivery.not_settleable': [409, 'The outcome of the delivery is known'],
  'replay.not_found': [404, 'No such replay'],
  'replay.over': [409, 'The replay is over'],
  'otp.not_found': [404, 'No such OTP'],
  'otp.over': [409, 'The OTP is approved, cancelled or expired'],
  'otp.sends_used_up': [409, 'The OTP was sent as often as it may be'],
  'otp.unreachable': [422, 'The recipient has no address for these channels'],
  'otp.disabled': [403, 'The tenant has switched OTPs off'],
  'otp.number_blocked': [403, 'Numbers of this type get no OTPs'],
  'otp.country_not_allowed': [403, 'The tenant sends no OTPs to this country'],
  'otp.paused': [429, 'Too few OTPs sent to this country or prefix were entered'],
  'otp.too_soon': [429, 'The recipient was sent an OTP just now'],
  'otp.recipient_limit': [429, 'The recipient was sent as many OTPs as it may be'],
  'otp.ip_limit': [429, 'Too many OTPs were asked for from this address'],
  'otp.prefix_limit': [429, 'Too many OTPs were sent to numbers like this one'],
  'otp.country_limit': [429, 'Too many OTPs were sent to this country'],
  'otp.tenant_limit': [429, 'The tenant has sent as many OTPs as it may'],
  'otp.spend_limit': [429, 'The tenant has spent as much on OTPs as it may'],
  'otp.not_paused': [404, 'This country or prefix is not paused'],
  'inbox.item_not_found': [404, 'No such inbox item'],
  'inbox.action_not_found': [404, 'The inbox item has no such action'],
  'inbox.too_many_streams': [429, 'The user has too many streams open'],
  'link.unavailable': [409, 'This installation has no address for links'],
  'idempotency.mismatch': [422, 'The idempotency key was used for another request'],
  'idempotency.conflicting_keys': [422, 'Header and body give different idempotency keys'],
  'receipt.refused': [401, 'The receipt could not be verified'],
  'rate.limited': [429, 'Too many requests'],
  'service.overloaded': [503, 'The server has more waiting requests than it can store'],
  'service.unavailable': [503, 'The server cannot reach its database'],
  'service.internal': [500, 'The server made a mistake'],
} as const satisfies Record<string, readonly [number, string]>;

export type ErrorCode = keyof typeof ERRORS;

export interface FieldProblem {
  /** JSON Pointer (RFC 6901) into the body, or `query/…`, `path/…`, `header/…`. */
  field: string;
  rule: string;
}

/** Thrown by route handlers; the server turns it into problem details. */
export class Problem extends Error {
  override name = 'Problem';
  readonly code: ErrorCode;
  readonly status: number;
  readonly errors: FieldProblem[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    detail?: string,
    extra: { errors?: FieldProblem[]; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(detail ?? ERRORS[code][1], { cause: extra.cause });
    this.code = code;
    this.status = ERRORS[code][0];
    this.errors = extra.errors;
    this.retryAfterSeconds = extra.retryAfterSeconds;
  }

  /** The body of the answer. */
  toJSON(): object {
    return {
      type: `urn:bellhop:error:${this.code}`,
      title: ERRORS[this.code][1],
      status: this.status,
      code: this.code,
      detail: this.message,
      ...(this.errors ? { errors: this.errors } : {}),
    };
  }
}

/** One field, one rule: the commonest refusal. */
export function invalidField(field: string, rule: string): Problem {
  return new Problem('request.invalid', `${field} ${rule}`, { errors: [{ field, rule }] });
}

/** docs/errors.md, generated. */
export function renderErrorReference(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, [status, title]]) => `| \`${code}\` | ${status} | ${title} |`,
  );
  return [
    '# Errors',
    '',
    'Generated from `src/http/errors.ts` by `npm run generate`. Every error is a problem detail (RFC 9457,',
    '`application/problem+json`): `type` is `urn:bellhop:error:<code>`, `detail` says what was wrong this time, and',
    '`errors` names each field (a JSON Pointer into the body) and the rule it broke. `429` and `503` carry `Retry-After`.',
    '',
    '| code | status | title |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
