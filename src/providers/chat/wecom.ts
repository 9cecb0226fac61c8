import { randomBytes } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import {
  accepted,
  defineHttpProvider,
  type Message,
  type Outcome,
  type RequestContext,
  rejected,
} from '../contract.ts';
import { idOf } from '../wire/exact-json.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import { AES_KEY_PATTERN } from '../wire/wechat-crypt.ts';
import { APP_CODES } from './wecom/errors.ts';
import { buildContent } from './wecom/message.ts';
import { readAnswer, readToken, withQuery } from './weixin/answer.ts';
import { answerTrial, type CallbackKeys, isAuthentic, readPost } from './weixin/callback.ts';
import { readMessages } from './weixin/events.ts';
import { answer } from './weixin/examples.ts';

const REFERENCE = 'https://developer.work.weixin.qq.com/document/path/90236';
const CODES = 'https://developer.work.weixin.qq.com/document/path/90313';

/** https://developer.work.weixin.qq.com/document/path/90195. Not `@all`, nor several with `|`: one message, one person. */
const USER_ID = /^[A-Za-z0-9][\w@.-]{0,63}$/;

/** Messages of an app to members of the corporation. Addresses are user ids. */
export default defineHttpProvider({
  id: 'wecom',
  channel: 'chat',
  name: 'WeCom app',
  docs: REFERENCE,
  transport: 'http',
  baseUrl: 'https://qyapi.weixin.qq.com',
  reaches: 'contact',
  contactKind: 'wecom',
  fields: {
    corpId: {
      label: 'Corporation ID',
      type: 'text',
      required: true,
      pattern: { regex: 'w[wx][0-9A-Za-z]{16}', hint: 'ww or wx and 16 letters and digits' },
    },
    agentId: { label: 'Agent ID', type: 'number', required: true },
    secret: {
      label: 'Secret of the app',
      type: 'secret',
      required: true,
      help: 'The address from which this installation calls must be one that the app trusts.',
    },
    callbackToken: {
      label: 'Token of the callback',
      type: 'secret',
      help: 'Of the API to receive messages, with the address for receipts. Without it nothing is believed.',
    },
    encodingAesKey: {
      label: 'EncodingAESKey of the callback',
      type: 'secret',
      pattern: AES_KEY_PATTERN,
      help: 'Of the API to receive messages.',
    },
  },
  // 10 000 calls a minute; what is too much for one member (30 a minute) is dropped without a word.
  limits: { ratePerSecond: 160, connectTimeoutMs: 5_000, deadlineMs: 20_000, maxInFlight: 50 },
  // The vendor's check for duplicates compares contents, and would swallow a second message that says the same.
  supports: { dedupeKey: false, replaces: false, receipts: true },

  testConfig: () => ({
    corpId: `ww${randomBytes(8).toString('hex')}`,
    agentId: 1_000_002,
    secret: new Secret(randomBytes(32).toString('base64url')),
    callbackToken: new Secret(randomBytes(12).toString('hex')),
    encodingAesKey: new Secret(`${randomBytes(21).toString('hex')}A`),
  }),

  token: {
    request: ({ corpId, secret }, { baseUrl }) => ({
      method: 'GET',
      url: withQuery(`${baseUrl}/cgi-bin/gettoken`, { corpid: corpId, corpsecret: secret }),
      headers: { accept: 'application/json' },
      body: '',
    }),
    parse: (response, { now }) => readToken(response, APP_CODES, now),
  },
  tokenExample: answer(0, 'ok', { access_token: 'accesstoken000001-example', expires_in: 7200 }),

  refuse: ({ recipient }) =>
    USER_ID.test(recipient.address) ? null : rejected('recipient_invalid', { code: 'no_user_id' }),

  request: (message, config, context) => ({
    method: 'POST',
    url: withQuery(`${context.baseUrl}/cgi-bin/message/send`, tokenOf(context)),
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(buildBody(message, config.agentId)),
  }),

  classify(response, { now }) {
    const read = readAnswer(response, APP_CODES, now);
    return 'outcome' in read ? read.outcome : judgeAccepted(read.answer);
  },

  receipts: {
    verify: (request, config, { now }) => isAuthentic(request, keysOf(config), now),
    handshake: (request, config, { verified }) => answerTrial(request, keysOf(config), verified),
    // Nobody says whether a message arrived.
    parse: () => [],
    reply: { contentType: 'text/plain', body: '' },
    inbound: {
      parse: (request, config) => readMessages(readPost(request, keysOf(config))),
      reply: { contentType: 'text/plain', body: '' },
    },
  },

  examples: {
    accepted: {
      reply: answer(0, 'ok', { invaliduser: '', msgid: 'hR9CiaMdmZ8xYSvvTNKPQKw5dlYAAAIBA1' }),
      outcome: { kind: 'accepted', providerMessageId: 'hR9CiaMdmZ8xYSvvTNKPQKw5dlYAAAIBA1' },
      source: REFERENCE,
    },
    rejected: {
      reply: answer(60111, 'userid not found'),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', effect: { type: 'suppress-contact' } },
      source: CODES,
    },
    allInvalid: {
      reply: answer(81013, 'user & party & tag all invalid'),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', effect: undefined },
      source: CODES,
    },
    invalidWithOk: {
      reply: answer(0, 'ok', { invaliduser: 'zhangsan', msgid: 'xxxx' }),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', code: 'invaliduser', effect: undefined },
      source: REFERENCE,
    },
    unlicensed: {
      reply: answer(0, 'ok', { unlicenseduser: 'zhangsan', msgid: 'xxxx' }),
      outcome: { kind: 'rejected', reason: 'recipient_unreachable', code: 'unlicenseduser' },
      source: REFERENCE,
    },
    tokenExpired: {
      reply: answer(42001, 'access_token expired'),
      outcome: { kind: 'token-expired', code: '42001' },
      source: CODES,
    },
    retry: {
      reply: answer(-1, 'system busy'),
      outcome: { kind: 'retry', reason: 'provider_error', scope: 'message' },
      source: CODES,
    },
    throttled: {
      reply: answer(45009, 'api freq out of limit'),
      outcome: { kind: 'retry', reason: 'rate_limited', scope: 'connection', afterMs: 60_000 },
      source: CODES,
    },
    unavailable: {
      reply: answer(60020, 'not allow to access from your ip'),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured', code: '60020' },
      source: CODES,
    },
    unknown: {
      reply: { status: 502, headers: {}, body: '<html>Bad Gateway</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

function tokenOf({ token = new Secret('') }: RequestContext): { access_token: Secret } {
  return { access_token: token };
}

function buildBody({ recipient, content }: Message, agentId: number): Record<string, unknown> {
  const body = { ...buildContent(content, 'app'), agentid: agentId };
  // Whoever else is named by passthrough, the answer is about this user.
  return { ...mergePassthrough(body, content.passthrough?.wecom), touser: recipient.address };
}

/** Taken, but not for the one it was for: most often a member who does not see the app, which may change. */
function judgeAccepted(reply: Record<string, unknown>): Outcome {
  if (isNamed(reply.invaliduser)) return rejected('recipient_invalid', { code: 'invaliduser' });
  if (isNamed(reply.unlicenseduser)) return rejected('recipient_unreachable', { code: 'unlicenseduser' });
  return accepted(idOf(reply.msgid) ?? null);
}

function isNamed(users: unknown): boolean {
  return typeof users === 'string' && users !== '';
}

function keysOf({
  corpId,
  callbackToken,
  encodingAesKey,
}: {
  corpId: string;
  callbackToken?: Secret;
  encodingAesKey?: Secret;
}): CallbackKeys {
  return { token: callbackToken, encodingAesKey, receiveId: corpId };
}
