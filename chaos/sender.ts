import { setTimeout as wait } from 'node:timers/promises';
import type { Fleet } from './fleet.ts';

/** What is sent in turn: what may be repeated with and without a provider's key, and what must never be. */
export const MIX = [
  { category: 'transactional', channel: 'webhook' },
  { category: 'otp', channel: 'sms' },
  { category: 'marketing', channel: 'sms' },
  { category: 'transactional', channel: 'sms' },
] as const;

export interface Message {
  /** Idempotency key and content: `category/channel/number`. */
  key: string;
  /** The notification's id, from the 202. */
  id: string;
}

const ANSWER_TIMEOUT_MS = 5_000;

/**
 * A caller who means it: every message has an idempotency key and is asked for again, at any process, until a 202
 * says that it is stored. What was stored although the answer got lost must then not be stored twice.
 */
export class Sender {
  readonly acknowledged: Message[] = [];
  readonly #fleet: Fleet;
  readonly #perSecond: number;
  readonly #priority: 'high' | undefined;
  readonly #prefix: string;
  #count = 0;
  #isOn = true;
  readonly #open = new Set<Promise<void>>();
  #done: Promise<void> = Promise.resolve();
  #failure: Error | null = null;

  constructor(fleet: Fleet, options: { perSecond: number; priority?: 'high' }) {
    this.#fleet = fleet;
    this.#perSecond = options.perSecond;
    this.#priority = options.priority;
    this.#prefix = crypto.randomUUID().slice(0, 8);
  }

  start(): void {
    this.#done = this.#run();
  }

  /** Asks for nothing new, and resolves when all that was asked for is acknowledged. */
  async stop(): Promise<Message[]> {
    this.#isOn = false;
    await this.#done;
    await Promise.all(this.#open);
    if (this.#failure) throw this.#failure;
    return this.acknowledged;
  }

  async #run(): Promise<void> {
    const LONGEST_LINE = 200;
    while (this.#isOn) {
      if (this.#open.size < LONGEST_LINE) {
        const sending = this.#send(this.#count++)
          .catch((error) => {
            this.#failure ??= error;
          })
          .finally(() => this.#open.delete(sending));
        this.#open.add(sending);
      }
      await wait(1_000 / this.#perSecond);
    }
  }

  async #send(n: number): Promise<void> {
    const { category, channel } = MIX[n % MIX.length]!;
    const key = `${category}/${channel}/${this.#prefix}-${n}`;
    const body = {
      userId: 'ada',
      category,
      channels: [channel],
      message: { body: key },
      idempotencyKey: key,
      priority: this.#priority,
    };
    for (let tries = n; ; tries++) {
      const { doors } = this.#fleet;
      const door = doors[tries % Math.max(1, doors.length)]?.bellhop;
      const answer = await (door ? ask(door.call('POST', '/v1/notifications', body)) : null);
      if (answer?.status === 202) {
        this.acknowledged.push({ key, id: answer.body.id });
        return;
      }
      if (answer && answer.status < 500)
        throw new Error(`a good request was refused: ${answer.status} ${JSON.stringify(answer.body)}`);
      await wait(100);
    }
  }
}

/** Null when the process died, or did not answer in time: it may be stopped. */
async function ask<T>(answer: Promise<T>): Promise<T | null> {
  const late = wait(ANSWER_TIMEOUT_MS, null, { ref: false });
  return Promise.race([answer.catch(() => null), late]);
}
