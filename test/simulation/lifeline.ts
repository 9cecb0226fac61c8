import type { Clock, FakeClock } from '../../src/lib/clock.ts';
import type { SeededRandom } from './random.ts';

/** The process is gone: thrown only into code that must still let go of the database's one connection. */
export class Crashed extends Error {
  override name = 'Crashed';
}

const never = () => new Promise<never>(() => {});

/**
 * What a simulated process hangs on. Everything that it does to the world passes here, so it can be killed at a
 * chosen point of its work, and stopped and resumed as by SIGSTOP and SIGCONT: a dead one never hears an answer.
 */
export class Lifeline implements Clock {
  readonly name: string;
  readonly #clock: FakeClock;
  readonly #random: SeededRandom;
  #dead = false;
  #stepsLeft = Number.POSITIVE_INFINITY;
  #resumed: PromiseWithResolvers<void> | null = null;
  #onDeath: () => void = () => {};

  constructor(name: string, clock: FakeClock, random: SeededRandom) {
    this.name = name;
    this.#clock = clock;
    this.#random = random;
  }

  get isDead(): boolean {
    return this.#dead;
  }

  get isStopped(): boolean {
    return this.#resumed !== null;
  }

  onDeath(listener: () => void): void {
    this.#onDeath = listener;
  }

  crash(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#onDeath();
  }

  /** Dies in the middle of its work: when it has passed so many more points. */
  crashAfter(steps: number): void {
    this.#stepsLeft = steps;
  }

  stop(): void {
    this.#resumed ??= Promise.withResolvers();
  }

  resume(): void {
    this.#resumed?.resolve();
    this.#resumed = null;
  }

  /** A point at which it may die; throws `Crashed` when it is dead. */
  step(): void {
    if (--this.#stepsLeft < 0) this.crash();
    if (this.#dead) throw new Crashed();
  }

  /** A point at which it may die or stand still. Never resolves for a dead process. */
  async pass(): Promise<void> {
    if (--this.#stepsLeft < 0) this.crash();
    while (this.#resumed) await this.#resumed.promise;
    if (this.#dead) await never();
  }

  now(): number {
    return this.#clock.now();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await this.#clock.sleep(ms, signal);
    while (this.#resumed) await this.#resumed.promise;
    if (this.#dead) await never();
  }

  /** Takes the time that a message to another machine needs. */
  async travel(): Promise<void> {
    await this.#clock.sleep(this.#random.between(0, 3));
  }
}
