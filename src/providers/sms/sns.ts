import { randomBytes } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import { accepted, defineHttpProvider, type Message } from '../contract.ts';
import {
  buildPublishForm,
  exampleOfPublish,
  SNS_REFERENCE as REFERENCE,
  readMessageId,
  exampleOfRefusal as refusal,
  SNS_BASE_URL,
  SNS_FIELDS,
  setPassthrough,
  signPublish,
} from '../wire/sns-publish.ts';
import { withDetails } from '../wire/with-details.ts';
import { judge } from './sns/errors.ts';

/** SMS to a number by `Publish`. What became of a message AWS tells in CloudWatch Logs only, so there are no receipts. */
export default defineHttpProvider({
  id: 'sns',
  channel: 'sms',
  name: 'Amazon SNS',
  docs: REFERENCE,
  transport: 'http',
  baseUrl: SNS_BASE_URL,
  reaches: 'contact',
  fields: {
    ...SNS_FIELDS,
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

  request: (message, config, context) => signPublish(buildForm(message, config), config, context),

  classify(response, { now }) {
    const id = readMessageId(response);
    if (id !== undefined) return accepted(id);
    const { outcome, code } = judge(response);
    return withDetails(outcome, { code, headers: response.headers, now });
  },

  examples: {
    accepted: {
      reply: exampleOfPublish('94f20ce6-13c5-43a0-9a9e-ca52d816e90b'),
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
  const form = buildPublishForm(
    { PhoneNumber: recipient.address, Message: content.body ?? content.title ?? '' },
    [
      ['AWS.SNS.SMS.SenderID', config.senderId],
      ['AWS.SNS.SMS.SMSType', config.smsType],
      ['AWS.SNS.SMS.MaxPrice', config.maxPrice],
      ['AWS.MM.SMS.OriginationNumber', config.originationNumber],
      ['AWS.MM.SMS.EntityId', config.entityId],
      ['AWS.MM.SMS.TemplateId', config.templateId],
    ],
  );
  setPassthrough(form, content.passthrough?.sns);
  return form;
}
