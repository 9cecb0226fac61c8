import type { Channel, Content, Outcome, Platform } from '../providers/contract.ts';
import type { RawRequest } from './raw-request.ts';

/** A message as some provider would have received it. What only our own sender tells is null for other programs. */
export interface SimulatedMessage {
  /** Ascending within one process. */
  id: number;
  /** Milliseconds since the epoch. */
  at: number;
  /** The example that was answered, or the breakdown that happened instead. */
  answered: string;
  /** What the answer means; `fault` when there was no whole answer. */
  kind: Outcome['kind'] | 'fault';
  tenant: string | null;
  userId: string | null;
  notificationId: string | null;
  deliveryId: string | null;
  channel: Channel;
  provider: string;
  platform: Platform | null;
  recipient: string;
  content: Content;
  /** E-mail only: as the mail's own headers say; their names in lower case. */
  mail?: { from: string; to: string; headers: [name: string, value: string][] };
  raw: RawRequest | { source: string } | null;
}

export interface MailboxFilter {
  userId?: string;
  channel?: string;
  /** Messages with a greater id. */
  after?: number;
}

const MAX_MESSAGES = 1_000;
const MAX_CHARACTERS = 32 * 1024 * 1024;

/** The last messages, oldest first, bounded in number and in memory. */
export class Mailbox {
  #messages: { message: SimulatedMessage; size: number }[] = [];
  #characters = 0;
  #lastId = 0;
  #listeners = new Set<(event: 'added' | 'cleared') => void>();

  /** The id of the newest message ever; 0 when there was none. */
  get lastId(): number {
    return this.#lastId;
  }

  add(message: Omit<SimulatedMessage, 'id'>): SimulatedMessage {
    const stored = { id: ++this.#lastId, ...message };
    const size = sizeOf(stored);
    this.#messages.push({ message: stored, size });
    this.#characters += size;
    while (this.#messages.length > MAX_MESSAGES || (this.#characters > MAX_CHARACTERS && this.#messages[1])) {
      this.#characters -= this.#messages.shift()!.size;
    }
    this.#tell('added');
    return stored;
  }

  list({ userId, channel, after = 0 }: MailboxFilter = {}): SimulatedMessage[] {
    const from = this.#messages.findIndex(({ message }) => message.id > after);
    if (from < 0) return [];
    return this.#messages
      .slice(from)
      .map(({ message }) => message)
      .filter(
        (message) =>
          (userId === undefined || message.userId === userId) &&
          (channel === undefined || message.channel === channel),
      );
  }

  get(id: number): SimulatedMessage | undefined {
    return this.#messages.find(({ message }) => message.id === id)?.message;
  }

  clear(): void {
    this.#messages = [];
    this.#characters = 0;
    this.#tell('cleared');
  }

  /** Returns what ends the subscription. */
  onChange(listener: (event: 'added' | 'cleared') => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(event: 'added' | 'cleared'): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** What travels to the page in lists; the raw request is fetched when it is looked at. */
export function withoutRaw({ raw: _, ...message }: SimulatedMessage): Omit<SimulatedMessage, 'raw'> {
  return message;
}

function sizeOf({ content, raw, mail }: SimulatedMessage): number {
  const source = raw === null ? 0 : 'source' in raw ? raw.source.length : raw.body.length + raw.path.length;
  const { body = '', text = '', html = '' } = content;
  const headers = mail?.headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0) ?? 0;
  return 1024 + source + headers + body.length + text.length + html.length;
}
