import type { HttpResponse } from '../../providers/index.ts';
import type { Deadlines, Expiring } from './deadlines.ts';
import { abortError, deadlineError, type Evidence, judgeFault } from './fault.ts';
import type { SendOptions, Sent } from './transport.ts';

/** Of an answer's body; what comes after is not read. */
const MAX_BODY_BYTES = 65_536;

const utf8 = new TextDecoder();

export interface ExchangeOptions {
  resolve(sent: Sent<HttpResponse>): void;
  deadlines: Deadlines;
  options: SendOptions;
}

/**
 * One request under way: collects its answer and settles once, with a reply or with a fault. The status is the
 * vendor's decision: once it is here, a body that breaks off, stalls or is too long changes nothing about it, and what
 * was read of it is the reply. Without a status, what may have been written decides (`evidence`).
 */
export abstract class Exchange implements Expiring {
  readonly #resolve: (sent: Sent<HttpResponse>) => void;
  readonly #due: Set<Expiring>;
  readonly #signal: AbortSignal | undefined;
  #onAbort: (() => void) | undefined;
  #status = 0;
  #headers: Record<string, string> = {};
  #chunks: Uint8Array[] = [];
  #size = 0;
  #isSettled = false;

  constructor({ resolve, deadlines, options }: ExchangeOptions) {
    this.#resolve = resolve;
    this.#due = deadlines.add(this, options.deadlineMs);
    this.#signal = options.signal;
    if (!this.#signal) return;
    this.#onAbort = () => this.#giveUp(abortError());
    this.#signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** What the peer can have seen by now. */
  protected abstract evidence(): Evidence;
  /** Stops what is still under way; the exchange is settled already. */
  protected abstract cancel(): void;

  expire(): void {
    this.#giveUp(deadlineError());
  }

  /** Names in lower case, each once. */
  receiveHead(status: number, headers: Record<string, string>): void {
    // RFC 9110, 15.2: any number of interim answers may come before the final one.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
  }

  receiveBody(chunk: Uint8Array): void {
    if (this.#isSettled) return;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size < MAX_BODY_BYTES) return;
    this.#settleWithReply();
    this.cancel();
  }

  receiveEnd(): void {
    if (this.#status !== 0) this.#settleWithReply();
  }

  fail(error: Error): void {
    if (this.#isSettled) return;
    if (this.#status !== 0) this.#settleWithReply();
    else this.#settle(judgeFault(error, this.evidence()));
  }

  #giveUp(error: Error): void {
    if (this.#isSettled) return;
    this.fail(error);
    this.cancel();
  }

  #settleWithReply(): void {
    const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    const body = this.#size === 0 ? '' : utf8.decode(bytes.subarray(0, MAX_BODY_BYTES));
    this.#settle({ kind: 'reply', reply: { status: this.#status, headers: this.#headers, body } });
  }

  #settle(sent: Sent<HttpResponse>): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#due.delete(this);
    if (this.#onAbort) this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#resolve(sent);
  }
}
