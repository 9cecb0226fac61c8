import { createHmac, randomBytes } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import {
  accepted,
  defineHttpProvider,
  type HttpResponse,
  type Outcome,
  rejected,
  retry,
  unavailable,
} from '../contract.ts';
import { parseExactObject } from '../wire/exact-json.ts';
import { json } from '../wire/json.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import { ROBOT_CODES } from './dingtalk/codes.ts';
import { type DingTalkMessage, lookOf } from './dingtalk/message.ts';
import { readAnswer, withQuery } from './weixin/answer.ts';

const REFERENCE = 'https://open.dingtalk.com/document/orgapp/custom-robots-send-group-messages';
const MINUTE_MS = 60_000;

/** A robot that writes into one DingTalk group. DingTalk tells no id of what it wrote, and reports nothing later. */
export default defineHttpProvider({
  id: 'dingtalk-robot',
  channel: 'chat',
  name: 'DingTalk group robot',
  docs: REFERENCE,
  transport: 'http',
  baseUrl: 'https://oapi.dingtalk.com',
  reaches: 'connection',
  fields: {
    accessToken: {
      label: 'Access token',
      type: 'secret',
      required: true,
      pattern: {
        regex: '[A-Za-z0-9_-]{8,512}',
        hint: 'what follows access_token= in the address of the robot',
      },
    },
    secret: {
      label: 'Signing secret',
      type: 'secret',
      help: 'Begins with SEC. Only for robots whose security setting is the signature.',
    },
    keyword: {
      label: 'Keyword',
      type: 'text',
      help: 'For robots whose security setting is a keyword: it is added to texts that do not hold it.',
    },
    openLabel: { label: 'Words on the button that opens the address', type: 'text', default: '查看详情' },
  },
  // 20 a minute, or the robot is mute for ten.
  limits: {
    ratePerSecond: 0.33,
    payloadBytes: 20_000,
    connectTimeoutMs: 5_000,
    deadlineMs: 15_000,
    maxInFlight: 2,
  },
  supports: { dedupeKey: false, replaces: false, receipts: false },

  testConfig: () => ({
    accessToken: new Secret(randomBytes(32).toString('hex')),
    secret: new Secret(`SEC${randomBytes(32).toString('hex')}`),
    openLabel: '查看详情',
  }),

  request({ content }, { accessToken, secret, keyword, openLabel }, { baseUrl, now }) {
    const shown = lookOf(content, { maxText: 5_000, openLabel, ending: '' });
    const body = bodyOf(shown, keyword);
    return {
      method: 'POST',
      url: withQuery(`${baseUrl}/robot/send`, {
        access_token: accessToken,
        ...(secret && { timestamp: `${now}`, sign: sign(secret, now) }),
      }),
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify(mergePassthrough(body, content.passthrough?.['dingtalk-robot'])),
    };
  },

  classify(response, { now }) {
    const blocked = readBlock(response);
    if (blocked) return blocked;
    const read = readAnswer(response, ROBOT_CODES, now);
    if ('answer' in read) return accepted(null);
    const { outcome } = read;
    return 'code' in outcome && outcome.code === '310000' ? judgeSecurity(response) : outcome;
  },

  examples: {
    accepted: {
      reply: json(200, { errcode: 0, errmsg: 'ok' }),
      outcome: { kind: 'accepted', providerMessageId: null },
      source: REFERENCE,
    },
    rejected: {
      reply: json(200, { errcode: 430104, errmsg: 'bad content' }),
      outcome: { kind: 'rejected', reason: 'content_refused', code: '430104' },
    },
    noKeyword: {
      reply: json(200, {
        errcode: 310000,
        errmsg: 'keywords not in content, more: [https://ding-doc.dingtalk.com]',
      }),
      outcome: { kind: 'rejected', reason: 'content_refused', code: '310000' },
      source: REFERENCE,
    },
    retry: {
      reply: json(200, { errcode: 130101, errmsg: 'send too fast' }),
      outcome: {
        kind: 'retry',
        reason: 'rate_limited',
        afterMs: 600_000,
        scope: 'connection',
        code: '130101',
      },
    },
    late: {
      reply: json(200, { errcode: 310000, errmsg: 'invalid timestamp' }),
      outcome: { kind: 'retry', reason: 'request_invalid', code: '310000' },
    },
    blocked: {
      reply: json(200, { status: 1111, wait: 5, punish: 'deny' }),
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 300_000, scope: 'connection', code: '1111' },
    },
    unavailable: {
      reply: json(200, { errcode: 300001, errmsg: 'token is not exist' }),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: '300001' },
    },
    wrongSign: {
      reply: json(200, { errcode: 310000, errmsg: 'sign not match' }),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: '310000' },
    },
    notOnTheList: {
      reply: json(200, { errcode: 310000, errmsg: 'ip 1.2.3.4 not in whitelist' }),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured', code: '310000' },
    },
    unknown: {
      reply: { status: 502, headers: {}, body: '<html>Bad Gateway</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

function bodyOf(shown: DingTalkMessage, keyword: string | undefined): Record<string, unknown> {
  const withKeyword = (text: string) => (keyword && !text.includes(keyword) ? `${text}\n${keyword}` : text);
  if (shown.kind === 'text') return { msgtype: 'text', text: { content: withKeyword(shown.text) } };
  const { title, markdown, buttons } = shown;
  const text = withKeyword(markdown);
  if (buttons.length === 0) return { msgtype: 'markdown', markdown: { title, text } };
  const [first] = buttons;
  const where =
    buttons.length === 1
      ? { singleTitle: first!.title, singleURL: first!.url }
      : { btnOrientation: '0', btns: buttons.map(({ title, url }) => ({ title, actionURL: url })) };
  return { msgtype: 'actionCard', actionCard: { title, text, ...where } };
}

/** HMAC-SHA256 in base64 with the secret as the key, which is also signed. The time is milliseconds. */
export function sign(secret: Secret, timestamp: number): string {
  return createHmac('sha256', secret.reveal()).update(`${timestamp}\n${secret.reveal()}`).digest('base64');
}

/** The security settings share a code; only the words tell which of them it was. */
function judgeSecurity({ body }: HttpResponse): Outcome {
  const errmsg = parseExactObject(body)?.errmsg;
  const said = typeof errmsg === 'string' ? errmsg : '';
  const code = '310000';
  if (said.includes('keywords')) return rejected('content_refused', { code });
  // It is signed anew the next time.
  if (said.includes('timestamp')) return retry('request_invalid', { code });
  if (said.includes('whitelist')) return unavailable('account_misconfigured', { code });
  return unavailable('credentials_invalid', { code });
}

/** What stands before the API has blocked our address for five minutes. */
function readBlock({ body }: HttpResponse): Outcome | null {
  if (parseExactObject(body)?.status !== 1111) return null;
  return retry('rate_limited', { afterMs: 5 * MINUTE_MS, scope: 'connection', code: '1111' });
}
