import { randomBytes } from 'node:crypto';
import { Secret, secret } from '../../lib/secret.ts';
import { accepted, defineHttpProvider, rejected } from '../contract.ts';
import { idOf } from '../wire/exact-json.ts';
import { json } from '../wire/json.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import { readAnswer, readToken } from './feishu/answer.ts';
import { APP_CODES } from './feishu/codes.ts';
import { challengeOf, isFromFeishu, readReceipts } from './feishu/events.ts';
import { postOf } from './feishu/post.ts';

const REFERENCE = 'https://open.feishu.cn/document/server-docs/im-v1/message/create';
const ADDRESS = /^[^\s\u0000-\u001f]{1,256}$/;

/** Messages of an app of Feishu (or Lark) to people and rooms, by whichever of their ids. */
export default defineHttpProvider({
  id: 'feishu',
  channel: 'chat',
  name: 'Feishu / Lark app',
  docs: REFERENCE,
  transport: 'http',
  // Lark: https://open.larksuite.com
  baseUrl: 'https://open.feishu.cn',
  reaches: 'contact',
  contactKind: 'feishu',
  fields: {
    appId: { label: 'App ID', type: 'text', required: true },
    appSecret: { label: 'App secret', type: 'secret', required: true },
    encryptKey: { label: 'Encrypt key', type: 'secret', help: 'Of the events: verifies and opens them.' },
    verificationToken: {
      label: 'Verification token',
      type: 'secret',
      help: 'Of the events; needed where there is no encrypt key.',
    },
    openLabel: { label: 'Words that open the address', type: 'text', default: '查看详情' },
  },
  // 50 a second and 1000 a minute for one app; the slower of both.
  limits: {
    ratePerSecond: 16,
    payloadBytes: 30_000,
    connectTimeoutMs: 5_000,
    deadlineMs: 15_000,
    maxInFlight: 20,
  },
  // `uuid` is recognised for an hour.
  supports: { dedupeKey: true, replaces: false, receipts: true },

  testConfig: () => ({
    appId: 'cli_a1b2c3d4e5f6',
    appSecret: new Secret(randomBytes(16).toString('hex')),
    encryptKey: new Secret(randomBytes(16).toString('hex')),
    openLabel: '查看详情',
  }),

  token: {
    request: ({ appId, appSecret }, { baseUrl }) => ({
      method: 'POST',
      url: `${baseUrl}/open-apis/auth/v3/tenant_access_token/internal`,
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: new Secret(JSON.stringify({ app_id: appId, app_secret: appSecret.reveal() })),
    }),
    parse: (response, { now }) => readToken(response, APP_CODES, now),
  },
  tokenExample: json(200, {
    code: 0,
    msg: 'ok',
    tenant_access_token: 't-g1044ghJRUIJJ5ELPN5Q',
    expire: 7140,
  }),

  refuse: ({ recipient }) => (ADDRESS.test(recipient.address) ? null : rejected('recipient_invalid')),

  request({ recipient, content }, { openLabel }, { baseUrl, deliveryId, token }) {
    const { address } = recipient;
    const body = {
      receive_id: address,
      msg_type: 'post',
      content: JSON.stringify(postOf(content, { maxText: 8_000, openLabel })),
      uuid: deliveryId,
    };
    return {
      method: 'POST',
      url: `${baseUrl}/open-apis/im/v1/messages?receive_id_type=${typeOf(address)}`,
      headers: {
        ...(token && { authorization: secret`Bearer ${token}` }),
        'content-type': 'application/json; charset=utf-8',
      },
      body: JSON.stringify(mergePassthrough(body, content.passthrough?.feishu)),
    };
  },

  classify(response, { now }) {
    const read = readAnswer(response, APP_CODES, now);
    if ('outcome' in read) return read.outcome;
    const { data } = read.answer as { data?: { message_id?: unknown } };
    return accepted(idOf(data?.message_id) ?? null);
  },

  receipts: {
    byVendorId: true,
    verify: (request, keys, { now }) => isFromFeishu(request, keys, now),
    handshake(request, keys, { verified }) {
      const challenge = challengeOf(request, keys, verified);
      if (challenge === null) return null;
      return { contentType: 'application/json', body: JSON.stringify({ challenge }) };
    },
    parse: readReceipts,
    reply: { contentType: 'application/json', body: '{}' },
  },

  examples: {
    accepted: {
      reply: json(200, {
        code: 0,
        msg: 'success',
        data: { message_id: 'om_dc13264520392913993dd051dba21dcf', chat_id: 'oc_5ad11d72b830411d72b836c20' },
      }),
      outcome: { kind: 'accepted', providerMessageId: 'om_dc13264520392913993dd051dba21dcf' },
      source: REFERENCE,
    },
    rejected: {
      reply: json(400, { code: 230034, msg: 'The receive_id is invalid.' }),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', code: '230034', effect: undefined },
      source: REFERENCE,
    },
    resigned: {
      reply: json(400, { code: 230029, msg: 'User has resigned.' }),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', effect: { type: 'suppress-contact' } },
      source: REFERENCE,
    },
    stopped: {
      reply: json(400, { code: 230053, msg: 'The user has stopped the bot from sending messages.' }),
      outcome: { kind: 'rejected', reason: 'recipient_opted_out', effect: { type: 'suppress-contact' } },
      source: REFERENCE,
    },
    tooLarge: {
      reply: json(400, { code: 230025, msg: 'The length of the message content reaches its limit.' }),
      outcome: { kind: 'rejected', reason: 'content_too_large', code: '230025' },
      source: REFERENCE,
    },
    tokenExpired: {
      reply: json(400, { code: 99991663, msg: 'Invalid access token for authorization.' }),
      outcome: { kind: 'token-expired', code: '99991663' },
    },
    retry: {
      reply: {
        ...json(429, { code: 99991400, msg: 'request trigger frequency limit' }),
        headers: { 'content-type': 'application/json', 'x-ogw-ratelimit-reset': '7' },
      },
      outcome: {
        kind: 'retry',
        reason: 'rate_limited',
        afterMs: 7_000,
        scope: 'connection',
        code: '99991400',
      },
    },
    sending: {
      reply: json(400, { code: 230049, msg: 'The message is being sent.' }),
      outcome: { kind: 'retry', reason: 'provider_error', code: '230049' },
      source: REFERENCE,
    },
    unavailable: {
      reply: json(400, { code: 99991672, msg: 'Access denied. One of the following scopes is required.' }),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured', code: '99991672' },
    },
    unknown: {
      reply: { status: 502, headers: {}, body: '<html>Bad Gateway</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

/** Ids tell by their beginning whose they are; the one without is that of the organisation. */
function typeOf(address: string): string {
  if (address.startsWith('ou_')) return 'open_id';
  if (address.startsWith('on_')) return 'union_id';
  if (address.startsWith('oc_')) return 'chat_id';
  return address.includes('@') ? 'email' : 'user_id';
}
