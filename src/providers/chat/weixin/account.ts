import { randomBytes } from 'node:crypto';
import { Secret } from '../../../lib/secret.ts';
import {
  accepted,
  type Fields,
  type HttpRequest,
  type HttpResponse,
  type InboundMessage,
  type Message,
  type Outcome,
  type Receipt,
  type ReceiptRequest,
  rejected,
  type Token,
} from '../../contract.ts';
import { idOf } from '../../wire/exact-json.ts';
import { AES_KEY_PATTERN } from '../../wire/wechat-crypt.ts';
import { readAnswer, readToken } from './answer.ts';
import { answerTrial, type CallbackKeys, isAuthentic, readPost } from './callback.ts';
import { TOKEN_CODES, WECHAT_CODES } from './errors.ts';
import { readMessages, readReceipts } from './events.ts';
import { findMisfit } from './values.ts';

// What accounts and mini programs of WeChat have in common.

export const ACCOUNT_FIELDS = {
  appId: {
    label: 'App ID',
    type: 'text',
    required: true,
    pattern: { regex: 'wx[0-9A-Za-z]{16}', hint: 'wx and 16 letters and digits' },
  },
  appSecret: {
    label: 'App secret',
    type: 'secret',
    required: true,
    help: 'The address from which this installation calls must be on the list of allowed ones.',
  },
  callbackToken: {
    label: 'Token of the callback',
    type: 'secret',
    help: 'As entered at WeChat, with the address for receipts. Without it no receipt is believed.',
  },
  encodingAesKey: {
    label: 'EncodingAESKey of the callback',
    type: 'secret',
    pattern: AES_KEY_PATTERN,
    help: 'For secure mode, which is recommended: plain posts are refused then.',
  },
} as const satisfies Fields;

export interface AccountConfig {
  appId: string;
  appSecret: Secret;
  callbackToken?: Secret;
  encodingAesKey?: Secret;
}

export function makeTestAccount(): Required<AccountConfig> {
  return {
    appId: `wx${randomBytes(8).toString('hex')}`,
    appSecret: new Secret(randomBytes(16).toString('hex')),
    callbackToken: new Secret(randomBytes(12).toString('hex')),
    encodingAesKey: new Secret(`${randomBytes(21).toString('hex')}A`),
  };
}

/** https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/getStableAccessToken.html */
export const ACCOUNT_TOKEN = {
  request({ appId, appSecret }: AccountConfig, { baseUrl }: { baseUrl: string }): HttpRequest {
    // Not by force, which would end the token that others hold: whoever asks is given the same one while it is good.
    const body = { grant_type: 'client_credential', appid: appId, secret: appSecret.reveal() };
    return {
      method: 'POST',
      url: `${baseUrl}/cgi-bin/stable_token`,
      headers: { 'content-type': 'application/json' },
      body: new Secret(JSON.stringify(body)),
    };
  },
  parse: (response: HttpResponse, { now }: { now: number }): { token: Token } | { outcome: Outcome } =>
    readToken(response, TOKEN_CODES, now),
};

/** These services deliver nothing but templates that they approved. */
export function refuseWithoutTemplate({ content }: Message, providerId: string): Outcome | null {
  const template = content.vendorTemplates?.[providerId];
  if (!template) return rejected('content_invalid', { code: `vendorTemplates.${providerId} is missing` });
  const misfit = findMisfit(template.parameters);
  return misfit === undefined
    ? null
    : rejected('content_too_large', { code: `${misfit} does not fit its kind` });
}

export function classifyAnswer(response: HttpResponse, { now }: { now: number }): Outcome {
  const read = readAnswer(response, WECHAT_CODES, now);
  return 'outcome' in read ? read.outcome : accepted(idOf(read.answer.msgid) ?? null);
}

const SUCCESS = { contentType: 'text/plain', body: 'success' };

/** Told by WeChat's own number: a message carries nothing of ours back. */
export const ACCOUNT_RECEIPTS = {
  byVendorId: true,
  verify: (request: ReceiptRequest, config: AccountConfig, { now }: { now: number }): boolean =>
    isAuthentic(request, keysOf(config), now),
  handshake: (request: ReceiptRequest, config: AccountConfig, { verified }: { verified: boolean }) =>
    answerTrial(request, keysOf(config), verified),
  parse: (request: ReceiptRequest, config: AccountConfig): Receipt[] =>
    readReceipts(readPost(request, keysOf(config))),
  // Anything else within five seconds, and it comes again.
  reply: SUCCESS,
  inbound: {
    parse: (request: ReceiptRequest, config: AccountConfig): InboundMessage[] =>
      readMessages(readPost(request, keysOf(config))),
    reply: SUCCESS,
  },
};

function keysOf({ appId, callbackToken, encodingAesKey }: AccountConfig): CallbackKeys {
  return { token: callbackToken, encodingAesKey, receiveId: appId };
}
