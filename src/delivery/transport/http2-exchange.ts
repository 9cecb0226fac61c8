import type { Request, RequestListener, Stream } from '../../lib/http2/stream.ts';
import { Exchange, type ExchangeOptions } from './exchange.ts';
import type { Evidence } from './fault.ts';
import type { Session } from './session.ts';

/** One request on a stream of its own, or still waiting for one. */
export class Http2Exchange extends Exchange implements RequestListener {
  readonly request: Request;
  #waitingIn: Set<Http2Exchange> | null = null;
  #session: Session | null = null;
  #stream: Stream | null = null;

  constructor(request: Request, options: ExchangeOptions) {
    super(options);
    this.request = request;
  }

  waitIn(waiting: Set<Http2Exchange>): void {
    this.#waitingIn = waiting.add(this);
  }

  begin(session: Session, stream: Stream): void {
    this.#session = session;
    this.#stream = stream;
  }

  onHead(status: number, headers: Record<string, string>): void {
    this.receiveHead(status, headers);
  }

  onData(chunk: Buffer): void {
    this.receiveBody(chunk);
  }

  onEnd(): void {
    this.receiveEnd();
  }

  onFailed(error: Error): void {
    this.fail(error);
  }

  protected evidence(): Evidence {
    if (!this.#stream || !this.#session) return 'nothing-written';
    return this.#session.mayHaveProcessed(this.#stream) ? 'maybe-written' : 'nothing-written';
  }

  protected cancel(): void {
    this.#waitingIn?.delete(this);
    if (this.#stream) this.#session!.cancel(this.#stream);
  }

  /** An answer that does not come may mean that nothing comes any more: the session is put to the proof. */
  override expire(): void {
    const isUnderWay = !this.isSettled;
    super.expire();
    if (isUnderWay) this.#session?.probe();
  }
}
