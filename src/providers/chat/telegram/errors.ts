import { type Outcome, rejected, retry, unavailable } from '../../contract.ts';
import { idOf } from '../../wire/exact-json.ts';
import { outcomeOfStatus } from '../../wire/verdict.ts';

const suppress = { effect: { type: 'suppress-contact' } } as const;

/** Telegram has no codes but HTTP's, and says the rest in words, which it has kept for years: these tell by them. */
interface Saying {
  status: number;
  says: RegExp;
  code: string;
  outcome: Outcome;
}

const row = (status: number, says: RegExp, code: string, outcome: Outcome): Saying => ({
  status,
  says,
  code,
  outcome,
});

// https://core.telegram.org/bots/api#making-requests, and the texts that telegram-bot-api answers with.
const SAYINGS: Saying[] = [
  row(403, /user is deactivated/i, 'user_deactivated', rejected('recipient_invalid', suppress)),
  row(403, /bot was kicked/i, 'bot_kicked', rejected('recipient_opted_out', suppress)),
  row(403, /bot was blocked/i, 'bot_blocked', rejected('recipient_opted_out', suppress)),
  row(403, /bot is not a member/i, 'bot_not_member', rejected('recipient_unreachable')),
  // Nobody has written to the bot from there yet; the person still may.
  row(403, /can't initiate conversation/i, 'conversation_not_begun', rejected('recipient_unreachable')),
  row(403, /can't send messages to bots/i, 'recipient_is_bot', rejected('recipient_invalid', suppress)),
  // What a bot is told of everybody who never started it, and who still may.
  row(400, /chat not found/i, 'chat_not_found', rejected('recipient_invalid')),
  row(400, /PEER_ID_INVALID/i, 'peer_id_invalid', rejected('recipient_invalid')),
  row(400, /chat_id is empty/i, 'chat_id_empty', rejected('recipient_invalid', suppress)),
  row(400, /(not enough|have no) rights/i, 'no_rights', rejected('recipient_unreachable')),
  row(400, /CHAT_WRITE_FORBIDDEN/i, 'no_rights', rejected('recipient_unreachable')),
  row(400, /message is too long/i, 'message_too_long', rejected('content_too_large')),
  row(400, /can't parse entities/i, 'entities_unreadable', rejected('content_invalid')),
  row(400, /message text is empty/i, 'text_empty', rejected('content_invalid')),
  row(400, /BUTTON_/i, 'button_invalid', rejected('content_invalid')),
];

/** The token stands in the path: an unknown one is a page that is not there. */
const WRONG_TOKEN = unavailable('credentials_invalid');

/** The longest wait that is believed, in milliseconds. */
const LONGEST_WAIT_MS = 3_600_000;

/** What an answer that is no success means, and the code that stands for it. */
export function judge(
  status: number,
  body: Record<string, unknown> | null,
): { outcome: Outcome; code: string } {
  const isTelegrams = body?.ok === false;
  const code = isTelegrams && Number.isSafeInteger(body.error_code) ? (body.error_code as number) : status;
  const verdict = (outcome: Outcome, word = `${code}`) => ({ outcome, code: word });
  if (!isTelegrams) return verdict(code === 404 ? WRONG_TOKEN : outcomeOfStatus(code, false));
  const parameters = objectOf(body.parameters);
  const address = idOf(parameters.migrate_to_chat_id);
  if (address !== undefined) return verdict(migratedTo(address), 'migrate_to_chat_id');
  const saying = findSaying(code, body.description);
  if (saying) return verdict(saying.outcome, saying.code);
  if (code === 429) return verdict(throttled(parameters.retry_after));
  if (code === 404) return verdict(WRONG_TOKEN);
  return verdict(code < 300 ? rejected('request_invalid') : outcomeOfStatus(code, true));
}

/** A group's id is another since it became a supergroup. */
function migratedTo(address: string): Outcome {
  return retry('recipient_unreachable', { effect: { type: 'move-contact', address } });
}

function findSaying(status: number, description: unknown): Saying | undefined {
  if (typeof description !== 'string') return undefined;
  return SAYINGS.find((saying) => saying.status === status && saying.says.test(description));
}

/**
 * Mostly too much for one chat (1 message a second, 20 a minute in a group); the bot's own limit of some 30 a second is
 * kept by the declared rate, so one busy group does not hold up everybody.
 */
function throttled(seconds: unknown): Outcome {
  const afterMs = typeof seconds === 'number' && seconds >= 0 ? Math.ceil(seconds * 1_000) : 1_000;
  return retry('rate_limited', { afterMs: Math.min(afterMs, LONGEST_WAIT_MS) });
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
