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

const TEMPLATE =
  'https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Template_Message_Interface.html';
const SUBSCRIBE = 'https://developers.weixin.qq.com/doc/offiaccount/Subscription_Messages/api.html';
const CODES = 'https://developers.weixin.qq.com/doc/offiaccount/Getting_Started/Global_Return_Code.html';

const PATHS: Record<string, string> = {
  template: '/cgi-bin/message/template/send',
  subscribe: '/cgi-bin/message/subscribe/bizsend',
};

/** Template and subscribe messages of a certified service account. Addresses are openids, which each account has its own of. */
export default defineHttpProvider({
  id: 'wechat',
  channel: 'chat',
  name: 'WeChat service account',
  docs: TEMPLATE,
  transport: 'http',
  baseUrl: 'https://api.weixin.qq.com',
  reaches: 'contact',
  contactKind: 'wechat',
  fields: {
    ...ACCOUNT_FIELDS,
    product: {
      label: 'Product',
      type: 'text',
      default: 'template',
      pattern: { regex: 'template|subscribe', hint: 'template or subscribe' },
      help: 'template: template messages to followers. subscribe: messages of templates to which users subscribed.',
    },
  },
  limits: { connectTimeoutMs: 5_000, deadlineMs: 20_000, maxInFlight: 50 },
  // WeChat knows a template message again by our id for ten minutes, less than an unknown one may wait to be repeated;
  // subscribe messages it does not know again at all.
  supports: { dedupeKey: false, replaces: false, receipts: true },

  testConfig: () => ({ ...makeTestAccount(), product: 'template' }),
  token: ACCOUNT_TOKEN,
  tokenExample: TOKEN_EXAMPLE,
  refuse: (message) => refuseWithoutTemplate(message, 'wechat'),

  request(message, config, { baseUrl, token = new Secret(''), deliveryId }) {
    const { product, ...extra } = message.content.passthrough?.wechat ?? {};
    const chosen = typeof product === 'string' && Object.hasOwn(PATHS, product) ? product : config.product;
    const body = chosen === 'template' ? buildTemplate(message, deliveryId) : buildSubscribe(message);
    return {
      method: 'POST',
      url: withQuery(baseUrl + PATHS[chosen], { access_token: token }),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(mergePassthrough(body, extra)),
    };
  },
  classify: classifyAnswer,
  receipts: ACCOUNT_RECEIPTS,

  examples: {
    accepted: {
      reply: answer(0, 'ok', { msgid: 200228332 }),
      outcome: { kind: 'accepted', providerMessageId: '200228332' },
      source: TEMPLATE,
    },
    rejected: {
      reply: answer(43004, 'require subscribe hint: [Rq0aUa0393vr31]'),
      outcome: { kind: 'rejected', reason: 'recipient_opted_out', effect: { type: 'suppress-contact' } },
      source: CODES,
    },
    otherAccount: {
      reply: answer(40003, 'invalid openid'),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', effect: undefined },
      source: CODES,
    },
    notSubscribed: {
      reply: answer(43101, 'user refuse to accept the msg'),
      outcome: { kind: 'rejected', reason: 'recipient_opted_out', effect: undefined },
      source: SUBSCRIBE,
    },
    valueInvalid: {
      reply: answer(47003, 'argument invalid! data.thing1.value invalid'),
      outcome: { kind: 'rejected', reason: 'content_invalid', code: '47003' },
      source: CODES,
    },
    templateInvalid: {
      reply: answer(40037, 'invalid template_id'),
      outcome: { kind: 'rejected', reason: 'content_invalid', code: '40037' },
      source: CODES,
    },
    tokenExpired: {
      reply: answer(42001, 'access_token expired'),
      outcome: { kind: 'token-expired', code: '42001' },
      source: CODES,
    },
    retry: {
      reply: answer(-1, 'system error'),
      outcome: { kind: 'retry', reason: 'provider_error', scope: 'message' },
      source: CODES,
    },
    throttled: {
      reply: answer(45011, 'api minute-quota reach limit, must slower, retry next minute'),
      outcome: { kind: 'retry', reason: 'rate_limited', scope: 'connection', afterMs: 60_000 },
      source: CODES,
    },
    unavailable: {
      reply: answer(48001, 'api unauthorized'),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured', code: '48001' },
      source: CODES,
    },
    addressNotAllowed: {
      reply: answer(40164, 'invalid ip 192.0.2.7, not in whitelist'),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured', code: '40164' },
      source: CODES,
    },
    dailyQuota: {
      reply: answer(45009, 'reach max api daily quota limit'),
      outcome: { kind: 'unavailable', reason: 'quota_exhausted' },
      source: CODES,
    },
    unknown: {
      reply: { status: 502, headers: {}, body: '<html>Bad Gateway</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

function buildTemplate({ recipient, content }: Message, deliveryId: string): Record<string, unknown> {
  const template = content.vendorTemplates?.wechat;
  return {
    touser: recipient.address,
    template_id: template?.id ?? '',
    url: content.url,
    client_msg_id: deliveryId.replaceAll('-', ''),
    data: buildData(template?.parameters ?? {}),
  };
}

function buildSubscribe({ recipient, content }: Message): Record<string, unknown> {
  const template = content.vendorTemplates?.wechat;
  return {
    touser: recipient.address,
    template_id: template?.id ?? '',
    page: content.url,
    lang: template?.language,
    data: buildData(template?.parameters ?? {}),
  };
}
