import { Secret } from '../../lib/secret.ts';
import { defineHttpProvider, type Message } from '../contract.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import {
  ACCOUNT_FIELDS,
  ACCOUNT_RECEIPTS,
  ACCOUNT_TOKEN,
  classifyAnswer,
  makeTestAccount,
  refuseWithoutTemplate,
} from './weixin/account.ts';
import { withQuery } from './weixin/answer.ts';
import { answer, TOKEN_EXAMPLE } from './weixin/examples.ts';
import { buildData } from './weixin/values.ts';

const REFERENCE =
  'https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/sendMessage.html';

/** Subscribe messages of a mini program. Addresses are openids, which each mini program has its own of. */
export default defineHttpProvider({
  id: 'wechat-mini',
  channel: 'chat',
  name: 'WeChat mini program',
  docs: REFERENCE,
  transport: 'http',
  baseUrl: 'https://api.weixin.qq.com',
  reaches: 'contact',
  contactKind: 'wechat-mini',
  fields: {
    ...ACCOUNT_FIELDS,
    miniprogramState: {
      label: 'Version of the mini program',
      type: 'text',
      default: 'formal',
      pattern: { regex: 'developer|trial|formal', hint: 'developer, trial or formal' },
      help: 'Which one a tap opens.',
    },
    language: {
      label: 'Language',
      type: 'text',
      default: 'zh_CN',
      pattern: { regex: 'zh_CN|en_US|zh_HK|zh_TW', hint: 'zh_CN, en_US, zh_HK or zh_TW' },
      help: 'Of what the mini program shows, where the template of a message names none.',
    },
  },
  limits: { connectTimeoutMs: 5_000, deadlineMs: 20_000, maxInFlight: 50 },
  supports: { dedupeKey: false, replaces: false, receipts: true },

  testConfig: () => ({ ...makeTestAccount(), miniprogramState: 'formal', language: 'zh_CN' }),
  token: ACCOUNT_TOKEN,
  tokenExample: TOKEN_EXAMPLE,
  refuse: (message) => refuseWithoutTemplate(message, 'wechat-mini'),

  request(message, config, { baseUrl, token = new Secret('') }) {
    const body = mergePassthrough(
      buildMessage(message, config),
      message.content.passthrough?.['wechat-mini'],
    );
    return {
      method: 'POST',
      url: withQuery(`${baseUrl}/cgi-bin/message/subscribe/send`, { access_token: token }),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    };
  },
  classify: classifyAnswer,
  receipts: ACCOUNT_RECEIPTS,

  examples: {
    accepted: {
      reply: answer(0, 'ok', { msgid: '1864323726461255680' }),
      outcome: { kind: 'accepted', providerMessageId: '1864323726461255680' },
      source: REFERENCE,
    },
    acceptedWithoutId: {
      reply: answer(0, 'ok'),
      outcome: { kind: 'accepted', providerMessageId: null },
      source: REFERENCE,
    },
    // Nothing more may be sent of this template; others still may.
    rejected: {
      reply: answer(43101, 'user refuse to accept the msg rid: 5f0ecad1-0a1b2c3d-4e5f6071'),
      outcome: { kind: 'rejected', reason: 'recipient_opted_out', code: '43101', effect: undefined },
      source: REFERENCE,
    },
    openidInvalid: {
      reply: answer(40003, 'invalid openid'),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', effect: undefined },
      source: REFERENCE,
    },
    valueInvalid: {
      reply: answer(47003, 'argument invalid! data.thing1.value invalid'),
      outcome: { kind: 'rejected', reason: 'content_invalid', code: '47003' },
      source: REFERENCE,
    },
    pageInvalid: {
      reply: answer(41030, 'invalid page'),
      outcome: { kind: 'rejected', reason: 'content_invalid', code: '41030' },
      source: REFERENCE,
    },
    tokenExpired: {
      reply: answer(40001, 'invalid credential, access_token is invalid or not latest'),
      outcome: { kind: 'token-expired', code: '40001' },
    },
    retry: {
      reply: answer(-1, 'system error'),
      outcome: { kind: 'retry', reason: 'provider_error', scope: 'message' },
    },
    concurrent: {
      reply: answer(43108, 'concurrent send'),
      outcome: { kind: 'retry', reason: 'recipient_rate_limited' },
    },
    unavailable: {
      reply: answer(43107, 'subscribe message capability banned'),
      outcome: { kind: 'unavailable', reason: 'account_suspended', code: '43107' },
    },
    unknown: {
      reply: { status: 504, headers: {}, body: '<html>Gateway Timeout</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

function buildMessage(
  { recipient, content }: Message,
  { miniprogramState, language }: { miniprogramState: string; language: string },
): Record<string, unknown> {
  const template = content.vendorTemplates?.['wechat-mini'];
  return {
    touser: recipient.address,
    template_id: template?.id ?? '',
    page: pageOf(content.url),
    data: buildData(template?.parameters ?? {}),
    miniprogram_state: miniprogramState,
    lang: template?.language ?? language,
  };
}

/** A tap opens a page of the mini program, and nothing else: an address of the web is none. */
function pageOf(url: string | undefined): string | undefined {
  return url === undefined || /^[a-z][a-z0-9+.-]*:/i.test(url) ? undefined : url.replace(/^\/+/, '');
}
