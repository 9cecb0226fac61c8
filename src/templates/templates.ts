import type { Clock } from '../lib/clock.ts';
import { Lru } from '../lib/lru.ts';
import type { Queryable, Store } from '../store/index.ts';
import { type CompiledTemplate, compileTemplate } from './compile.ts';
import { loadVersions, selectPublishedVersion, type TemplateRef } from './store.ts';

export interface WantedTemplate {
  tenantId: string;
  id: string;
  /** Without it, the published version. */
  version?: number;
}

/** Templates as accept and the engine see them. */
export interface Templates {
  /**
   * Compiled templates by `templateKey`; what does not exist is not in the map. At most one query, on the given
   * client, since the caller may be inside a transaction. Archived templates are found: what was accepted is sent.
   */
  compiled(db: Queryable, wanted: readonly WantedTemplate[]): Promise<Map<string, CompiledTemplate>>;
  /** Whether a notification may name this template. Call it outside transactions. */
  isPublished(tenantId: string, id: string): Promise<boolean>;
  /** Forgets which version is published; called when that changed. Other processes see it within 2 s. */
  forget(tenantId: string, id: string): void;
}

const MAX_TEMPLATES = 1_000;
const MAX_DEFINITION_CHARACTERS = 64_000_000;
const MAX_POINTERS = 10_000;
const POINTER_TTL_MS = 2_000;

/** The key of a template in the map that `compiled` gives. */
export function templateKey({ tenantId, id, version }: WantedTemplate): string {
  return `${tenantId}/${id}/${version ?? 'published'}`;
}

/** A template to read, and the version of it that is at hand. */
type WantedVersion = WantedTemplate & { known: CompiledTemplate | undefined };

/** Which version was published when it was last read. */
interface Pointer {
  version: number;
  archived: boolean;
  readAtMs: number;
}

export function createTemplates({ store, clock }: { store: Store; clock: Clock }): Templates {
  return new CachedTemplates(store, clock);
}

class CachedTemplates implements Templates {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #versions = new Lru<CompiledTemplate>(MAX_TEMPLATES, MAX_DEFINITION_CHARACTERS);
  readonly #pointers = new Lru<Pointer>(MAX_POINTERS);
  readonly #lookups = new Map<string, Promise<boolean>>();
  /** Grows with every `forget`: what was read before it is not remembered after it. */
  #generation = 0;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async compiled(db: Queryable, wanted: readonly WantedTemplate[]): Promise<Map<string, CompiledTemplate>> {
    const found = new Map<string, CompiledTemplate>();
    const stale = new Map<string, WantedVersion>();
    for (const want of wanted) {
      const { template, isFresh } = this.#recall(want);
      if (template && isFresh) found.set(templateKey(want), template);
      else stale.set(templateKey(want), { ...want, known: template });
    }
    if (stale.size === 0) return found;
    const generation = this.#generation;
    for (const row of await loadVersions(db, [...stale.values()])) {
      const { tenantId, id, version, archived, definition, characters } = row;
      const key = templateKey({ tenantId, id, version: row.wanted ?? undefined });
      if (row.wanted === null) this.#point(row, { version, archived }, generation);
      const template = definition ? compileTemplate(id, version, definition) : stale.get(key)!.known!;
      this.#versions.set(templateKey({ tenantId, id, version }), template, characters);
      found.set(key, template);
    }
    return found;
  }

  async isPublished(tenantId: string, id: string): Promise<boolean> {
    const key = pointerKey({ tenantId, id });
    const pointer = this.#pointers.get(key);
    if (pointer && !pointer.archived && this.#isFresh(pointer)) return true;
    // One query for all who ask at the same time.
    const underWay = this.#lookups.get(key);
    if (underWay) return underWay;
    const lookup = this.#lookUp({ tenantId, id }).finally(() => {
      if (this.#lookups.get(key) === lookup) this.#lookups.delete(key);
    });
    this.#lookups.set(key, lookup);
    return lookup;
  }

  forget(tenantId: string, id: string): void {
    const key = pointerKey({ tenantId, id });
    this.#generation++;
    this.#pointers.delete(key);
    this.#lookups.delete(key);
  }

  /** What is at hand; when it is not fresh, which version is published must be read again. */
  #recall(want: WantedTemplate): { template: CompiledTemplate | undefined; isFresh: boolean } {
    const pointer = want.version === undefined ? this.#pointers.get(pointerKey(want)) : undefined;
    const version = want.version ?? pointer?.version;
    const template =
      version === undefined ? undefined : this.#versions.get(templateKey({ ...want, version }));
    return { template, isFresh: !pointer || this.#isFresh(pointer) };
  }

  async #lookUp(ref: TemplateRef): Promise<boolean> {
    const generation = this.#generation;
    const version = await selectPublishedVersion(this.#store.engine, ref);
    if (version !== null) this.#point(ref, { version, archived: false }, generation);
    return version !== null;
  }

  #point(ref: TemplateRef, seen: { version: number; archived: boolean }, generation: number): void {
    if (generation !== this.#generation) return;
    this.#pointers.set(pointerKey(ref), { ...seen, readAtMs: this.#clock.now() });
  }

  #isFresh(pointer: Pointer): boolean {
    return Math.abs(this.#clock.now() - pointer.readAtMs) < POINTER_TTL_MS;
  }
}

function pointerKey({ tenantId, id }: TemplateRef): string {
  return `${tenantId}/${id}`;
}
