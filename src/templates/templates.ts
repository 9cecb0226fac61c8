import type { FieldProblem } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import { Lru } from '../lib/lru.ts';
import type { Queryable, Store } from '../store/index.ts';
import { type CompiledTemplate, compileTemplate } from './compile.ts';
import { loadVersions, type TemplateRef } from './store.ts';

export interface WantedTemplate {
  tenantId: string;
  id: string;
  /** Without it, the published version. */
  version?: number;
}

/** A template as a request names it. */
export interface NamedTemplate {
  id: string;
  /** Null when they are not known yet, and not looked at. */
  variables?: Record<string, unknown> | null;
}

/** Templates as accept and the engine see them. */
export interface Templates {
  /**
   * Compiled templates by `templateKey`; what does not exist is not in the map. At most one query, on the given
   * client, since the caller may be inside a transaction. Archived templates are found: what was accepted is sent.
   */
  compiled(db: Queryable, wanted: readonly WantedTemplate[]): Promise<Map<string, CompiledTemplate>>;
  /**
   * Why a notification must not be accepted with this template, as a JSON Pointer below `template` and a rule: it is
   * not published, or the variables are not those it declares. Null when it may. Call it outside transactions.
   */
  refusal(tenantId: string, named: NamedTemplate): Promise<FieldProblem | null>;
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
  readonly #lookups = new Map<string, Promise<CompiledTemplate | null>>();
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
    for (const { key, template } of await this.#load(db, stale)) found.set(key, template);
    return found;
  }

  async refusal(tenantId: string, { id, variables = {} }: NamedTemplate): Promise<FieldProblem | null> {
    const template = await this.#published({ tenantId, id });
    if (!template) return { field: '/id', rule: `names no published template ("${id}")` };
    const refused = variables && template.checkVariables(variables);
    return refused && { field: `/variables${refused.field}`, rule: refused.rule };
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

  /** The published version of a template that is not archived; one query for all who ask at the same time. */
  async #published(ref: TemplateRef): Promise<CompiledTemplate | null> {
    const key = pointerKey(ref);
    const { template, isFresh } = this.#recall(ref);
    if (template && isFresh && !this.#pointers.get(key)?.archived) return template;
    const underWay = this.#lookups.get(key);
    if (underWay) return underWay;
    const wanted = new Map([[templateKey(ref), { ...ref, known: template }]]);
    const lookup = this.#load(this.#store.engine, wanted)
      .then(([found]) => (found && !found.archived ? found.template : null))
      .finally(() => {
        if (this.#lookups.get(key) === lookup) this.#lookups.delete(key);
      });
    this.#lookups.set(key, lookup);
    return lookup;
  }

  async #load(
    db: Queryable,
    wanted: Map<string, WantedVersion>,
  ): Promise<{ key: string; template: CompiledTemplate; archived: boolean }[]> {
    const generation = this.#generation;
    return (await loadVersions(db, [...wanted.values()])).map((row) => {
      const { tenantId, id, version, archived, definition, characters } = row;
      const key = templateKey({ tenantId, id, version: row.wanted ?? undefined });
      if (row.wanted === null) this.#point(row, { version, archived }, generation);
      if (!definition) return { key, template: wanted.get(key)!.known!, archived };
      const template = compileTemplate(id, version, definition);
      this.#versions.set(templateKey({ tenantId, id, version }), template, characters);
      return { key, template, archived };
    });
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
