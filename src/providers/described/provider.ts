import { randomBytes } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import {
  type Channel,
  type ConfigProblem,
  defineHttpProvider,
  type Field,
  type Fields,
  type Supports,
} from '../contract.ts';
import { json } from '../wire/json.ts';
import { Reader } from './reader.ts';
import { compileReceipts, parseReports, type ReceiptDescription } from './receipts.ts';
import { buildRequest, compileRequest, type RequestDescription } from './request.ts';
import { compileResponse, judge, type ResponseDescription } from './response.ts';
import { isSigned } from './signature.ts';

const GUIDE = 'https://www.rfc-editor.org/rfc/rfc9110';

const LONGEST_PART = 65_536;
const MOST_EXPRESSIONS = 200;

const FIELDS = {
  baseUrl: {
    label: 'Base URL of the API',
    type: 'url',
    required: true,
    help: 'What the path is put after. No part of it is a template, so that messages cannot choose a host.',
  },
  secrets: {
    label: 'Secrets',
    type: 'secrets',
    help: 'Names and texts: {{ secret.name }} in the request, and what receipts are verified with.',
  },
  request: {
    label: 'Request',
    type: 'object',
    required: true,
    movesSecrets: true,
    help: 'method, path, query, headers and one of json, form, xml, text; their texts are templates.',
  },
  response: {
    label: 'Response',
    type: 'object',
    help: 'accepted, messageId, code, wait and rules. Without it every 2xx is accepted, the rest goes by its status.',
  },
  receipts: {
    label: 'Receipts',
    type: 'object',
    help: 'signature, and where in a report the message, its status and the time are. Without it none is believed.',
  },
} as const satisfies Fields;

/** Of chat alone: vendors of text messages and mail write to the user's phone and address. */
const CONTACT_KIND = {
  label: 'Kind of contact',
  type: 'text',
  default: 'chat',
  pattern: { regex: '[a-z][a-z0-9_-]{0,31}', hint: 'a kind of contact, such as viber' },
  help: "Which of a user's contacts it writes to.",
} as const satisfies Field;

interface Described {
  baseUrl: string;
  request: Record<string, unknown>;
  response?: Record<string, unknown>;
  receipts?: Record<string, unknown>;
  secrets?: Record<string, Secret>;
}

/** A provider without a vendor: each connection describes the vendor's API as data. */
export function defineDescribedProvider(
  id: string,
  channel: Channel,
  facts: {
    name: string;
    reaches: 'device' | 'contact' | 'connection';
    contactKind?: string;
    platforms?: Supports['platforms'];
  },
) {
  const { name, reaches, contactKind, platforms } = facts;
  return defineHttpProvider({
    id,
    channel,
    name,
    docs: GUIDE,
    transport: 'http',
    baseUrl: 'https://vendor.example.com',
    reaches,
    ...(contactKind && { contactKind }),
    ...(reaches === 'device' && { needsApp: true }),
    // Read by routing, not here.
    fields: (contactKind ? { contactKind: CONTACT_KIND, ...FIELDS } : FIELDS) as typeof FIELDS,
    limits: { connectTimeoutMs: 5_000, deadlineMs: 30_000, maxInFlight: 10 },
    supports: { ...(platforms && { platforms }), dedupeKey: false, replaces: false, receipts: true },
    check: checkDescription,

    testConfig: () => ({
      baseUrl: 'https://vendor.example.com',
      secrets: { apiKey: new Secret(randomBytes(24).toString('hex')) },
      request: {
        path: '/messages',
        headers: { authorization: 'Bearer {{ secret.apiKey }}' },
        json: {
          to: '{{ recipient.address }}',
          title: '{{ content.title | default: content.subject }}',
          text: '{{ content.body | default: content.text }}',
          reference: '{{ deliveryId }}',
        },
      },
      response: { messageId: '/id', code: '/code' },
      receipts: {
        signature: { type: 'hmac', header: 'x-signature', secret: 'apiKey' },
        messageId: '/id',
        status: '/status',
        events: { delivered: 'delivered', failed: 'failed' },
      },
    }),

    request(message, config, context) {
      const { baseUrl, secrets = {} } = config;
      return buildRequest(requestOf(config), message, { baseUrl, secrets, providerId: id }, context);
    },

    classify: (response, { now, config }) => judge(responseOf(config), response, now),

    receipts: {
      proof: 'as described: HMAC of the body, password, header or nothing',
      byVendorId: true,
      verify(received, config) {
        const description = receiptsOf(config);
        return description !== null && isSigned(description.signature, received, config.secrets ?? {});
      },
      parse(received, config) {
        const description = receiptsOf(config);
        return description ? parseReports(description, received) : [];
      },
    },

    // Judged alike with the description of the test configuration and without any, by the status alone.
    examples: {
      accepted: {
        reply: json(200, { id: 'msg-0123456789abcdef' }),
        outcome: { kind: 'accepted' },
      },
      rejected: {
        reply: json(400, { code: 'invalid', message: 'The request is not valid' }),
        outcome: { kind: 'rejected', reason: 'request_invalid' },
      },
      tooLarge: {
        reply: { status: 413, headers: {}, body: '' },
        outcome: { kind: 'rejected', reason: 'content_too_large', code: '413' },
      },
      retry: {
        reply: { status: 503, headers: { 'retry-after': '5' }, body: '' },
        outcome: { kind: 'retry', reason: 'provider_unavailable', afterMs: 5_000 },
      },
      throttled: {
        reply: json(429, { code: 'throttled' }),
        outcome: { kind: 'retry', reason: 'rate_limited', scope: 'connection' },
      },
      unavailable: {
        reply: json(401, { code: 'unauthorized' }),
        outcome: { kind: 'unavailable', reason: 'credentials_invalid' },
      },
      unknown: {
        reply: { status: 502, headers: {}, body: '<html>Bad Gateway</html>' },
        outcome: { kind: 'unknown', reason: 'provider_error', code: '502' },
      },
    },
  });
}

/** Every rule that a description breaks. */
export function checkDescription(config: Described): ConfigProblem[] {
  const { baseUrl, request, response, receipts, secrets = {} } = config;
  const reader = new Reader(Object.keys(secrets));
  // What follows is put after it.
  if (!/^https?:\/\/[^/?#@\\]+(?:\/[^?#\\]*)?$/i.test(baseUrl))
    reader.at('baseUrl').refuse('has no user name, query or fragment');
  // With it the time that a request or an answer takes is bounded.
  for (const [name, part] of Object.entries({ request, response, receipts }))
    if (JSON.stringify(part ?? {}).length > LONGEST_PART)
      reader.at(name).refuse(`is at most ${LONGEST_PART} characters of JSON`);
  if (JSON.stringify(request).split('{{').length > MOST_EXPRESSIONS)
    reader.at('request').refuse(`has less than ${MOST_EXPRESSIONS} expressions`);
  compileRequest(request, reader.at('request'));
  compileResponse(response ?? {}, reader.at('response'));
  if (receipts) compileReceipts(receipts, reader.at('receipts'));
  return reader.problems;
}

/** What was compiled, by the very objects of a connection's configuration, which live as long as it stays unchanged. */
const REQUESTS = new WeakMap<object, RequestDescription>();
const RESPONSES = new WeakMap<object, ResponseDescription>();
const RECEIPTS = new WeakMap<object, ReceiptDescription>();
const BY_STATUS = compileResponse({}, new Reader([]));

function requestOf({ request, secrets = {} }: Described): RequestDescription {
  return remember(REQUESTS, request, () => compileRequest(request, new Reader(Object.keys(secrets))));
}

function responseOf(config: Described | undefined): ResponseDescription {
  const given = config?.response;
  return given ? remember(RESPONSES, given, () => compileResponse(given, new Reader([]))) : BY_STATUS;
}

function receiptsOf({ receipts, secrets = {} }: Described): ReceiptDescription | null {
  const compile = (given: object) => compileReceipts(given, new Reader(Object.keys(secrets)));
  return receipts ? remember(RECEIPTS, receipts, () => compile(receipts)) : null;
}

function remember<T>(known: WeakMap<object, T>, key: object, compile: () => T): T {
  const before = known.get(key);
  if (before) return before;
  const compiled = compile();
  known.set(key, compiled);
  return compiled;
}
