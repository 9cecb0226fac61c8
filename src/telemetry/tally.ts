import type { Counter } from 'prom-client';

/**
 * Counts the members of a batch by their label values, then adds each distinct set once: the library's own work
 * for an increment (checking and sorting labels) is paid for per set and not per delivery.
 */
export class Tally<Label extends string> {
  readonly #counter: Counter<Label>;
  readonly #labels: readonly Label[];
  readonly #counts = new Map<string, { values: string[]; count: number }>();

  constructor(counter: Counter<Label>, ...labels: readonly Label[]) {
    this.#counter = counter;
    this.#labels = labels;
  }

  /** Values in the order of the labels; what has none counts under the empty text. */
  add(...values: (string | null | undefined)[]): void {
    const name = values.join('\n');
    const known = this.#counts.get(name);
    if (known) known.count++;
    else this.#counts.set(name, { values: values.map((value) => value ?? ''), count: 1 });
  }

  flush(): void {
    for (const { values, count } of this.#counts.values()) {
      const labels = Object.fromEntries(this.#labels.map((label, i) => [label, values[i]!]));
      this.#counter.inc(labels as Record<Label, string>, count);
    }
    this.#counts.clear();
  }
}
