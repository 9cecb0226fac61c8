import { randomBytes } from 'node:crypto';
import { Secret, secret } from '../../lib/secret.ts';
import { accepted, defineHttpProvider, parseObject } from '../contract.ts';
import { json } from '../wire/json.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import { withDetails } from '../wire/with-details.ts';
import { cardOf } from './card/card.ts';
import { buildMessage } from './slack/blocks.ts';
import { judgeAnswer } from './slack/errors.ts';
import { answerChallenge, isSigned, parseEvent } from './slack/events.ts';

const REFERENCE = 'https://docs.slack.dev/reference/methods/chat.postMessage';
const suppress = { effect: { type: 'suppress-contact' } } as const;

/** Slack's chat.postMessage. A contact's address is the id of a member (a direct message), or of a channel. */
export default defineHttpProvider({
  id: 'slack',
  channel: 'chat',
  name: 'Slack',
  docs: REFERENCE,
  transport: 'http',
  baseUrl: 'https://slack.com/api',
  reaches: 'contact',
  contactKind: 'slack',
  fields: {
    botToken: {
      label: 'Bot token',
      type: 'secret',
      required: true,
      pattern: { regex: 'xox[bep][.-]\\S{10,}', hint: 'a token that begins with xoxb-' },
      help: 'With the scope chat:write; chat:write.public for channels that nobody invited the bot to.',
    },
    signingSecret: {
      label: 'Signing secret',
      type: 'secret',
      help: 'Of the app. Verifies events, which are refused without it.',
    },
  },
  limits: { connectTimeoutMs: 5_000, deadlineMs: 30_000, maxInFlight: 10 },
  supports: { dedupeKey: false, replaces: false, receipts: false },

  testConfig: () => ({
    botToken: new Secret(`xoxb-${randomBytes(24).toString('hex')}`),
    signingSecret: new Secret(randomBytes(16).toString('hex')),
  }),

  request({ recipient, content }, { botToken }, { baseUrl }) {
    const body = { channel: recipient.address, ...buildMessage(cardOf(content)) };
    return {
      method: 'POST',
      url: `${baseUrl}/chat.postMessage`,
      headers: {
        authorization: secret`Bearer ${botToken}`,
        'content-type': 'application/json; charset=utf-8',
      },
      body: JSON.stringify(mergePassthrough(body, content.passthrough?.slack)),
    };
  },

  classify(response, { now }) {
    const { status, headers } = response;
    const body = parseObject(response.body);
    const isOk = status >= 200 && status < 300 && body?.ok === true;
    // Both are needed to change the message later: a direct message has a channel of its own.
    if (isOk && isId(body.channel) && isId(body.ts)) return accepted(`${body.channel}:${body.ts}`);
    const { outcome, code } = judgeAnswer(status, body);
    return withDetails(outcome, { code, headers, now });
  },

  receipts: {
    verify: (request, { signingSecret }, { now }) =>
      signingSecret !== undefined && isSigned(request, signingSecret, now),
    handshake: (request, _config, { verified }) => (verified ? answerChallenge(request) : null),
    parse: () => [],
    inbound: { parse: parseEvent, reply: { contentType: 'text/plain', body: '' } },
  },

  examples: {
    accepted: {
      reply: json(200, {
        ok: true,
        channel: 'C123456',
        ts: '1503435956.000247',
        message: {
          text: "Here's a message for you",
          username: 'ecto1',
          type: 'message',
          subtype: 'bot_message',
        },
      }),
      outcome: { kind: 'accepted', providerMessageId: 'C123456:1503435956.000247' },
      source: REFERENCE,
    },
    rejected: {
      reply: json(200, { ok: false, error: 'user_not_found' }),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', code: 'user_not_found', ...suppress },
      source: REFERENCE,
    },
    noChannel: {
      reply: json(200, { ok: false, error: 'channel_not_found' }),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', effect: undefined },
      source: REFERENCE,
    },
    notInvited: {
      reply: json(200, { ok: false, error: 'not_in_channel' }),
      outcome: { kind: 'rejected', reason: 'sender_not_allowed' },
      source: REFERENCE,
    },
    tooLong: {
      reply: json(200, { ok: false, error: 'msg_too_long' }),
      outcome: { kind: 'rejected', reason: 'content_too_large' },
      source: REFERENCE,
    },
    retry: {
      reply: { status: 429, headers: { 'retry-after': '30' }, body: '{"ok":false,"error":"ratelimited"}' },
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 30_000, scope: 'connection' },
      source: 'https://docs.slack.dev/apis/web-api/rate-limits',
    },
    internal: {
      reply: json(200, { ok: false, error: 'internal_error' }),
      outcome: { kind: 'retry', reason: 'provider_error', code: 'internal_error' },
      source: REFERENCE,
    },
    unavailable: {
      reply: json(200, { ok: false, error: 'invalid_auth' }),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: 'invalid_auth' },
      source: REFERENCE,
    },
    missingScope: {
      reply: json(200, { ok: false, error: 'missing_scope', needed: 'chat:write', provided: 'identify' }),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured' },
      source: REFERENCE,
    },
    unknown: {
      reply: { status: 502, headers: {}, body: '<html>Bad Gateway</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
