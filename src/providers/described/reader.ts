import { pointerStep } from '../../lib/text.ts';
import type { ConfigProblem } from '../contract.ts';

type Json = Record<string, unknown>;

/** Reads one place of a description; what breaks a rule is noted with its place, and reading goes on with nothing. */
export class Reader {
  readonly secretNames: string[];
  readonly problems: ConfigProblem[];
  readonly #path: string;

  constructor(secretNames: string[], problems: ConfigProblem[] = [], path = '') {
    this.secretNames = secretNames;
    this.problems = problems;
    this.#path = path;
  }

  /** The same reader, one name (or index) deeper. */
  at(name: string | number): Reader {
    return new Reader(this.secretNames, this.problems, `${this.#path}/${pointerStep(`${name}`)}`);
  }

  refuse(rule: string): undefined {
    this.problems.push({ path: this.#path, rule });
    return undefined;
  }

  /** An object with these names only, or any when none are given. */
  object(value: unknown, names?: readonly string[]): Json | undefined {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return this.refuse('must be an object');
    for (const name of Object.keys(value))
      if (names && !names.includes(name)) this.at(name).refuse(`is not known; there are ${names.join(', ')}`);
    return value as Json;
  }

  list(value: unknown, most: number): unknown[] {
    if (!Array.isArray(value)) return this.refuse('must be a list') ?? [];
    if (value.length > most) this.refuse(`has at most ${most} entries`);
    return value;
  }

  text(value: unknown, pattern?: { regex: RegExp; hint: string }): string | undefined {
    if (typeof value !== 'string') return this.refuse('must be a text');
    if (pattern && !pattern.regex.test(value)) return this.refuse(`must be ${pattern.hint}`);
    return value;
  }

  oneOf<T extends string>(value: unknown, choices: readonly T[]): T | undefined {
    return choices.includes(value as T) ? (value as T) : this.refuse(`must be one of ${choices.join(', ')}`);
  }

  number(value: unknown, { least, most }: { least: number; most: number }): number | undefined {
    const isWithin = typeof value === 'number' && value >= least && value <= most;
    return isWithin ? value : this.refuse(`must be a number from ${least} to ${most}`);
  }

  /** The name of one of the secrets. */
  secretName(value: unknown): string | undefined {
    return typeof value === 'string' && this.secretNames.includes(value)
      ? value
      : this.refuse('must name one of the secrets');
  }
}
