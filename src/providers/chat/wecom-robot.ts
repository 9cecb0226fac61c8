import { randomUUID } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import { accepted, defineHttpProvider } from '../contract.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import { ROBOT_CODES } from './wecom/errors.ts';
import { buildContent } from './wecom/message.ts';
import { readAnswer, withQuery } from './weixin/answer.ts';
import { answer } from './weixin/examples.ts';

const REFERENCE = 'https://developer.work.weixin.qq.com/document/path/91770';

/** A robot that speaks in one group of WeCom. Nothing is signed: who has the key may speak. */
export default defineHttpProvider({
  id: 'wecom-robot',
  channel: 'chat',
  name: 'WeCom group robot',
  docs: REFERENCE,
  transport: 'http',
  baseUrl: 'https://qyapi.weixin.qq.com',
  reaches: 'connection',
  fields: {
    key: {
      label: 'Key',
      type: 'secret',
      required: true,
      pattern: { regex: '[0-9A-Za-z-]{8,64}', hint: 'what follows key= in the address of the webhook' },
      help: 'What follows key= in the address of the webhook.',
    },
  },
  // Twenty messages a minute.
  limits: { ratePerSecond: 0.33, connectTimeoutMs: 5_000, deadlineMs: 20_000, maxInFlight: 2 },
  supports: { dedupeKey: false, replaces: false, receipts: false },

  testConfig: () => ({ key: new Secret(randomUUID()) }),

  request: ({ content }, { key }, { baseUrl }) => ({
    method: 'POST',
    url: withQuery(`${baseUrl}/cgi-bin/webhook/send`, { key }),
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(
      mergePassthrough(buildContent(content, 'robot'), content.passthrough?.['wecom-robot']),
    ),
  }),

  classify(response, { now }) {
    const read = readAnswer(response, ROBOT_CODES, now);
    return 'outcome' in read ? read.outcome : accepted(null);
  },

  examples: {
    accepted: {
      reply: answer(0, 'ok'),
      outcome: { kind: 'accepted', providerMessageId: null },
      source: REFERENCE,
    },
    rejected: {
      reply: answer(40058, 'markdown.content exceed max length 4096'),
      outcome: { kind: 'rejected', reason: 'request_invalid', code: '40058' },
      source: REFERENCE,
    },
    tooLong: {
      reply: answer(45002, 'content size out of limit'),
      outcome: { kind: 'rejected', reason: 'content_too_large' },
    },
    empty: {
      reply: answer(44004, 'empty content'),
      outcome: { kind: 'rejected', reason: 'content_invalid' },
    },
    retry: {
      reply: answer(45009, 'api freq out of limit'),
      outcome: { kind: 'retry', reason: 'rate_limited', scope: 'connection', afterMs: 60_000 },
      source: REFERENCE,
    },
    busy: {
      reply: answer(-1, 'system busy'),
      outcome: { kind: 'retry', reason: 'provider_error', scope: 'message' },
    },
    // The robot is gone, and with it the only target of this connection.
    unavailable: {
      reply: answer(93000, 'invalid webhook url, hint: [1637229465_0]'),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured', code: '93000' },
      source: REFERENCE,
    },
    unknown: {
      reply: { status: 502, headers: {}, body: '<html>Bad Gateway</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});
