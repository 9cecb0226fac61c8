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
  /** False once this process was given up while the message waited: others send it, so it must not go from here. */
  isOurs(): boolean;
}

/** The answer to a request, or why there is none, and what that means for one message of it. */
export type Arrival =
  | { sent: Extract<Sent<HttpResponse>, { kind: 'fault' }> }
  | { sent: Exclude<Sent<HttpResponse>, { kind: 'fault' }>; outcome: Outcome; together: number }
  | 'left behind';

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
      flush: (passengers) => this.#depart(passengers),
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

  /** Before the first of them is written: requests that went before may have taken long, or the machine stood still. */
  async #depart(passengers: Passenger[]): Promise<Arrival[]> {
    const going = passengers.filter((passenger) => passenger.isOurs());
    const arrivals = going.length > 0 ? await this.#travel(going) : [];
    const arrivalOf = new Map(going.map((passenger, i) => [passenger, arrivals[i]!]));
    return passengers.map((passenger) => arrivalOf.get(passenger) ?? 'left behind');
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
    const arrivals = outcomes.map((outcome) => ({ sent, outcome, together: passengers.length }));
    const innocent = passengers.filter((_passenger, i) => isInBadCompany(outcomes[i]!));
    if (innocent.length === 0 || innocent.length === passengers.length) return arrivals;
    // Nothing of them was sent, and each such request leaves at least one out: it comes to an end.
    const again = await this.#depart(innocent);
    return arrivals.map((arrival) => (isInBadCompany(arrival.outcome) ? again.shift()! : arrival));
  }
}

/** Sent back for another's sake (`Batching.classify`): a retry by its schedule would cost it a minute, and one of few. */
function isInBadCompany(outcome: Outcome): boolean {
  return outcome.kind === 'retry' && outcome.reason === 'request_invalid';
}
