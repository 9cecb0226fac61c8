import { createHash, randomBytes } from 'node:crypto';
import { buildUrl, Secret, secret } from '../../lib/secret.ts';
import { accepted, defineHttpProvider } from '../contract.ts';
import { idOf, parseExactObject } from '../wire/exact-json.ts';
import { json } from '../wire/json.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import { withDetails } from '../wire/with-details.ts';
import { cardOf } from './card/card.ts';
import { judge } from './discord/errors.ts';
import { buildMessage } from './discord/message.ts';

const REFERENCE = 'https://docs.discord.com/developers/resources/message#create-message';
const ERRORS = 'https://docs.discord.com/developers/topics/opcodes-and-status-codes';
const LIMITS = 'https://docs.discord.com/developers/topics/rate-limits';
const suppress = { effect: { type: 'suppress-contact' } } as const;
const LONGEST_NONCE = 25;

/**
 * A bot of Discord. A contact's address is the id of a channel. That of a person's direct messages is what
 * `POST /users/@me/channels` answers, which whoever registers the contact asks once: it stays the same.
 */
export default defineHttpProvider({
  id: 'discord',
  channel: 'chat',
  name: 'Discord',
  docs: REFERENCE,
  transport: 'http',
  baseUrl: 'https://discord.com/api/v10',
  reaches: 'contact',
  contactKind: 'discord',
  fields: {
    botToken: { label: 'Bot token', type: 'secret', required: true },
    userAgent: {
      label: 'User agent',
      type: 'text',
      default: 'DiscordBot (https://bellhop.invalid, 1)',
      pattern: {
        regex: 'DiscordBot \\([!-~]+, [!-~]+\\)[ -~]*',
        hint: 'DiscordBot (address, version), as Discord wants it',
      },
    },
  },
  // Of one bot altogether: https://docs.discord.com/developers/topics/rate-limits#global-rate-limit
  limits: {
    ratePerSecond: 50,
    payloadBytes: 25 * 1_048_576,
    connectTimeoutMs: 5_000,
    deadlineMs: 30_000,
    maxInFlight: 25,
  },
  // The nonce hides a repeat for a few minutes, which ends before we would send again.
  supports: { dedupeKey: false, replaces: false, receipts: false },

  testConfig: () => ({
    botToken: new Secret(`${randomBytes(18).toString('base64url')}.${randomBytes(28).toString('base64url')}`),
    userAgent: 'DiscordBot (https://bellhop.invalid, 1)',
  }),

  request({ recipient, content }, { botToken, userAgent }, { baseUrl, deliveryId }) {
    const body = {
      ...buildMessage(cardOf(content)),
      nonce: createHash('sha256').update(deliveryId).digest('base64url').slice(0, LONGEST_NONCE),
      enforce_nonce: true,
    };
    return {
      method: 'POST',
      url: buildUrl(baseUrl, 'channels', recipient.address, 'messages'),
      headers: {
        authorization: secret`Bot ${botToken}`,
        'content-type': 'application/json',
        'user-agent': userAgent,
      },
      body: JSON.stringify(mergePassthrough(body, content.passthrough?.discord)),
    };
  },

  classify(response, { now }) {
    const { status, headers } = response;
    const id = status >= 200 && status < 300 ? idOf(parseExactObject(response.body)?.id) : undefined;
    if (id !== undefined) return accepted(id);
    const { outcome, code } = judge(response, 'bot');
    return withDetails(outcome, { code, headers, now });
  },

  examples: {
    accepted: {
      reply: json(200, {
        id: '334385199974967042',
        type: 0,
        channel_id: '290926798999357250',
        content: 'Supa Hot',
        timestamp: '2017-07-11T17:27:07.299000+00:00',
      }),
      outcome: { kind: 'accepted', providerMessageId: '334385199974967042' },
      source: REFERENCE,
    },
    rejected: {
      reply: json(403, { message: 'Cannot send messages to this user', code: 50007 }),
      outcome: { kind: 'rejected', reason: 'recipient_opted_out', code: '50007', ...suppress },
      source: ERRORS,
    },
    noChannel: {
      reply: json(404, { message: 'Unknown Channel', code: 10003 }),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', code: '10003', ...suppress },
      source: ERRORS,
    },
    missingAccess: {
      reply: json(403, { message: 'Missing Access', code: 50001 }),
      outcome: { kind: 'rejected', reason: 'sender_not_allowed', code: '50001' },
      source: ERRORS,
    },
    retry: {
      reply: json(429, { message: 'You are being rate limited.', retry_after: 64.57, global: false }),
      outcome: { kind: 'retry', reason: 'recipient_rate_limited', afterMs: 64_570, scope: 'message' },
      source: LIMITS,
    },
    global: {
      reply: json(429, { message: 'You are being rate limited.', retry_after: 0.65, global: true }),
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 650, scope: 'connection' },
      source: LIMITS,
    },
    banned: {
      reply: { status: 429, headers: { 'content-type': 'text/html' }, body: 'error code: 1015' },
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 60_000, scope: 'connection' },
      source: LIMITS,
    },
    unavailable: {
      reply: json(401, { message: '401: Unauthorized', code: 0 }),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: '401' },
      source: ERRORS,
    },
    unknown: {
      reply: { status: 502, headers: {}, body: '<html>Bad Gateway</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});
