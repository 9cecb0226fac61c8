import { generateKeyPairSync } from 'node:crypto';
import { Secret, secret } from '../../lib/secret.ts';
import { accepted, defineHttpProvider, type HttpResponse, parseObject, unknown } from '../contract.ts';
import { buildTokenRequest, parseServiceAccount, parseTokenResponse } from './fcm/access-token.ts';
import { outcomeOfError } from './fcm/errors.ts';
import { buildMessage } from './fcm/message.ts';

const ERRORS = 'https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode';
const prune = { effect: { type: 'prune-device' } } as const;

/** Firebase Cloud Messaging, HTTP v1. */
export default defineHttpProvider({
  id: 'fcm',
  channel: 'push',
  name: 'Firebase Cloud Messaging',
  docs: 'https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send',
  transport: 'http2',
  baseUrl: 'https://fcm.googleapis.com',
  reaches: 'device',
  testDefault: true,
  fields: {
    serviceAccount: {
      label: 'Service account',
      type: 'json',
      required: true,
      help: 'The key file of a service account that may send messages (Firebase console, Service accounts).',
    },
  },
  // Google asks for a timeout of 10 s or more: https://firebase.google.com/docs/cloud-messaging/scale-fcm
  limits: { payloadBytes: 4_096, connectTimeoutMs: 5_000, deadlineMs: 12_000, maxInFlight: 500 },
  // The tag lets a repeat take the place of the first; FCM itself does not recognise it.
  supports: { platforms: ['android'], dedupeKey: false, replaces: true, receipts: false },

  testConfig: () => ({ serviceAccount: makeTestAccount() }),

  token: {
    request: ({ serviceAccount }, { now }) => buildTokenRequest(parseServiceAccount(serviceAccount), now),
    parse: (response, { now }) => parseTokenResponse(response, now),
  },
  tokenExample: json(200, {
    access_token: 'ya29.c.example-access-token',
    expires_in: 3599,
    token_type: 'Bearer',
  }),

  request(message, { serviceAccount }, context) {
    const project = encodeURIComponent(parseServiceAccount(serviceAccount).projectId);
    return {
      method: 'POST',
      url: `${context.baseUrl}/v1/projects/${project}/messages:send`,
      headers: {
        ...(context.token && { authorization: secret`Bearer ${context.token}` }),
        'content-type': 'application/json',
      },
      body: JSON.stringify({ message: buildMessage(message, context) }),
    };
  },

  classify(response, { now }) {
    if (response.status < 200 || response.status >= 300) return outcomeOfError(response, now);
    const name = parseObject(response.body)?.name;
    return typeof name === 'string' && name !== ''
      ? accepted(name)
      : unknown('response_unreadable', { code: `${response.status}` });
  },

  examples: {
    accepted: {
      reply: json(200, { name: 'projects/myproject-b5ae1/messages/0:1500415314455276%31bd1c9631bd1c96' }),
      outcome: {
        kind: 'accepted',
        providerMessageId: 'projects/myproject-b5ae1/messages/0:1500415314455276%31bd1c9631bd1c96',
      },
      source: 'https://firebase.google.com/docs/cloud-messaging/send/v1-api',
    },
    rejected: {
      reply: refusal(404, 'NOT_FOUND', 'Requested entity was not found.', 'UNREGISTERED'),
      outcome: { kind: 'rejected', reason: 'device_unregistered', code: 'UNREGISTERED', ...prune },
      source: ERRORS,
    },
    invalidToken: {
      reply: refusal(
        400,
        'INVALID_ARGUMENT',
        'The registration token is not a valid FCM registration token',
        'INVALID_ARGUMENT',
      ),
      outcome: { kind: 'rejected', reason: 'device_unregistered', code: 'INVALID_ARGUMENT', ...prune },
      source: ERRORS,
    },
    otherProject: {
      reply: refusal(403, 'PERMISSION_DENIED', 'SenderId mismatch', 'SENDER_ID_MISMATCH'),
      outcome: { kind: 'rejected', reason: 'device_unregistered', code: 'SENDER_ID_MISMATCH', ...prune },
      source: ERRORS,
    },
    tooLarge: {
      reply: refusal(400, 'INVALID_ARGUMENT', 'Android message is too big', 'INVALID_ARGUMENT'),
      outcome: { kind: 'rejected', reason: 'content_too_large' },
      source: ERRORS,
    },
    tokenExpired: {
      reply: refusal(401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials.'),
      outcome: { kind: 'token-expired', code: 'UNAUTHENTICATED' },
      source: ERRORS,
    },
    retry: {
      reply: refusal(503, 'UNAVAILABLE', 'The service is currently unavailable.', 'UNAVAILABLE'),
      outcome: { kind: 'retry', reason: 'provider_unavailable', afterMs: 10_000 },
      source: ERRORS,
    },
    internal: {
      reply: refusal(500, 'INTERNAL', 'Internal error encountered.', 'INTERNAL'),
      outcome: { kind: 'retry', reason: 'provider_error', afterMs: 10_000 },
      source: ERRORS,
    },
    throttled: {
      reply: {
        ...refusal(
          429,
          'RESOURCE_EXHAUSTED',
          'Resource has been exhausted (e.g. check quota).',
          'QUOTA_EXCEEDED',
        ),
        headers: { 'retry-after': '30' },
      },
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 30_000, scope: 'connection' },
      source: ERRORS,
    },
    unavailable: {
      reply: refusal(
        403,
        'PERMISSION_DENIED',
        "Permission 'cloudmessaging.messages.create' denied on resource (or it may not exist).",
      ),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured', code: 'PERMISSION_DENIED' },
      source: ERRORS,
    },
  },
});

let testAccount: Secret | undefined;

function makeTestAccount(): Secret {
  testAccount ??= new Secret(
    JSON.stringify({
      type: 'service_account',
      project_id: 'bellhop-test',
      private_key_id: 'test-key-1',
      private_key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
        type: 'pkcs8',
        format: 'pem',
      }),
      client_email: 'sender@bellhop-test.iam.gserviceaccount.com',
      token_uri: 'https://oauth2.googleapis.com/token',
    }),
  );
  return testAccount;
}

/** https://firebase.google.com/docs/reference/fcm/rest/v1/FcmError */
function refusal(status: number, rpcStatus: string, message: string, errorCode?: string): HttpResponse {
  const details = errorCode && [
    { '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode },
  ];
  return json(status, { error: { code: status, message, status: rpcStatus, details } });
}

function json(status: number, body: object): HttpResponse {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=UTF-8' },
    body: JSON.stringify(body),
  };
}
