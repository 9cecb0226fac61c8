import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Metrics } from '../telemetry/index.ts';

const MAX_UNDER_WAY = 1_000;
const TELL_EVERY_MS = 10_000;

/** One hook to be told, and how. */
export interface Told {
  tenantId: string;
  id: string;
  /** Resolves to why it failed, or to null. Never throws. */
  tell(): Promise<string | null>;
}

interface Line {
  underWay: number;
  /** Since it was last written to the log. */
  lost: number;
  toldAt: number;
}

/**
 * Tells hooks what became of attempts: once at most, with nobody waiting for it. What a hook does not take, or takes
 * too slowly, is lost; the losses are counted and logged.
 */
export class PostSend {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #metrics: Metrics | undefined;
  readonly #lines = new Map<string, Line>();
  readonly #running = new Set<Promise<void>>();
  #lost = 0;

  constructor({ clock, logger, metrics }: { clock: Clock; logger: Logger; metrics?: Metrics }) {
    this.#clock = clock;
    this.#logger = logger;
    this.#metrics = metrics;
  }

  /** Events that no hook got, since the start of the process. */
  get lost(): number {
    return this.#lost;
  }

  tell(told: Told): void {
    const name = `${told.tenantId}/${told.id}`;
    let line = this.#lines.get(name);
    if (!line) {
      line = { underWay: 0, lost: 0, toldAt: Number.NEGATIVE_INFINITY };
      this.#lines.set(name, line);
    }
    if (line.underWay >= MAX_UNDER_WAY) {
      this.#lose(line, told, 'too many are waiting');
      return;
    }
    line.underWay++;
    const running = told.tell().then((failed) => {
      line.underWay--;
      this.#running.delete(running);
      if (failed !== null) this.#lose(line, told, failed);
      if (line.underWay === 0 && line.lost === 0) this.#lines.delete(name);
    });
    this.#running.add(running);
  }

  /** Waits for what is under way, at most `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    const finished = new AbortController();
    await Promise.race([Promise.all(this.#running), this.#clock.sleep(timeoutMs, finished.signal)]);
    finished.abort();
  }

  #lose(line: Line, { tenantId, id }: Told, why: string): void {
    this.#lost++;
    this.#metrics?.hookEventsLost.inc();
    line.lost++;
    const now = this.#clock.now();
    if (now - line.toldAt < TELL_EVERY_MS) return;
    this.#logger.warn(
      { tenant: tenantId, hook: id, count: line.lost, rule: why },
      'a post-send hook missed events',
    );
    line.lost = 0;
    line.toldAt = now;
  }
}
