import { Batcher } from '../lib/batcher.ts';
import type { Clock } from '../lib/clock.ts';
import {
  type HttpProvider,
  type HttpResponse,
  type Outcome,
  type Part,
  revealBody,
} from '../providers/index.ts';
import type { Route } from './route.ts';
import type { Sender } from './sender.ts';
import type { Sent } from './transport/index.ts';

/** A message that may travel with others of the same connection and key. */
export interface Passenger extends Part {
  provider: HttpProvider;
  route: Route;
  /** What `batch.key` said. */
  key: string;
}

/** The answer to a request, or why there is none, and what that means for one message of it. */
export type Arrival =
  | { sent: Extract<Sent<HttpResponse>, { kind: 'fault' }> }
  | { sent: Exclude<Sent<HttpResponse>, { kind: 'fault' }>; outcome: Outcome; together: number };

/**
 * Messages that a vendor takes in one request: what arrives while requests are under way joins the next one, so that
 * nothing waits for company and much travels together under load. Each message keeps an attempt of its own; only the
 * request is shared.
 */
export class JointRequests {
  readonly #sender: Pick<Sender, 'sendHttp'>;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #lines = new Map<string, Batcher<Passenger, Arrival>>();

  constructor(sender: Pick<Sender, 'sendHttp'>, clock: Pick<Clock, 'now'>) {
    this.#sender = sender;
    this.#clock = clock;
  }

  async send(passenger: Passenger): Promise<Arrival> {
    const name = `${passenger.route.key}\n${passenger.key}`;
    const line = this.#lines.get(name) ?? this.#open(name, passenger.provider);
    return line.add(passenger);
  }

  #open(name: string, provider: HttpProvider): Batcher<Passenger, Arrival> {
    const { max, inFlight } = provider.batch!;
    const line = new Batcher<Passenger, Arrival>({
      flush: (passengers) => this.#travel(passengers),
      maxBatch: max,
      concurrency: inFlight,
      // Attempts have permits: no more of them are under way than the connection allows.
      maxWaiting: Number.POSITIVE_INFINITY,
    });
    this.#lines.set(name, line);
    // Keys may be contents: one that nobody uses any more must not stay.
    setImmediate(() => void line.drained().then(() => this.#close(name, line)));
    return line;
  }

  #close(name: string, line: Batcher<Passenger, Arrival>): void {
    if (this.#lines.get(name) === line) this.#lines.delete(name);
  }

  async #travel(passengers: Passenger[]): Promise<Arrival[]> {
    const { provider, route } = passengers[0]!;
    const batch = provider.batch!;
    const request =
      passengers.length === 1
        ? provider.request(passengers[0]!.message, route.config, passengers[0]!.context)
        : batch.request(passengers, route.config);
    const isTooLarge =
      Buffer.byteLength(revealBody(request.body)) > (batch.payloadBytes ?? Number.POSITIVE_INFINITY);
    if (isTooLarge && passengers.length > 1) {
      const half = passengers.length >> 1;
      const [first, second] = await Promise.all([
        this.#travel(passengers.slice(0, half)),
        this.#travel(passengers.slice(half)),
      ]);
      return [...first, ...second];
    }
    const sent = await this.#sender.sendHttp(provider, request, route, '');
    if (sent.kind === 'fault') return passengers.map(() => ({ sent }));
    const now = this.#clock.now();
    const outcomes =
      passengers.length === 1
        ? [provider.classify(sent.reply, { now })]
        : batch.classify(sent.reply, passengers, { now });
    return outcomes.map((outcome) => ({ sent, outcome, together: passengers.length }));
  }
}
