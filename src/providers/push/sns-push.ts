import { randomBytes } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import { accepted, defineHttpProvider } from '../contract.ts';
import {
  exampleOfPublish,
  readMessageId,
  exampleOfRefusal as refusal,
  regionOfArn,
  SNS_BASE_URL,
  SNS_FIELDS,
  SNS_REFERENCE,
  signPublish,
} from '../wire/sns-publish.ts';
import { withDetails } from '../wire/with-details.ts';
import { judge } from './sns-push/errors.ts';
import { buildForm } from './sns-push/message.ts';

const REFERENCE = `${SNS_REFERENCE}#API_Publish_Errors`;
const COMMON = 'https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html';
const prune = { effect: { type: 'prune-device' } } as const;

/**
 * Push by way of Amazon SNS, for apps that register their devices there: the device's token is the ARN of its endpoint.
 * What became of a message AWS tells in CloudWatch Logs and on topics of the platform application, so there are no receipts.
 */
export default defineHttpProvider({
  id: 'sns-push',
  channel: 'push',
  name: 'Amazon SNS mobile push',
  docs: 'https://docs.aws.amazon.com/sns/latest/dg/sns-mobile-application-as-subscriber.html',
  transport: 'http',
  baseUrl: SNS_BASE_URL,
  reaches: 'device',
  needsApp: true,
  fields: SNS_FIELDS,
  // 256 KB are what AWS takes of all vendors' payloads together; each vendor takes 4 KB of its own.
  limits: { payloadBytes: 262_144, connectTimeoutMs: 5_000, deadlineMs: 15_000, maxInFlight: 50 },
  // Apple's collapse id and Google's tag let a repeat take the place of the first; AWS itself does not recognise it.
  supports: {
    platforms: ['ios', 'android', 'macos'],
    dedupeKey: false,
    replaces: true,
    receipts: false,
  },

  testConfig: () => ({
    region: 'us-east-1',
    accessKeyId: `AKIA${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: new Secret(randomBytes(30).toString('base64url')),
  }),

  request(message, config, context) {
    // An endpoint is known in its own region only, and a wrong one would make each look deleted.
    const region = regionOfArn(message.recipient.address) ?? config.region;
    return signPublish(buildForm(message, context), { ...config, region }, context);
  },

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
      source: `${SNS_REFERENCE}#API_Publish_Examples`,
    },
    rejected: {
      reply: refusal(400, 'EndpointDisabled', 'Endpoint is disabled'),
      outcome: { kind: 'rejected', reason: 'device_unregistered', code: 'EndpointDisabled', ...prune },
      source: REFERENCE,
    },
    deleted: {
      reply: refusal(404, 'NotFound', 'Endpoint does not exist'),
      outcome: { kind: 'rejected', reason: 'device_unregistered', code: 'NotFound', ...prune },
      source: REFERENCE,
    },
    noEndpoint: {
      reply: refusal(
        400,
        'InvalidParameter',
        'Invalid parameter: TargetArn Reason: No endpoint found for the target arn specified',
      ),
      outcome: { kind: 'rejected', reason: 'device_unregistered', code: 'InvalidParameter', ...prune },
      source: REFERENCE,
    },
    tooLarge: {
      reply: refusal(400, 'InvalidParameter', 'Invalid parameter: Message too long'),
      outcome: { kind: 'rejected', reason: 'content_too_large' },
      source: REFERENCE,
    },
    badRequest: {
      reply: refusal(400, 'ParameterValueInvalid', 'The message attribute has an invalid value'),
      outcome: { kind: 'rejected', reason: 'request_invalid', code: 'ParameterValueInvalid' },
      source: REFERENCE,
    },
    retry: {
      reply: refusal(400, 'Throttling', 'Rate exceeded'),
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 1_000, scope: 'connection' },
      source: COMMON,
    },
    serverError: {
      reply: refusal(500, 'InternalError', 'Indicates an internal service error.'),
      outcome: { kind: 'retry', reason: 'provider_error', code: 'InternalError' },
      source: REFERENCE,
    },
    unavailable: {
      reply: refusal(400, 'PlatformApplicationDisabled', 'The platform application is disabled'),
      outcome: {
        kind: 'unavailable',
        reason: 'account_misconfigured',
        code: 'PlatformApplicationDisabled',
      },
      source: REFERENCE,
    },
    badCredentials: {
      reply: refusal(403, 'InvalidClientTokenId', 'The security token included in the request is invalid.'),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: 'InvalidClientTokenId' },
      source: COMMON,
    },
    unknown: {
      reply: { status: 504, headers: {}, body: '<html>Gateway Timeout</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});
