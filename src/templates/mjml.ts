import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

export type MjmlAnswer = { html: string } | { problem: string };

export const MAX_MJML_CHARACTERS = 200_000;
const MAX_HTML_CHARACTERS = 500_000;
const LIMIT_MS = 10_000;
const IDLE_MS = 30_000;
const MEMORY_MB = 256;

/**
 * Turns MJML into HTML, one text after the other, in a thread of its own: what takes too long or too much memory is
 * ended and stops nobody else. Owners take turns, so that nobody waits for all that somebody else sent. The thread begins with the first text and ends when there was none for a while; it does
 * not keep the process alive.
 */
export class MjmlCompiler {
  readonly #limitMs: number;
  #worker: Worker | null = null;
  /** What waits, by owner; whose turn comes next stands first. */
  readonly #waiting = new Map<string, (() => Promise<void>)[]>();
  #isBusy = false;
  #idle: NodeJS.Timeout | undefined;

  constructor({ limitMs = LIMIT_MS } = {}) {
    this.#limitMs = limitMs;
  }

  /** A problem is a rule to show beside the text. */
  compile(source: string, owner = ''): Promise<MjmlAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<MjmlAnswer>();
    const job = () => this.#compile(source).then(resolve, reject);
    this.#waiting.set(owner, [...(this.#waiting.get(owner) ?? []), job]);
    void this.#work();
    return promise;
  }

  async #work(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    for (const [owner, [job, ...others]] of this.#waiting) {
      this.#waiting.delete(owner);
      // Behind everybody else: a map is gone through in the order of its making, what is put in meanwhile included.
      if (others.length > 0) this.#waiting.set(owner, others);
      await job!();
    }
    this.#isBusy = false;
  }

  async stop(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  async #compile(source: string): Promise<MjmlAnswer> {
    if (source.length > MAX_MJML_CHARACTERS)
      return { problem: `must have at most ${MAX_MJML_CHARACTERS} characters` };
    if (/<mj-include\b/i.test(source))
      return { problem: 'must not have <mj-include>: put in fragments with render' };
    clearTimeout(this.#idle);
    this.#worker ??= new Worker(new URL('./mjml-worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
    });
    const answer = await this.#ask(this.#worker, source);
    this.#idle = setTimeout(() => this.stop(), IDLE_MS).unref();
    return 'html' in answer && answer.html.length > MAX_HTML_CHARACTERS
      ? { problem: `must not become more than ${MAX_HTML_CHARACTERS} characters of HTML` }
      : answer;
  }

  async #ask(worker: Worker, source: string): Promise<MjmlAnswer> {
    const over = new AbortController();
    const { signal } = over;
    const late: MjmlAnswer = { problem: `takes longer than ${this.#limitMs} ms to become HTML` };
    worker.ref();
    try {
      const answered = once(worker, 'message', { signal }).then(([answer]): MjmlAnswer => answer);
      worker.postMessage(source);
      return await Promise.race([
        answered,
        pause(this.#limitMs, null, { signal }).then(() => this.#giveUp(late)),
      ]);
    } catch (error) {
      await this.stop();
      if ((error as { code?: string }).code === 'ERR_WORKER_OUT_OF_MEMORY')
        return { problem: `takes more than ${MEMORY_MB} MB to become HTML` };
      throw error;
    } finally {
      over.abort();
      worker.unref();
    }
  }

  async #giveUp(answer: MjmlAnswer): Promise<MjmlAnswer> {
    await this.stop();
    return answer;
  }
}
