import type { ClientHttp2Stream } from 'node:http2';
import { constants } from 'node:http2';
import { Exchange, type ExchangeOptions } from './exchange.ts';
import type { Evidence } from './fault.ts';
import type { Session } from './session.ts';

/** One request on a stream of its own, or still waiting for one. */
export class Http2Exchange extends Exchange {
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array;
  #waitingIn: Set<Http2Exchange> | null = null;
  #session: Session | null = null;
  #stream: ClientHttp2Stream | null = null;

  constructor(
    request: { headers: Record<string, string>; body: string | Uint8Array },
    options: ExchangeOptions,
  ) {
    super(options);
    this.headers = request.headers;
    this.body = request.body;
  }

  waitIn(waiting: Set<Http2Exchange>): void {
    this.#waitingIn = waiting.add(this);
  }

  begin(session: Session, stream: ClientHttp2Stream): void {
    this.#session = session;
    this.#stream = stream;
  }

  protected evidence(): Evidence {
    if (!this.#stream || !this.#session) return 'nothing-written';
    return this.#session.mayHaveProcessed(this.#stream) ? 'maybe-written' : 'nothing-written';
  }

  protected cancel(): void {
    this.#waitingIn?.delete(this);
    this.#stream?.close(constants.NGHTTP2_CANCEL);
  }

  /** An answer that does not come may mean that nothing comes any more: the session is put to the proof. */
  override expire(): void {
    const isUnderWay = !this.isSettled;
    super.expire();
    if (isUnderWay) this.#session?.probe();
  }
}
