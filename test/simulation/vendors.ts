import { deadlineError, judgeFault } from '../../src/delivery/transport/fault.ts';
import type { SendOptions, Sent } from '../../src/delivery/transport/index.ts';
import type { FakeClock } from '../../src/lib/clock.ts';
import type { HttpRequest, HttpResponse } from '../../src/providers/index.ts';
import type { Claimed } from '../../src/queue/index.ts';
import type { EventLog } from './event-log.ts';
import type { Lifeline } from './lifeline.ts';
import type { SeededRandom } from './random.ts';

/** One request that reached a vendor, and what came of it there. */
export interface Sending {
  deliveryId: string;
  attempt: number;
  connection: string;
  provider: string;
  category: string;
  at: number;
  expiresAt: number | null;
  /** The vendor took the message, whatever the sender heard. */
  accepted: boolean;
  /** Not before this moment, said the answer (Retry-After). */
  notBefore: number | null;
  process: string;
}

type Behaviour = keyof typeof USUAL;

/** How often a vendor does what. */
const USUAL = {
  accepts: 60,
  rejects: 3,
  suppresses: 0.3,
  asksToRetry: 8,
  throttles: 3,
  closesAccount: 3,
  acceptsAndBreaks: 8,
  breaks: 5,
  hangs: 3,
  acceptsAndHangs: 3,
};
const HEALTHY: typeof USUAL = { ...USUAL, closesAccount: 0, hangs: 0, throttles: 0 };

export interface VendorsOptions {
  clock: FakeClock;
  random: SeededRandom;
  log: EventLog;
  /** The vendor took a message: receipts may follow. */
  onAccepted(sending: Sending): void;
}

/** Plays every account at the vendors, and remembers what a judge must know. */
export class Vendors {
  readonly sendings: Sending[] = [];
  isHealing = false;
  readonly #options: VendorsOptions;

  constructor(options: VendorsOptions) {
    this.#options = options;
  }

  /** One request of an attempt; `claimed` is the attempt that it is for. */
  async answer(
    claimed: Claimed,
    lifeline: Lifeline,
    { options }: { request: HttpRequest; options: SendOptions },
  ): Promise<Sent<HttpResponse>> {
    const { clock, random, log } = this.#options;
    const behaviour = random.weighted(this.isHealing ? HEALTHY : USUAL);
    const afterMs = random.pick([1_000, 7_000, 30_000]);
    const latencyMs = random.pick([1, 5, 20, 100, 400, 2_000]);
    const sending: Sending = {
      deliveryId: claimed.id,
      attempt: claimed.attempt,
      connection: claimed.connection,
      provider: claimed.provider!,
      category: claimed.category,
      at: clock.now(),
      expiresAt: claimed.expiresAt,
      accepted: behaviour.startsWith('accepts'),
      notBefore: null,
      process: lifeline.name,
    };
    this.sendings.push(sending);
    log.add('send', lifeline.name, claimed.id, claimed.attempt, claimed.connection, behaviour);
    if (sending.accepted) this.#options.onAccepted(sending);
    if (/hangs/i.test(behaviour)) {
      await clock.sleep(options.deadlineMs);
      await lifeline.pass();
      return judgeFault(deadlineError(), 'maybe-written');
    }
    await clock.sleep(latencyMs);
    await lifeline.pass();
    if (/breaks/i.test(behaviour)) return judgeFault(reset(), 'maybe-written');
    if (behaviour === 'throttles' || behaviour === 'asksToRetry') sending.notBefore = clock.now() + afterMs;
    return { kind: 'reply', reply: ANSWERS[sending.provider]!(behaviour, afterMs, claimed.id) };
  }
}

const reset = () => Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });

const ANSWERS: Record<string, (behaviour: Behaviour, afterMs: number, id: string) => HttpResponse> = {
  twilio(behaviour, afterMs, id) {
    switch (behaviour) {
      case 'rejects':
        return answer(400, { code: 21617 });
      case 'suppresses':
        return answer(400, { code: 21211 });
      case 'asksToRetry':
        return answer(429, { code: 21611 }, afterMs);
      case 'throttles':
        return answer(429, { code: 20429 }, afterMs);
      case 'closesAccount':
        return answer(401, { code: 20003 });
      default:
        return answer(201, { sid: `SM${id.replaceAll('-', '')}` });
    }
  },
  webhook(behaviour, afterMs) {
    switch (behaviour) {
      case 'rejects':
      case 'suppresses':
        return answer(413, {});
      case 'asksToRetry':
        return answer(500, {}, afterMs);
      case 'throttles':
        return answer(429, {}, afterMs);
      case 'closesAccount':
        return answer(410, {});
      default:
        return answer(204, {});
    }
  },
};

function answer(status: number, body: object, afterMs?: number): HttpResponse {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (afterMs !== undefined) headers['retry-after'] = String(afterMs / 1000);
  return { status, headers, body: JSON.stringify(body) };
}
