import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Links, TenantLinks } from '../consent/index.ts';
import type { Flags, TenantFlags } from '../flags/index.ts';
import type { Hooks, TenantHooks } from '../hooks/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Claim, Claimed, Wake } from '../queue/index.ts';
import type { Categories, Category, TenantCategories } from '../rules/index.ts';
import type { Store } from '../store/index.ts';
import type { CompiledTemplate, Templates } from '../templates/index.ts';
import type { Connection, Connections, Seals } from '../tenants/index.ts';
import type { Tracker, TrackingSettings } from '../visits/index.ts';
import { type AttemptTools, attempt, breakOff, handBack, type Work } from './attempt.ts';
import { findAlternative } from './failover.ts';
import type { Gate } from './gate.ts';
import type { Gates } from './gates.ts';
import { linksFor } from './message-links.ts';
import type { Recorder } from './recorder.ts';
import { type Route, routeOf } from './route.ts';
import { openSealed, type SealedValues } from './sealed-content.ts';
import { deleteClaims, type Result } from './store.ts';

export interface WorkerOptions {
  id: string;
  store: Store;
  clock: Clock;
  logger: Logger;
  wake: Wake;
  gates: Gates;
  recorder: Recorder;
  connections: Pick<Connections, 'forTenants'>;
  templates: Pick<Templates, 'compiled'>;
  hooks: Pick<Hooks, 'forTenants'>;
  flags: Pick<Flags, 'forTenants'>;
  categories: Pick<Categories, 'forTenants'>;
  /** Absent when there is no address for them. */
  links?: Pick<Links, 'forTenants'>;
  /** Absent where nothing is tracked. */
  tracker?: Pick<Tracker, 'forTenants' | 'of'>;
  /** Without it nothing is sent that has sealed values. */
  seals?: Pick<Seals, 'open'>;
  tools: AttemptTools;
}

/** What the attempts of a claim need besides the deliveries themselves. */
interface Needs {
  configured: Map<string, Connection[]>;
  templates: Map<string, CompiledTemplate>;
  hooks: Map<string, TenantHooks>;
  flags: Map<string, TenantFlags>;
  categories: Map<string, TenantCategories>;
  links: Map<string, TenantLinks> | null;
  tracked: Map<string, TrackingSettings> | null;
  /** By the id of the delivery. */
  sealed: Map<string, SealedValues>;
}

const DELETE_CLAIMS_AT = 50;
const STARTS_PER_TURN = 20;

/** Runs claimed deliveries, all at once, and sees to it that each gets its result written. */
export class Worker {
  readonly id: string;
  readonly #options: WorkerOptions;
  readonly #running = new Set<Promise<void>>();
  #finishedClaims: string[] = [];
  #freeSlot: () => void = () => {};

  constructor(options: WorkerOptions) {
    this.id = options.id;
    this.#options = options;
  }

  onFreeSlot(listener: () => void): void {
    this.#freeSlot = listener;
  }

  /** Starts all deliveries of a claim, whose gates hold a permit for each; returns when they are under way. */
  async run(claim: Claim, gateOf: (claimed: Claimed) => Gate): Promise<void> {
    const needs = await this.#lookUp(claim.deliveries).catch((error: unknown) => {
      this.#options.logger.error({ error }, 'what attempts need could not be read; handing them back');
      return null;
    });
    let open = claim.deliveries.length;
    for (const [i, claimed] of claim.deliveries.entries()) {
      // Rendering, signing and encrypting take their time: requests to the API get a turn in between.
      if (i > 0 && i % STARTS_PER_TURN === 0) await nextTurn();
      const ended = needs
        ? this.#attempt(claimed, gateOf(claimed), needs)
        : this.#handBack(claimed, gateOf(claimed));
      const hooks = needs?.hooks.get(claimed.tenantId) ?? null;
      const running = this.#finish(claimed, ended, hooks).finally(() => {
        this.#running.delete(running);
        if (--open === 0) this.#finishClaim(claim.id);
      });
      this.#running.add(running);
    }
  }

  /** Waits until every attempt is recorded, at most `timeoutMs`. Returns how many are still under way. */
  async drain(timeoutMs: number): Promise<number> {
    const all = Promise.allSettled([...this.#running]);
    await Promise.race([all, this.#options.clock.sleep(timeoutMs)]);
    await this.flushClaims().catch(() => {});
    return this.#running.size;
  }

  async flushClaims(): Promise<void> {
    const ids = this.#finishedClaims.splice(0);
    if (ids.length === 0) return;
    await deleteClaims(this.#options.store.engine, ids).catch((error) => {
      // Next time again: a claim that stays looks like an attempt under way.
      this.#finishedClaims.unshift(...ids);
      throw error;
    });
  }

  async #lookUp(deliveries: Claimed[]): Promise<Needs> {
    const { store, connections, hooks, flags, categories, links, tracker, seals } = this.#options;
    const tenantIds = [...new Set(deliveries.map((delivery) => delivery.tenantId))];
    return {
      configured: await connections.forTenants(store.engine, tenantIds),
      hooks: await hooks.forTenants(store.engine, tenantIds),
      flags: await flags.forTenants(store.engine, tenantIds),
      categories: await categories.forTenants(store.engine, tenantIds),
      links: links ? await links.forTenants(tenantIds) : null,
      tracked: tracker ? await tracker.forTenants(store.engine, tenantIds) : null,
      templates: await this.#loadTemplates(deliveries),
      sealed: await openSealed(store.engine, seals, deliveries),
    };
  }

  #prepare(claimed: Claimed, gate: Gate, needs: Needs): Work {
    const connections = needs.configured.get(claimed.tenantId) ?? [];
    const category = needs.categories.get(claimed.tenantId)!.of(claimed.category);
    const route = routeOf(claimed, connections);
    return {
      claimed,
      route,
      gate,
      health: this.#options.gates.healthOf(claimed.tenantId, claimed.connection),
      category,
      template: needs.templates.get(templateName(claimed)) ?? null,
      hooks: needs.hooks.get(claimed.tenantId) ?? null,
      sealed: needs.sealed.get(claimed.id) ?? null,
      links: linksFor(claimed, category, needs.links?.get(claimed.tenantId) ?? null),
      tracking: route && this.#trackingOf(claimed, category, route, needs),
      findAlternative: () =>
        mayFailOver(claimed, needs.flags) ? this.#findAlternative(claimed, connections) : null,
    };
  }

  #trackingOf(claimed: Claimed, category: Category, { provider }: Route, { tracked }: Needs) {
    const { tenantId, channel, request } = claimed;
    const facts = { channel, category, asked: request.tracking, provider };
    return this.#options.tracker?.of(claimed, facts, tracked?.get(tenantId)) ?? null;
  }

  /** A bug of ours on the way must end this delivery alone: unheard, it would end the process. */
  async #attempt(claimed: Claimed, gate: Gate, needs: Needs): Promise<Result> {
    try {
      return await attempt(this.#prepare(claimed, gate, needs), this.#options.tools);
    } catch (error) {
      this.#options.logger.error({ error, delivery: claimed.id }, 'an attempt failed in our own code');
      // It may have given its permit back already: one too many is better than one for ever less.
      gate.abandon();
      return breakOff(claimed, this.#options.clock.now());
    }
  }

  async #handBack(claimed: Claimed, gate: Gate): Promise<Result> {
    gate.abandon();
    return handBack(claimed, this.#options.clock.now());
  }

  async #finish(claimed: Claimed, ended: Promise<Result>, hooks: TenantHooks | null): Promise<void> {
    const result = await ended;
    this.#freeSlot();
    if (await this.#options.recorder.record(result)) hooks?.postSend(claimed, result);
    this.#announce(result);
  }

  /** A queued delivery may be due soon, or at once on another connection. */
  #announce({ claimed, settlement }: Result): void {
    if (settlement.state === 'queued') this.#options.wake.signal(claimed.lane);
  }

  #findAlternative(claimed: Claimed, connections: Connection[]) {
    return findAlternative(claimed, connections, this.#options.gates, this.#options.clock.now());
  }

  async #loadTemplates(deliveries: Claimed[]): Promise<Map<string, CompiledTemplate>> {
    const wanted = deliveries.flatMap((claimed) =>
      claimed.request.template && claimed.templateVersion !== null
        ? [{ tenantId: claimed.tenantId, id: claimed.request.template.id, version: claimed.templateVersion }]
        : [],
    );
    return wanted.length > 0
      ? this.#options.templates.compiled(this.#options.store.engine, wanted)
      : new Map();
  }

  #finishClaim(id: string): void {
    this.#finishedClaims.push(id);
    if (this.#finishedClaims.length < DELETE_CLAIMS_AT && this.#running.size > 0) return;
    this.flushClaims().catch((error) =>
      this.#options.logger.warn({ error }, 'finished claims could not be removed'),
    );
  }
}

function templateName(claimed: Claimed): string {
  return `${claimed.tenantId}/${claimed.request.template?.id}/${claimed.templateVersion}`;
}

function mayFailOver({ tenantId, live, user }: Claimed, flags: Map<string, TenantFlags>): boolean {
  return flags.get(tenantId)!.isOn('failover', { live, subject: user.externalId });
}
