import { randomBytes } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import { accepted, defineHttpProvider, type HttpResponse, type Message } from '../contract.ts';
import { signAwsRequest } from '../wire/sigv4.ts';
import { withDetails } from '../wire/with-details.ts';
import { judge } from './sns/errors.ts';

const REFERENCE = 'https://docs.aws.amazon.com/sns/latest/api/API_Publish.html';
const BASE_URL = 'https://sns.us-east-1.amazonaws.com';
const NAMESPACE = 'xmlns="http://sns.amazonaws.com/doc/2010-03-31/"';
const REQUEST_ID = 'f187a3c1-376f-11df-8963-01868b7c937a';

/** SMS to a number by `Publish`. What became of a message AWS tells in CloudWatch Logs only, so there are no receipts. */
export default defineHttpProvider({
  id: 'sns',
  channel: 'sms',
  name: 'Amazon SNS',
  docs: REFERENCE,
  transport: 'http',
  baseUrl: BASE_URL,
  reaches: 'contact',
  fields: {
    region: {
      label: 'Region',
      type: 'text',
      required: true,
      pattern: { regex: '[a-z]{2,4}(-[a-z]+)+-\\d{1,2}', hint: 'an AWS region, such as eu-central-1' },
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
    senderId: {
      label: 'Sender ID',
      type: 'text',
      pattern: { regex: '[A-Za-z0-9-]{1,11}', hint: '1 to 11 letters and digits' },
      help: 'Shown as the sender in countries that allow it.',
    },
    originationNumber: { label: 'Origination number', type: 'text', help: 'One of the account, in E.164.' },
    smsType: {
      label: 'SMS type',
      type: 'text',
      default: 'Transactional',
      pattern: { regex: 'Transactional|Promotional', hint: 'Transactional or Promotional' },
    },
    maxPrice: { label: 'Maximum price', type: 'number', help: 'In US dollars, of one message.' },
    entityId: { label: 'Entity ID', type: 'text', help: 'DLT registration, for India.' },
    templateId: { label: 'Template ID', type: 'text', help: 'DLT registration, for India.' },
  },
  limits: { payloadBytes: 262_144, connectTimeoutMs: 5_000, deadlineMs: 30_000, maxInFlight: 20 },
  supports: { dedupeKey: false, replaces: false, receipts: false },

  testConfig: () => ({
    region: 'us-east-1',
    accessKeyId: `AKIA${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: new Secret(randomBytes(30).toString('base64url')),
    smsType: 'Transactional',
  }),

  request(message, config, { baseUrl, now }) {
    const url = new URL(baseUrl === BASE_URL ? endpointOf(config.region) : baseUrl);
    const body = buildForm(message, config).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
    const request = { method: 'POST' as const, url: url.href, headers, body };
    const signature = signAwsRequest(request, config, { region: config.region, service: 'sns', now });
    return { ...request, headers: { ...headers, ...signature } };
  },

  classify(response, { now }) {
    const { status, headers, body } = response;
    const isDone = status >= 200 && status < 300;
    const id = isDone ? /<MessageId>([\w-]{1,128})<\/MessageId>/.exec(body)?.[1] : undefined;
    if (id !== undefined) return accepted(id);
    const { outcome, code } = judge(response);
    return withDetails(outcome, { code, headers, now });
  },

  examples: {
    accepted: {
      reply: xml(
        200,
        `<PublishResponse ${NAMESPACE}><PublishResult><MessageId>94f20ce6-13c5-43a0-9a9e-ca52d816e90b</MessageId></PublishResult><ResponseMetadata><RequestId>${REQUEST_ID}</RequestId></ResponseMetadata></PublishResponse>`,
      ),
      outcome: { kind: 'accepted', providerMessageId: '94f20ce6-13c5-43a0-9a9e-ca52d816e90b' },
      source: `${REFERENCE}#API_Publish_Examples`,
    },
    rejected: {
      reply: refusal(
        400,
        'InvalidParameter',
        'Invalid parameter: PhoneNumber Reason: +1500555000 is not valid to publish to',
      ),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', effect: { type: 'suppress-contact' } },
      source: `${REFERENCE}#API_Publish_Errors`,
    },
    badRequest: {
      reply: refusal(400, 'ParameterValueInvalid', 'The message attribute has an invalid value'),
      outcome: { kind: 'rejected', reason: 'request_invalid', code: 'ParameterValueInvalid' },
      source: `${REFERENCE}#API_Publish_Errors`,
    },
    optedOut: {
      reply: refusal(403, 'AuthorizationError', 'The phone number is opted out'),
      outcome: { kind: 'rejected', reason: 'recipient_opted_out', effect: { type: 'suppress-contact' } },
    },
    retry: {
      reply: refusal(400, 'Throttling', 'Rate exceeded'),
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 1_000, scope: 'connection' },
      source: 'https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html',
    },
    serverError: {
      reply: refusal(500, 'InternalError', 'Indicates an internal service error.'),
      outcome: { kind: 'retry', reason: 'provider_error', code: 'InternalError' },
      source: `${REFERENCE}#API_Publish_Errors`,
    },
    unavailable: {
      reply: refusal(403, 'InvalidClientTokenId', 'The security token included in the request is invalid.'),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: 'InvalidClientTokenId' },
      source: 'https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html',
    },
    expired: {
      reply: refusal(403, 'ExpiredToken', 'The security token included in the request is expired'),
      outcome: { kind: 'unavailable', reason: 'credentials_expired', code: 'ExpiredToken' },
      source: 'https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html',
    },
    unknown: {
      reply: { status: 504, headers: {}, body: '<html>Gateway Timeout</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

/** https://docs.aws.amazon.com/general/latest/gr/sns.html */
function endpointOf(region: string): string {
  return `https://sns.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

interface Attributes {
  senderId?: string;
  smsType: string;
  maxPrice?: number;
  originationNumber?: string;
  entityId?: string;
  templateId?: string;
}

/** https://docs.aws.amazon.com/sns/latest/dg/sms_publish-to-phone.html */
function buildForm({ recipient, content }: Message, config: Attributes): URLSearchParams {
  const form = new URLSearchParams({
    Action: 'Publish',
    Version: '2010-03-31',
    PhoneNumber: recipient.address,
    Message: content.body ?? content.title ?? '',
  });
  const attributes: [name: string, value: string | number | undefined][] = [
    ['AWS.SNS.SMS.SenderID', config.senderId],
    ['AWS.SNS.SMS.SMSType', config.smsType],
    ['AWS.SNS.SMS.MaxPrice', config.maxPrice],
    ['AWS.MM.SMS.OriginationNumber', config.originationNumber],
    ['AWS.MM.SMS.EntityId', config.entityId],
    ['AWS.MM.SMS.TemplateId', config.templateId],
  ];
  const given = attributes.filter(([, value]) => value !== undefined);
  for (const [index, [name, value]] of given.entries()) {
    const entry = `MessageAttributes.entry.${index + 1}`;
    form.set(`${entry}.Name`, name);
    form.set(`${entry}.Value.DataType`, typeof value === 'number' ? 'Number' : 'String');
    form.set(`${entry}.Value.StringValue`, String(value));
  }
  for (const [name, value] of Object.entries(content.passthrough?.sns ?? {}))
    form.set(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
  return form;
}

/** https://docs.aws.amazon.com/sns/latest/dg/sns-making-api-requests.html#structure-of-an-error-response */
function refusal(status: number, code: string, message: string): HttpResponse {
  return xml(
    status,
    `<ErrorResponse ${NAMESPACE}><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>${REQUEST_ID}</RequestId></ErrorResponse>`,
  );
}

function xml(status: number, body: string): HttpResponse {
  return { status, headers: { 'content-type': 'text/xml' }, body };
}
