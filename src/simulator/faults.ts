import type { Provider } from '../providers/contract.ts';
import type { Random } from './fresh-id.ts';

/** What can happen instead of an answer: none at all, a dead socket before it, a dead socket halfway through it. */
export const BREAKDOWNS = ['hang', 'reset', 'cut'] as const;
export type Breakdown = (typeof BREAKDOWNS)[number];

export function isBreakdown(name: string): name is Breakdown {
  return (BREAKDOWNS as readonly string[]).includes(name);
}

export interface Faults {
  latencyMs: number;
  /** Up to this much is added to the latency, at random. */
  jitterMs: number;
  /** Weights by example name or breakdown; names that a provider does not have are left out. */
  mix: Record<string, number>;
}

export interface FaultSettings {
  all: Faults;
  /** A provider named here follows its own faults instead. */
  providers: Record<string, Faults>;
}

export const NO_FAULTS: Faults = { latencyMs: 0, jitterMs: 0, mix: {} };

const MAX_LATENCY_MS = 600_000;
const MAX_WEIGHT = 1_000_000;

export class FaultBoard {
  readonly #names: Map<string, Set<string>>;
  #settings: FaultSettings = { all: NO_FAULTS, providers: {} };
  #listeners = new Set<() => void>();

  constructor(providers: Provider[]) {
    this.#names = new Map(
      providers.flatMap((provider) =>
        provider.transport === 'inbox' ? [] : [[provider.id, behavioursOf(provider)]],
      ),
    );
  }

  get settings(): FaultSettings {
    return this.#settings;
  }

  of(providerId: string): Faults {
    return this.#settings.providers[providerId] ?? this.#settings.all;
  }

  set(settings: Partial<FaultSettings>): void {
    this.#settings = { all: settings.all ?? NO_FAULTS, providers: settings.providers ?? {} };
    for (const listener of this.#listeners) listener();
  }

  /** Returns what ends the subscription. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The settings in a JSON body, or what is wrong with it. */
  parse(body: unknown): FaultSettings | { problem: string } {
    const stray = strayKey(body, ['all', 'providers']);
    if (stray) return { problem: stray };
    const { all = NO_FAULTS, providers = {} } = body as Partial<FaultSettings>;
    const known = new Set([...this.#names.values()].flatMap((names) => [...names]));
    const problem = faultsProblem('/all', all, known) ?? this.#providersProblem(providers);
    return problem ? { problem } : { all: complete(all), providers: mapValues(providers, complete) };
  }

  #providersProblem(providers: unknown): string | null {
    if (!isObject(providers)) return '/providers must be an object';
    for (const [id, faults] of Object.entries(providers)) {
      const names = this.#names.get(id);
      const problem = names
        ? faultsProblem(`/providers/${id}`, faults, names)
        : '/providers names no provider';
      if (problem) return problem;
    }
    return null;
  }
}

/** Every name a provider can be told to answer with. */
export function behavioursOf(provider: Exclude<Provider, { transport: 'inbox' }>): Set<string> {
  return new Set([...Object.keys(provider.examples), ...BREAKDOWNS]);
}

/** One name of the mix, by weight; `accepted` when no weight applies. */
export function drawBehaviour(mix: Record<string, number>, names: Set<string>, random: Random): string {
  const entries = Object.entries(mix).filter(([name, weight]) => weight > 0 && names.has(name));
  let left = random() * entries.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [name, weight] of entries) {
    left -= weight;
    if (left < 0) return name;
  }
  return 'accepted';
}

export function drawDelayMs({ latencyMs, jitterMs }: Faults, random: Random): number {
  return jitterMs === 0 ? latencyMs : Math.round(latencyMs + random() * jitterMs);
}

function faultsProblem(path: string, faults: unknown, names: Set<string>): string | null {
  const stray = strayKey(faults, ['latencyMs', 'jitterMs', 'mix']);
  if (stray) return `${path}: ${stray}`;
  const { latencyMs = 0, jitterMs = 0, mix = {} } = faults as Partial<Faults>;
  if (!isWithin(latencyMs, MAX_LATENCY_MS)) return `${path}/latencyMs must be 0 to ${MAX_LATENCY_MS}`;
  if (!isWithin(jitterMs, MAX_LATENCY_MS)) return `${path}/jitterMs must be 0 to ${MAX_LATENCY_MS}`;
  if (!isObject(mix)) return `${path}/mix must be an object`;
  for (const [name, weight] of Object.entries(mix)) {
    if (!names.has(name)) return `${path}/mix: there is no such example; there are ${[...names].join(', ')}`;
    if (!isWithin(weight, MAX_WEIGHT)) return `${path}/mix/${name} must be 0 to ${MAX_WEIGHT}`;
  }
  return null;
}

function complete(faults: Partial<Faults>): Faults {
  return { ...NO_FAULTS, ...faults };
}

function strayKey(value: unknown, keys: string[]): string | null {
  if (!isObject(value)) return 'must be an object';
  return Object.keys(value).every((key) => keys.includes(key)) ? null : `may have ${keys.join(', ')} only`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWithin(value: unknown, max: number): boolean {
  return typeof value === 'number' && value >= 0 && value <= max;
}

function mapValues<A, B>(object: Record<string, A>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}
