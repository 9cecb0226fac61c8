import { setTimeout as wait } from 'node:timers/promises';

const GIVE_UP_MS = 30_000;

export interface Latencies {
  sent: number;
  lost: number;
  /** Milliseconds from the request to the provider. */
  p50: number;
  p99: number;
}

/** Single notifications at a steady rate, each timed from the request until the provider has it. */
export class Probes {
  readonly #name: string;
  readonly #call: (probe: string) => Promise<{ status: number }>;
  readonly #sentAt = new Map<string, number>();
  readonly #latencies: number[] = [];
  readonly #calls: Promise<void>[] = [];
  #sent = 0;

  constructor(name: string, call: (probe: string) => Promise<{ status: number }>) {
    this.#name = name;
    this.#call = call;
  }

  /** Sends until `stop` aborts or `count` are sent. Resolves when all have arrived or were given up. */
  async run(perSecond: number, { count, stop }: { count: number; stop?: AbortSignal }): Promise<Latencies> {
    const startedAt = monotonicMs();
    while (this.#sent < count && !stop?.aborted) {
      await wait(Math.max(0, startedAt + (this.#sent * 1000) / perSecond - monotonicMs()));
      this.#calls.push(this.#one(`${this.#name}-${this.#sent++}`));
    }
    await Promise.all(this.#calls);
    const end = monotonicMs() + GIVE_UP_MS;
    while (this.#sentAt.size > 0 && monotonicMs() < end) await wait(10);
    this.#latencies.sort((a, b) => a - b);
    const at = (share: number) =>
      this.#latencies[Math.min(this.#latencies.length - 1, Math.floor(this.#latencies.length * share))] ??
      Number.POSITIVE_INFINITY;
    return { sent: this.#sent, lost: this.#sentAt.size, p50: at(0.5), p99: at(0.99) };
  }

  /** The provider has it; `atMs` is of the machine's monotonic clock. */
  arrived(probe: string, atMs: number): void {
    const sentAt = this.#sentAt.get(probe);
    if (sentAt === undefined) return;
    this.#sentAt.delete(probe);
    this.#latencies.push(atMs - sentAt);
  }

  async #one(probe: string): Promise<void> {
    this.#sentAt.set(probe, monotonicMs());
    const { status } = await this.#call(probe);
    if (status !== 202) throw new Error(`a probe was answered with ${status}`);
  }
}

function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export function describeLatencies({ sent, lost, p50, p99 }: Latencies): string {
  return `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms of ${sent}${lost > 0 ? `, ${lost} LOST` : ''}`;
}
