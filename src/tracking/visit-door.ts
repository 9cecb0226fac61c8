import type { FastifyRequest } from 'fastify';
import type { Clock } from '../lib/clock.ts';
import { RateWindow } from '../lib/rate-window.ts';
import type { Metrics } from '../telemetry/index.ts';
import { judgeVisit, type Kind, type Tracked, type Tracker } from '../visits/index.ts';
import type { VisitLine } from './visit-line.ts';
import type { VisitKind } from './visit-store.ts';

export interface VisitDoorOptions {
  tracker: Pick<Tracker, 'open'>;
  line: Pick<VisitLine, 'add'>;
  clock: Clock;
  metrics?: Metrics;
  /** Tokens that do not open, per second and address, before that address is answered 429. */
  failuresPerSecondPerAddress: number;
}

/** Of one address; more are answered and not written down. The picture proxies of mail providers stand for millions. */
const VISITS_PER_SECOND_PER_ADDRESS = 200;
/** One visit, whose token was looked into and that was judged: written down later, or lost. */
export class VisitDoor {
  readonly #options: VisitDoorOptions;
  readonly #failures: RateWindow;
  readonly #visits: RateWindow;

  constructor(options: VisitDoorOptions) {
    this.#options = options;
    this.#failures = new RateWindow(options.failuresPerSecondPerAddress, options.clock);
    this.#visits = new RateWindow(VISITS_PER_SECOND_PER_ADDRESS, options.clock);
  }

  /** What the token says, or why nothing does. Needs no database. */
  open(request: FastifyRequest, token: string, kind: Kind): Tracked | 'notFound' | 'busy' {
    const tracked = this.#options.tracker.open(token, kind);
    if (tracked) return tracked;
    this.#options.metrics?.visits.inc({ source: kind, by: 'forged' });
    return this.#failures.count(request.ip) ? 'notFound' : 'busy';
  }

  note({ ip, method, headers }: FastifyRequest, tracked: Tracked, what: VisitKind): void {
    const { clock, line, metrics } = this.#options;
    if (!this.#visits.count(ip)) {
      metrics?.visitsLost.inc({ reason: 'limited' });
      return;
    }
    const at = clock.now();
    const verdict = judgeVisit({ kind: tracked.kind, method, headers, at }, tracked);
    line.add({ tracked, what, at, verdict });
  }
}
