import { randomBytes } from 'node:crypto';
import { Secret, secret } from '../../lib/secret.ts';
import { accepted, defineHttpProvider, type HttpResponse, rejected } from '../contract.ts';
import { idOf, parseExactObject } from '../wire/exact-json.ts';
import { json } from '../wire/json.ts';
import { withDetails } from '../wire/with-details.ts';
import { ALREADY_SENT, codesOf, judgeRefusal } from './qq/errors.ts';
import { buildBody } from './qq/message.ts';
import { parseTarget, pathOf } from './qq/target.ts';
import { buildTokenRequest, parseTokenResponse } from './qq/token.ts';
import { answerTrial, isSigned, readMessages, readReceipts } from './qq/webhook.ts';

const REFERENCE = 'https://bot.q.qq.com/wiki/develop/api-v2/server-inter/message/send-receive/send.html';
const CODES = 'https://bot.q.qq.com/wiki/develop/api-v2/openapi/error/error.html';
/** Taken, and shown once somebody looked at it. */
const IN_AUDIT = /^(304023|304024)$/;
const HEARD = { contentType: 'application/json', body: '{"op":12,"d":0}' };

/** An official bot of QQ, API v2. Addresses are `user:<openid>`, `group:<openid>` and `channel:<id>`. */
export default defineHttpProvider({
  id: 'qq',
  channel: 'chat',
  name: 'QQ bot',
  docs: REFERENCE,
  transport: 'http',
  // Newer pages say https://api.bot.qq.com; the sandbox is https://sandbox.api.sgroup.qq.com.
  baseUrl: 'https://api.sgroup.qq.com',
  reaches: 'contact',
  contactKind: 'qq',
  fields: {
    appId: {
      label: 'App ID',
      type: 'text',
      required: true,
      pattern: { regex: '\\d{5,20}', hint: 'digits' },
    },
    clientSecret: {
      label: 'App secret',
      type: 'secret',
      required: true,
      help: 'Gets tokens, and is what posts of QQ are verified with.',
    },
    tokenUrl: {
      label: 'Address for tokens',
      type: 'url',
      default: 'https://bots.qq.com/app/getAppAccessToken',
      help: 'Newer pages of QQ have it at https://api.bot.qq.com.',
    },
    showUrls: {
      label: 'Show addresses',
      type: 'boolean',
      help: 'Appends the url of a message and of its actions. QQ refuses messages with a domain that is not registered.',
    },
  },
  limits: { connectTimeoutMs: 5_000, deadlineMs: 20_000, maxInFlight: 20 },
  supports: { dedupeKey: false, replaces: false, receipts: true },

  testConfig: () => ({
    appId: '102000001',
    clientSecret: new Secret(randomBytes(16).toString('hex')),
    tokenUrl: 'https://bots.qq.com/app/getAppAccessToken',
  }),

  token: {
    request: (config) => buildTokenRequest(config),
    parse: (response, { now }) => parseTokenResponse(response, now),
  },
  tokenExample: json(200, { access_token: 'ACCESS_TOKEN-example-0123', expires_in: '7200' }),

  refuse: ({ recipient }) =>
    parseTarget(recipient.address)
      ? null
      : rejected('recipient_invalid', { code: 'no_user_group_or_channel' }),

  request({ recipient, content }, { showUrls = false }, { baseUrl, token = new Secret(''), deliveryId }) {
    const target = parseTarget(recipient.address) ?? { kind: 'user', id: recipient.address };
    return {
      method: 'POST',
      url: baseUrl + pathOf(target),
      headers: { authorization: secret`QQBot ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(buildBody(content, { target, showUrls, deliveryId })),
    };
  },

  classify(response, { now }) {
    const { status, headers } = response;
    const body = parseExactObject(response.body);
    const codes = codesOf(body);
    if (status >= 200 && status < 300) {
      const id = idOf(body?.id);
      if (id !== undefined && codes.length === 0) return accepted(id);
      if (codes.some((code) => IN_AUDIT.test(code))) return accepted(auditOf(body));
    }
    if (codes.includes(ALREADY_SENT)) return accepted(null);
    const { outcome, code } = judgeRefusal(response);
    return withDetails(outcome, { code, headers, now });
  },

  receipts: {
    byVendorId: true,
    verify: (request, { clientSecret }, { now }) => isSigned(request, clientSecret, now),
    handshake: (request, { clientSecret }, { verified }) => answerTrial(request, clientSecret, verified),
    parse: readReceipts,
    reply: HEARD,
    inbound: { parse: readMessages, reply: HEARD },
  },

  examples: {
    accepted: {
      reply: json(200, { id: 'ROBOT1.0_Kb0pG8z1.C2C-example', timestamp: '2026-11-21T20:00:00+08:00' }),
      outcome: { kind: 'accepted', providerMessageId: 'ROBOT1.0_Kb0pG8z1.C2C-example' },
      source: REFERENCE,
    },
    inAudit: {
      reply: json(202, {
        code: 304023,
        message: 'push message is waiting for audit now',
        data: { message_audit: { audit_id: '6b0a1c3f-20' } },
      }),
      outcome: { kind: 'accepted', providerMessageId: '6b0a1c3f-20' },
      source: CODES,
    },
    rejected: {
      reply: refusal(400, 40034101, '机器人不在群中'),
      outcome: { kind: 'rejected', reason: 'recipient_opted_out', effect: { type: 'suppress-contact' } },
      source: CODES,
    },
    blocked: {
      reply: refusal(400, 304025, 'blocked'),
      outcome: { kind: 'rejected', reason: 'recipient_opted_out', effect: { type: 'suppress-contact' } },
      source: CODES,
    },
    notAllowed: {
      reply: refusal(400, 40034102, '主动消息失败, 无权限'),
      outcome: { kind: 'rejected', reason: 'recipient_opted_out', effect: undefined },
      source: CODES,
    },
    urlRefused: {
      reply: refusal(400, 304003, 'url not allowed'),
      outcome: { kind: 'rejected', reason: 'content_refused', code: '304003' },
      source: CODES,
    },
    tokenExpired: {
      reply: refusal(401, 11244, 'token not exist or expire'),
      outcome: { kind: 'token-expired', code: '11244' },
      source: CODES,
    },
    retry: {
      reply: refusal(500, 11252, 'check app privilege failed'),
      outcome: { kind: 'retry', reason: 'provider_error', scope: 'message' },
      source: CODES,
    },
    throttled: {
      reply: refusal(429, 22009, 'msg limit exceed'),
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 60_000 },
      source: CODES,
    },
    unavailable: {
      reply: refusal(403, 11265, 'bot banned'),
      outcome: { kind: 'unavailable', reason: 'account_suspended', code: '11265' },
      source: CODES,
    },
    unknown: {
      reply: { status: 504, headers: {}, body: '<html>Gateway Timeout</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

/** By which the events of the audit name the message. */
function auditOf(body: Record<string, unknown> | null): string | null {
  const data = body?.data as { message_audit?: { audit_id?: unknown } | null } | null | undefined;
  return idOf(data?.message_audit?.audit_id) ?? null;
}

function refusal(status: number, code: number, message: string): HttpResponse {
  return json(status, { message, code, err_code: code, trace_id: '6d9f0f6c4e7b2f8c5d1f1f2a3b4c5d6e' });
}
