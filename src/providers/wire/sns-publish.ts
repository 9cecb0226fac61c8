import type { Secret } from '../../lib/secret.ts';
import {
  type Fields,
  type HttpRequest,
  type HttpResponse,
  type Outcome,
  retry,
  unavailable,
} from '../contract.ts';
import { type AwsCredentials, signAwsRequest } from './sigv4.ts';

/** Where requests go without a base URL of the connection's own: the region then names the host. */
export const SNS_BASE_URL = 'https://sns.us-east-1.amazonaws.com';
export const SNS_REFERENCE = 'https://docs.aws.amazon.com/sns/latest/api/API_Publish.html';
const NAMESPACE = 'xmlns="http://sns.amazonaws.com/doc/2010-03-31/"';
const REQUEST_ID = 'f187a3c1-376f-11df-8963-01868b7c937a';
const REGION = '[a-z]{2,4}(-[a-z]+)+-\\d{1,2}';

export const SNS_FIELDS = {
  region: {
    label: 'Region',
    type: 'text',
    required: true,
    pattern: { regex: REGION, hint: 'an AWS region, such as eu-central-1' },
    help: 'Requests go to its endpoint, unless there is a base URL.',
  },
  accessKeyId: {
    label: 'Access key ID',
    type: 'text',
    required: true,
    pattern: { regex: '[A-Z0-9]{16,128}', hint: 'capital letters and digits' },
  },
  secretAccessKey: { label: 'Secret access key', type: 'secret', required: true },
  sessionToken: { label: 'Session token', type: 'secret', help: 'Of temporary credentials.' },
} as const satisfies Fields;

export interface SnsAccount extends AwsCredentials {
  region: string;
  secretAccessKey: Secret;
}

/** The form of `Publish`; attributes without a value are left out, the others numbered in order. */
export function buildPublishForm(
  target: Record<string, string>,
  attributes: [name: string, value: string | number | undefined][],
): URLSearchParams {
  const form = new URLSearchParams({ Action: 'Publish', Version: '2010-03-31', ...target });
  const given = attributes.filter(([, value]) => value !== undefined);
  for (const [index, [name, value]] of given.entries()) {
    const entry = `MessageAttributes.entry.${index + 1}`;
    form.set(`${entry}.Name`, name);
    form.set(`${entry}.Value.DataType`, typeof value === 'number' ? 'Number' : 'String');
    form.set(`${entry}.Value.StringValue`, String(value));
  }
  return form;
}

/** Parameters of the caller's own over ours. */
export function setPassthrough(form: URLSearchParams, extra: Record<string, unknown> | undefined): void {
  for (const [name, value] of Object.entries(extra ?? {}))
    form.set(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
}

export function signPublish(
  form: URLSearchParams,
  account: SnsAccount,
  { baseUrl, now }: { baseUrl: string; now: number },
): HttpRequest {
  const { region } = account;
  const url = new URL(baseUrl === SNS_BASE_URL ? endpointOf(region) : baseUrl).href;
  const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
  const request = { method: 'POST' as const, url, headers, body: form.toString() };
  const signature = signAwsRequest(request, account, { region, service: 'sns', now });
  return { ...request, headers: { ...headers, ...signature } };
}

/** https://docs.aws.amazon.com/general/latest/gr/sns.html */
function endpointOf(region: string): string {
  return `https://sns.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

/** The region within the name of a resource, if it is one: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html */
export function regionOfArn(arn: string): string | undefined {
  const region = /^arn:aws[a-z-]*:sns:([^:]*):/.exec(arn)?.[1] ?? '';
  return new RegExp(`^(?:${REGION})$`).test(region) ? region : undefined;
}

/** The id of a message that was taken. */
export function readMessageId({ status, body }: HttpResponse): string | undefined {
  const isDone = status >= 200 && status < 300;
  return isDone ? /<MessageId>([\w-]{1,128})<\/MessageId>/.exec(body)?.[1] : undefined;
}

/** The code of a refusal and the words beside it; no code for what AWS did not write. */
export function readRefusal({ status, body }: HttpResponse): { code?: string; said: string } {
  const code = status >= 400 ? /<Code>(\w{1,64})<\/Code>/.exec(body)?.[1] : undefined;
  return { ...(code !== undefined && { code }), said: /<Message>([^<]{0,1000})/.exec(body)?.[1] ?? '' };
}

/**
 * What all that is published can earn: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors
 * and https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html.
 */
export const SNS_ERRORS: [codes: string, outcome: Outcome][] = [
  [
    'AuthorizationError AccessDenied AccessDeniedException OptInRequired PlatformApplicationDisabled',
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
];

/** https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Examples */
export function exampleOfPublish(messageId: string): HttpResponse {
  return xml(
    200,
    `<PublishResponse ${NAMESPACE}><PublishResult><MessageId>${messageId}</MessageId></PublishResult><ResponseMetadata><RequestId>${REQUEST_ID}</RequestId></ResponseMetadata></PublishResponse>`,
  );
}

/** https://docs.aws.amazon.com/sns/latest/dg/sns-making-api-requests.html#structure-of-an-error-response */
export function exampleOfRefusal(status: number, code: string, message: string): HttpResponse {
  return xml(
    status,
    `<ErrorResponse ${NAMESPACE}><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>${REQUEST_ID}</RequestId></ErrorResponse>`,
  );
}

function xml(status: number, body: string): HttpResponse {
  return { status, headers: { 'content-type': 'text/xml' }, body };
}
