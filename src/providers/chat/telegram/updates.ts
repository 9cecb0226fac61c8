import type { InboundMessage, ReceiptRequest } from '../../contract.ts';
import { idOf, parseExactObject } from '../../wire/exact-json.ts';

type Json = Record<string, unknown>;

const WISHES = new Map<unknown, InboundMessage['wish']>([
  ['kicked', 'stop'],
  ['left', 'stop'],
  ['member', 'start'],
  ['administrator', 'start'],
]);

/**
 * An update (https://core.telegram.org/bots/api#update): what a person wrote to the bot, or that the bot was blocked or
 * let in again. In groups only the latter: what one member says there is not the wish of all.
 */
export function parseUpdate({ body }: ReceiptRequest): InboundMessage[] {
  const update = parseExactObject(Buffer.from(body).toString());
  const changed = objectOf(update?.my_chat_member);
  const message = objectOf(update?.message);
  const chat = objectOf(changed?.chat ?? message?.chat);
  const from = idOf(chat?.id);
  if (from === undefined) return [];
  if (changed) {
    const wish = WISHES.get(objectOf(changed.new_chat_member)?.status);
    return wish ? [{ from, text: '', wish }] : [];
  }
  const text = message?.text;
  if (chat?.type !== 'private' || typeof text !== 'string') return [];
  const wish = commandOf(text);
  return [{ from, text, ...(wish && { wish }) }];
}

/** `/start` comes with the token of a deep link behind it: https://core.telegram.org/bots/features#deep-linking */
function commandOf(text: string): InboundMessage['wish'] {
  const [, command] = /^\/(start|stop)(?![\w@])/i.exec(text) ?? [];
  return command?.toLowerCase() as InboundMessage['wish'];
}

function objectOf(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null ? (value as Json) : undefined;
}
