import { randomBytes } from 'node:crypto';
import { MaskedUrl, Secret } from '../../lib/secret.ts';
import { accepted, defineHttpProvider } from '../contract.ts';
import { idOf, parseExactObject } from '../wire/exact-json.ts';
import { json } from '../wire/json.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import { withDetails } from '../wire/with-details.ts';
import { cardOf } from './card/card.ts';
import { judge } from './discord/errors.ts';
import { buildMessage } from './discord/message.ts';
import { ownUrl } from './own-url/own-url.ts';

const REFERENCE = 'https://docs.discord.com/developers/resources/webhook#execute-webhook';
const ERRORS = 'https://docs.discord.com/developers/topics/opcodes-and-status-codes';
const BASE_URL = 'https://discord.com';

/** A webhook of a Discord channel. */
export default defineHttpProvider({
  id: 'discord-webhook',
  channel: 'chat',
  name: 'Discord webhook',
  docs: REFERENCE,
  transport: 'http',
  baseUrl: BASE_URL,
  reaches: 'connection',
  fields: {
    url: {
      label: 'Webhook URL',
      type: 'secret',
      required: true,
      pattern: {
        regex:
          'https://((ptb|canary)\\.)?discord(app)?\\.com/api/(v\\d+/)?webhooks/\\d+/[A-Za-z0-9_-]+(\\?thread_id=\\d+)?',
        hint: 'the address that Discord shows: https://discord.com/api/webhooks/…/…',
      },
      help: 'With ?thread_id=… behind it, messages go to that thread.',
    },
  },
  limits: { connectTimeoutMs: 5_000, deadlineMs: 30_000, maxInFlight: 2 },
  supports: { dedupeKey: false, replaces: false, receipts: false },

  testConfig: () => ({
    url: new Secret(`${BASE_URL}/api/webhooks/1234567890123456789/${randomBytes(51).toString('base64url')}`),
  }),

  request({ content }, { url }, { baseUrl }) {
    const body = mergePassthrough(buildMessage(cardOf(content)), content.passthrough?.['discord-webhook']);
    const target = ownUrl(url, { baseUrl, vendorUrl: BASE_URL });
    return {
      method: 'POST',
      url: toVersion10(target, 'components' in body),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    };
  },

  classify(response, { now }) {
    const { status, headers } = response;
    const id = status >= 200 && status < 300 ? idOf(parseExactObject(response.body)?.id) : undefined;
    if (id !== undefined) return accepted(id);
    const { outcome, code } = judge(response, 'webhook');
    return withDetails(outcome, { code, headers, now });
  },

  examples: {
    accepted: {
      reply: json(200, {
        id: '1175824567890123456',
        type: 0,
        content: 'It is here',
        channel_id: '199737254929760256',
        webhook_id: '223704706495545344',
        timestamp: '2026-11-21T12:00:00.000000+00:00',
      }),
      outcome: { kind: 'accepted', providerMessageId: '1175824567890123456' },
      source: REFERENCE,
    },
    rejected: {
      reply: json(400, { message: 'Cannot send an empty message', code: 50006 }),
      outcome: { kind: 'rejected', reason: 'content_invalid', code: '50006' },
      source: ERRORS,
    },
    retry: {
      reply: {
        ...json(429, { message: 'You are being rate limited.', retry_after: 1.337, global: false }),
        headers: { 'content-type': 'application/json', 'x-ratelimit-scope': 'user' },
      },
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 1_337, scope: 'connection' },
      source: 'https://docs.discord.com/developers/topics/rate-limits',
    },
    unavailable: {
      reply: json(404, { message: 'Unknown Webhook', code: 10015 }),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured', code: '10015' },
      source: ERRORS,
    },
    badToken: {
      reply: json(401, { message: 'Invalid Webhook Token', code: 50027 }),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: '50027' },
      source: ERRORS,
    },
    unknown: {
      reply: { status: 502, headers: {}, body: '<html>Bad Gateway</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

/**
 * The address that Discord shows names no version, which means a deprecated one. Without `wait` a message that cannot be
 * saved raises no error; without `with_components` buttons are ignored.
 */
function toVersion10(target: MaskedUrl, hasComponents: boolean): MaskedUrl {
  const url = new URL(target.reveal());
  url.pathname = url.pathname.replace(/\/api\/(v\d+\/)?webhooks\//, '/api/v10/webhooks/');
  url.searchParams.set('wait', 'true');
  if (hasComponents) url.searchParams.set('with_components', 'true');
  return new MaskedUrl(url.href, String(target));
}
