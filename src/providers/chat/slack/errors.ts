import { type HttpResponse, type Outcome, rejected, retry, unavailable, unknown } from '../../contract.ts';
import { parseCode } from '../../wire/parse-code.ts';
import { outcomeOfStatus, tableOf } from '../../wire/verdict.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const suppress = { effect: { type: 'suppress-contact' } } as const;
const throttled = retry('rate_limited', { afterMs: SECOND_MS, scope: 'connection' });

/** https://docs.slack.dev/reference/methods/chat.postMessage#errors */
const API_ERRORS = tableOf([
  ['is_archived user_not_found cannot_dm_bot user_disabled', rejected('recipient_invalid', suppress)],
  // Also what a bot is told that nobody invited to a private channel.
  ['channel_not_found', rejected('recipient_invalid')],
  // This channel, not the connection: one to which nobody invited the bot must not stop all others.
  ['not_in_channel restricted_action', rejected('sender_not_allowed')],
  ['messages_tab_disabled', rejected('account_misconfigured')],
  ['not_authed invalid_auth token_revoked', unavailable('credentials_invalid')],
  ['token_expired', unavailable('credentials_expired')],
  ['account_inactive', unavailable('account_suspended')],
  [
    'missing_scope ekm_access_denied access_denied no_permission not_allowed_token_type org_login_required ' +
      'team_access_not_granted enterprise_is_restricted two_factor_setup_required',
    unavailable('account_misconfigured'),
  ],
  ['no_text invalid_blocks invalid_blocks_format too_many_attachments', rejected('content_invalid')],
  ['msg_too_long msg_blocks_too_long', rejected('content_too_large')],
  ['invalid_arguments', rejected('request_invalid')],
  ['fatal_error internal_error', retry('provider_error')],
  ['service_unavailable', retry('provider_unavailable')],
  ['request_timeout', retry('timeout')],
  ['ratelimited rate_limited', throttled],
  ['message_limit_exceeded', retry('rate_limited', { afterMs: MINUTE_MS, scope: 'connection' })],
]);

/** Families of errors: those of metadata, and a channel's rules about who may write. */
const PREFIXES: [prefix: string, outcome: Outcome][] = [
  ['metadata_', rejected('content_invalid')],
  ['restricted_action_', rejected('sender_not_allowed')],
];

/**
 * https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors. The channel belongs to the
 * webhook: one that is gone is the end of the connection, not of a contact.
 */
const WEBHOOK_ERRORS = tableOf([
  [
    'channel_not_found channel_is_archived no_service no_service_id no_team no_active_hooks user_not_found ' +
      'team_disabled',
    unavailable('account_misconfigured'),
  ],
  ['invalid_token', unavailable('credentials_invalid')],
  ['action_prohibited posting_to_general_channel_denied', unavailable('sender_not_allowed')],
  [
    'invalid_payload no_text invalid_blocks too_many_attachments missing_text_or_fallback_or_attachments',
    rejected('content_invalid'),
  ],
  ['rollup_error', retry('provider_error')],
  ['rate_limited ratelimited', throttled],
]);

interface Verdict {
  outcome: Outcome;
  code: string;
}

/** What an answer of the API that is no success means; nearly all come with HTTP 200. */
export function judgeAnswer(status: number, body: Record<string, unknown> | null): Verdict {
  const code = parseCode(body?.error);
  const listed = API_ERRORS.get(code ?? '') ?? PREFIXES.find(([prefix]) => code?.startsWith(prefix))?.[1];
  if (listed) return { outcome: listed, code: code! };
  const isSlacks = body?.ok === false;
  if (status < 300 && isSlacks) return { outcome: rejected('request_invalid'), code: code ?? `${status}` };
  return { outcome: outcomeOfStatus(status, isSlacks), code: code ?? `${status}` };
}

/** What an answer of a webhook means, whose errors are one word of plain text. */
export function judgeWebhook({ status, body }: Pick<HttpResponse, 'status' | 'body'>): Verdict {
  const code = parseCode(body.trim());
  const listed = WEBHOOK_ERRORS.get(code ?? '');
  if (listed && code) return { outcome: listed, code };
  if (status < 300) return { outcome: unknown('response_unreadable'), code: `${status}` };
  // Status codes that say nothing of the message say something of the address.
  return {
    outcome: status === 410 ? unavailable('account_misconfigured') : outcomeOfStatus(status, false),
    code: `${status}`,
  };
}
