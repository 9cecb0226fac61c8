import { randomBytes } from 'node:crypto';
import { uuidv7Time } from '../../lib/ids.ts';
import { Secret } from '../../lib/secret.ts';
import { accepted, defineHttpProvider, rejected } from '../contract.ts';
import { idOf } from '../wire/exact-json.ts';
import { json } from '../wire/json.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import { APP_CODES } from './dingtalk/codes.ts';
import { type DingTalkMessage, lookOf } from './dingtalk/message.ts';
import { readAnswer, readToken, withQuery } from './weixin/answer.ts';

const REFERENCE =
  'https://open.dingtalk.com/document/orgapp/asynchronous-sending-of-enterprise-session-messages';
const MAX_TEXT = 5_000;
const USER_ID = /^[^\s,|]{1,128}$/;

/**
 * Work notices of an app to people of an organisation. DingTalk takes a message and sends it later: what it drops then
 * (too many for one person, the same words twice on one day) it does not tell.
 */
export default defineHttpProvider({
  id: 'dingtalk',
  channel: 'chat',
  name: 'DingTalk work notices',
  docs: REFERENCE,
  transport: 'http',
  baseUrl: 'https://oapi.dingtalk.com',
  reaches: 'contact',
  contactKind: 'dingtalk',
  fields: {
    appKey: { label: 'App key', type: 'text', required: true },
    appSecret: { label: 'App secret', type: 'secret', required: true },
    agentId: {
      label: 'Agent id',
      type: 'text',
      required: true,
      pattern: { regex: '\\d{1,20}', hint: 'digits' },
    },
    openLabel: { label: 'Words on the button that opens the address', type: 'text', default: '查看详情' },
    showTime: {
      label: 'Show the time',
      type: 'boolean',
      default: true,
      help: 'At the end of each text. Without it, DingTalk silently drops the same words to the same person on one day.',
    },
  },
  // 40 a second for one organisation and API, over all its apps.
  limits: { ratePerSecond: 40, connectTimeoutMs: 5_000, deadlineMs: 15_000, maxInFlight: 20 },
  supports: { dedupeKey: false, replaces: false, receipts: false },

  testConfig: () => ({
    appKey: 'dingexampleappkey000',
    appSecret: new Secret(randomBytes(32).toString('hex')),
    agentId: '1234567890',
    openLabel: '查看详情',
    showTime: true,
  }),

  token: {
    request: ({ appKey, appSecret }, { baseUrl }) => ({
      method: 'GET',
      url: withQuery(`${baseUrl}/gettoken`, { appkey: appKey, appsecret: appSecret }),
      headers: {},
      body: '',
    }),
    parse: (response, { now }) => readToken(response, APP_CODES, now),
  },
  tokenExample: json(200, { errcode: 0, errmsg: 'ok', access_token: '96fc7a7axxxexample', expires_in: 7200 }),

  refuse: ({ recipient }) => (USER_ID.test(recipient.address) ? null : rejected('recipient_invalid')),

  request({ recipient, content }, { agentId, openLabel, showTime }, { baseUrl, deliveryId, token }) {
    const ending = showTime ? `\n${timeIn(deliveryId)}` : '';
    const body = {
      agent_id: agentId,
      userid_list: recipient.address,
      msg: messageOf(lookOf(content, { maxText: MAX_TEXT, openLabel, ending })),
    };
    return {
      method: 'POST',
      url: withQuery(`${baseUrl}/topapi/message/corpconversation/asyncsend_v2`, {
        ...(token && { access_token: token }),
      }),
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify(mergePassthrough(body, content.passthrough?.dingtalk)),
    };
  },

  classify(response, { now }) {
    const read = readAnswer(response, APP_CODES, now);
    return 'answer' in read ? accepted(idOf(read.answer.task_id) ?? null) : read.outcome;
  },

  examples: {
    accepted: {
      reply: json(200, { errcode: 0, errmsg: 'ok', task_id: 256271667526, request_id: '4jzllmte0wau' }),
      outcome: { kind: 'accepted', providerMessageId: '256271667526' },
      source: REFERENCE,
    },
    rejected: {
      reply: json(200, { errcode: 33012, errmsg: 'invalid USERID' }),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', code: '33012' },
    },
    tooLong: {
      reply: json(200, { errcode: 34016, errmsg: 'title too long' }),
      outcome: { kind: 'rejected', reason: 'content_too_large', code: '34016' },
    },
    tokenExpired: {
      reply: json(200, { errcode: 88, errmsg: 'ding talk error[subcode=40014,submsg=不合法的access_token]' }),
      outcome: { kind: 'token-expired', code: '88' },
    },
    retry: {
      reply: json(200, { errcode: 90018, errmsg: 'too many requests' }),
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 1_000, scope: 'connection', code: '90018' },
    },
    busy: {
      reply: json(200, { errcode: -1, errmsg: 'system busy' }),
      outcome: { kind: 'retry', reason: 'provider_error', code: '-1' },
    },
    unavailable: {
      reply: json(200, { errcode: 90020, errmsg: 'monthly quota' }),
      outcome: { kind: 'unavailable', reason: 'quota_exhausted', afterMs: 3_600_000, code: '90020' },
    },
    unknown: {
      reply: { status: 502, headers: {}, body: '<html>Bad Gateway</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

function messageOf(shown: DingTalkMessage): Record<string, unknown> {
  if (shown.kind === 'text') return { msgtype: 'text', text: { content: shown.text } };
  const { title, markdown, buttons } = shown;
  if (buttons.length === 0) return { msgtype: 'markdown', markdown: { title, text: markdown } };
  const [first] = buttons;
  const where =
    buttons.length === 1
      ? { single_title: first!.title, single_url: first!.url }
      : {
          btn_orientation: '0',
          btn_json_list: buttons.map(({ title, url }) => ({ title, action_url: url })),
        };
  return { msgtype: 'action_card', action_card: { title, markdown, ...where } };
}

/** When the delivery was made, in China: equal for all its attempts, so that of two the second is dropped. */
function timeIn(deliveryId: string): string {
  const at = new Date(uuidv7Time(deliveryId) + 8 * 3_600_000).toISOString();
  return at.slice(0, 19).replace('T', ' ');
}
