import { randomBytes } from 'node:crypto';
import { buildUrl, Secret, secret } from '../../lib/secret.ts';
import { accepted, defineHttpProvider, type HttpResponse } from '../contract.ts';
import { isEqual } from '../wire/equal.ts';
import { idOf, parseExactObject } from '../wire/exact-json.ts';
import { json } from '../wire/json.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import { withDetails } from '../wire/with-details.ts';
import { cardOf, shorten } from './card/card.ts';
import { judge } from './telegram/errors.ts';
import { renderText } from './telegram/text.ts';
import { parseUpdate } from './telegram/updates.ts';

const REFERENCE = 'https://core.telegram.org/bots/api#sendmessage';
const ANSWERS = 'https://core.telegram.org/bots/api#making-requests';
const suppress = { effect: { type: 'suppress-contact' } } as const;

/** Telegram Bot API. A contact's address is the id of the chat, which the bot learns when the person starts it. */
export default defineHttpProvider({
  id: 'telegram',
  channel: 'chat',
  name: 'Telegram',
  docs: REFERENCE,
  transport: 'http',
  baseUrl: 'https://api.telegram.org',
  reaches: 'contact',
  contactKind: 'telegram',
  fields: {
    botToken: {
      label: 'Bot token',
      type: 'secret',
      required: true,
      pattern: {
        regex: '\\d+:[A-Za-z0-9_-]{30,}',
        hint: 'digits, a colon and at least 30 letters, as BotFather gave it',
      },
    },
    webhookSecret: {
      label: 'Secret token of the webhook',
      type: 'secret',
      pattern: { regex: '[A-Za-z0-9_-]{1,256}', hint: '1 to 256 letters, digits, underscores and dashes' },
      help: 'The secret_token of setWebhook. Without it no update is believed.',
    },
  },
  // https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
  limits: { ratePerSecond: 30, connectTimeoutMs: 5_000, deadlineMs: 30_000, maxInFlight: 30 },
  supports: { dedupeKey: false, replaces: false, receipts: false },

  testConfig: () => ({
    botToken: new Secret(`123456789:${randomBytes(27).toString('base64url')}`),
    webhookSecret: new Secret(randomBytes(24).toString('base64url')),
  }),

  request({ recipient, content, priority }, { botToken }, { baseUrl }) {
    const card = cardOf(content);
    const preview = card.image ?? card.url;
    const body = {
      chat_id: toChatId(recipient.address),
      text: renderText(card),
      parse_mode: 'HTML',
      // Else the first address in the text would be shown large, whoever wrote it.
      link_preview_options: preview
        ? { url: preview, ...(card.image && { prefer_large_media: true, show_above_text: true }) }
        : { is_disabled: true },
      ...(priority === 'low' && { disable_notification: true }),
      ...(card.links.length > 0 && { reply_markup: { inline_keyboard: card.links.map(toButton) } }),
    };
    return {
      method: 'POST',
      url: buildUrl(baseUrl, secret`bot${botToken}`, 'sendMessage'),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(mergePassthrough(body, content.passthrough?.telegram)),
    };
  },

  classify({ status, headers, body: text }, { now }) {
    const body = parseExactObject(text);
    const isOk = status >= 200 && status < 300 && body?.ok === true;
    const sent = (isOk ? body.result : undefined) as { message_id?: unknown; chat?: { id?: unknown } } | null;
    const id = idOf(sent?.message_id);
    const chat = idOf(sent?.chat?.id);
    // Messages are numbered in each chat anew.
    if (id !== undefined && chat !== undefined) return accepted(`${chat}:${id}`);
    const { outcome, code } = judge(status, body);
    return withDetails(outcome, { code, headers, now });
  },

  receipts: {
    verify: ({ headers }, { webhookSecret }) =>
      webhookSecret !== undefined &&
      isEqual(headers['x-telegram-bot-api-secret-token'] ?? '', webhookSecret.reveal()),
    parse: () => [],
    inbound: { parse: parseUpdate, reply: { contentType: 'text/plain', body: '' } },
  },

  examples: {
    accepted: {
      reply: json(200, {
        ok: true,
        result: {
          message_id: 42,
          from: { id: 123456789, is_bot: true, first_name: 'Bellhop', username: 'bellhop_bot' },
          chat: { id: 987654321, first_name: 'Ann', type: 'private' },
          date: 1700000000,
          text: 'It is here',
        },
      }),
      outcome: { kind: 'accepted', providerMessageId: '987654321:42' },
      source: REFERENCE,
    },
    rejected: {
      reply: refusal(400, 'Bad Request: chat not found'),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', code: 'chat_not_found', effect: undefined },
      source: ANSWERS,
    },
    blocked: {
      reply: refusal(403, 'Forbidden: bot was blocked by the user'),
      outcome: { kind: 'rejected', reason: 'recipient_opted_out', code: 'bot_blocked', ...suppress },
      source: ANSWERS,
    },
    deactivated: {
      reply: refusal(403, 'Forbidden: user is deactivated'),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', code: 'user_deactivated', ...suppress },
      source: ANSWERS,
    },
    migrated: {
      reply: refusal(400, 'Bad Request: group chat was upgraded to a supergroup chat', {
        migrate_to_chat_id: -1001234567890,
      }),
      outcome: {
        kind: 'retry',
        reason: 'recipient_unreachable',
        code: 'migrate_to_chat_id',
        effect: { type: 'move-contact', address: '-1001234567890' },
      },
      source: 'https://core.telegram.org/bots/api#responseparameters',
    },
    tooLong: {
      reply: refusal(400, 'Bad Request: message is too long'),
      outcome: { kind: 'rejected', reason: 'content_too_large', code: 'message_too_long' },
      source: ANSWERS,
    },
    retry: {
      reply: refusal(429, 'Too Many Requests: retry after 35', { retry_after: 35 }),
      outcome: { kind: 'retry', reason: 'rate_limited', code: '429', afterMs: 35_000, scope: 'message' },
      source: 'https://core.telegram.org/bots/api#responseparameters',
    },
    serverError: {
      reply: refusal(500, 'Internal Server Error'),
      outcome: { kind: 'retry', reason: 'provider_error', code: '500' },
      source: ANSWERS,
    },
    unavailable: {
      reply: refusal(401, 'Unauthorized'),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: '401' },
      source: ANSWERS,
    },
    badToken: {
      reply: refusal(404, 'Not Found'),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: '404' },
      source: ANSWERS,
    },
    unknown: {
      reply: { status: 502, headers: {}, body: '<html>Bad Gateway</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

/** Ids are numbers of at most 52 bits, negative for groups; the rest are names of public channels. */
function toChatId(address: string): number | string {
  return /^-?\d{1,16}$/.test(address) && Number.isSafeInteger(Number(address)) ? Number(address) : address;
}

function toButton({ title, url }: { title: string; url: string }): { text: string; url: string }[] {
  return [{ text: shorten(title, 64), url }];
}

function refusal(status: number, description: string, parameters?: object): HttpResponse {
  return json(status, { ok: false, error_code: status, description, ...(parameters && { parameters }) });
}
