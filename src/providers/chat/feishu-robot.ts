import { createHmac, randomBytes } from 'node:crypto';
import { buildUrl, Secret } from '../../lib/secret.ts';
import { accepted, defineHttpProvider } from '../contract.ts';
import { json } from '../wire/json.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import { readAnswer } from './feishu/answer.ts';
import { ROBOT_CODES } from './feishu/codes.ts';
import { postOf } from './feishu/post.ts';

const REFERENCE = 'https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot';

/** A robot that writes into one group of Feishu (or Lark). It tells no id of what it wrote, and reports nothing later. */
export default defineHttpProvider({
  id: 'feishu-robot',
  channel: 'chat',
  name: 'Feishu group robot',
  docs: REFERENCE,
  transport: 'http',
  // Lark: https://open.larksuite.com
  baseUrl: 'https://open.feishu.cn',
  reaches: 'connection',
  fields: {
    hookToken: {
      label: 'Token of the webhook',
      type: 'secret',
      required: true,
      pattern: { regex: '[A-Za-z0-9-]{8,128}', hint: 'what follows /hook/ in the address of the robot' },
    },
    secret: { label: 'Signing secret', type: 'secret', help: 'For robots that check signatures.' },
    openLabel: { label: 'Words that open the address', type: 'text', default: '查看详情' },
  },
  // 100 a minute and 5 a second; the slower of both.
  limits: {
    ratePerSecond: 1.6,
    payloadBytes: 20_000,
    connectTimeoutMs: 5_000,
    deadlineMs: 15_000,
    maxInFlight: 5,
  },
  supports: { dedupeKey: false, replaces: false, receipts: false },

  testConfig: () => ({
    hookToken: new Secret(randomBytes(18).toString('hex')),
    secret: new Secret(randomBytes(16).toString('hex')),
    openLabel: '查看详情',
  }),

  request({ content }, { hookToken, secret, openLabel }, { baseUrl, now }) {
    const timestamp = Math.floor(now / 1000);
    const body = {
      ...(secret && { timestamp: `${timestamp}`, sign: sign(secret, timestamp) }),
      msg_type: 'post',
      content: { post: postOf(content, { maxText: 5_000, openLabel }) },
    };
    return {
      method: 'POST',
      url: buildUrl(baseUrl, 'open-apis', 'bot', 'v2', 'hook', hookToken),
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify(mergePassthrough(body, content.passthrough?.['feishu-robot'])),
    };
  },

  classify(response, { now }) {
    const read = readAnswer(response, ROBOT_CODES, now);
    return 'answer' in read ? accepted(null) : read.outcome;
  },

  examples: {
    accepted: {
      reply: json(200, { code: 0, msg: 'success', data: {}, StatusCode: 0, StatusMessage: 'success' }),
      outcome: { kind: 'accepted', providerMessageId: null },
      source: REFERENCE,
    },
    rejected: {
      reply: json(400, { code: 9499, msg: 'Bad Request', data: {} }),
      outcome: { kind: 'rejected', reason: 'request_invalid', code: '9499' },
      source: REFERENCE,
    },
    noKeyword: {
      reply: json(200, { code: 19024, msg: 'Key Words Not Found' }),
      outcome: { kind: 'rejected', reason: 'content_refused', code: '19024' },
      source: REFERENCE,
    },
    tooLarge: {
      reply: json(200, { code: 19036, msg: 'message too large' }),
      outcome: { kind: 'rejected', reason: 'content_too_large', code: '19036' },
    },
    retry: {
      reply: json(400, { code: 11232, msg: 'frequency limited psm[lark.oapi.app_platform_runtime]' }),
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 5_000, scope: 'connection', code: '11232' },
      source: REFERENCE,
    },
    unavailable: {
      reply: json(200, {
        code: 19021,
        msg: 'sign match fail or timestamp is not within one hour from current time',
      }),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: '19021' },
      source: REFERENCE,
    },
    notOnTheList: {
      reply: json(200, { code: 19022, msg: 'Ip Not Allowed' }),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured', code: '19022' },
      source: REFERENCE,
    },
    unknown: {
      reply: { status: 502, headers: {}, body: '<html>Bad Gateway</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

/** HMAC-SHA256 in base64 of nothing: time (seconds) and secret are the key, other than DingTalk has it. */
export function sign(secret: Secret, timestamp: number): string {
  return createHmac('sha256', `${timestamp}\n${secret.reveal()}`).update('').digest('base64');
}
