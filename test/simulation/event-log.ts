import { createHash } from 'node:crypto';
import type { Clock } from '../../src/lib/clock.ts';

/** What happened, in order. Two runs of one seed must have the same digest. */
export class EventLog {
  readonly lines: string[] = [];
  readonly #clock: Clock;
  readonly #startedAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  add(kind: string, ...facts: (string | number)[]): void {
    this.lines.push([this.#clock.now() - this.#startedAt, kind, ...facts].join(' '));
  }

  digest(): string {
    return createHash('sha256').update(this.lines.join('\n')).digest('hex');
  }
}
