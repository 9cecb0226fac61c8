import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Lane } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Claim, Claimed, Wake } from '../queue/index.ts';
import type { Store } from '../store/index.ts';
import type { CompiledTemplate, Templates } from '../templates/index.ts';
import type { Connection, Connections } from '../tenants/index.ts';
import { type AttemptTools, attempt, type Work } from './attempt.ts';
import { findAlternative } from './failover.ts';
import type { Gate } from './gate.ts';
import type { Gates } from './gates.ts';
import type { Recorder } from './recorder.ts';
import { routeOf } from './route.ts';
import { deleteClaims, type Result, releaseClaims } from './store.ts';

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
  tools: AttemptTools;
}

const DELETE_CLAIMS_AT = 50;
const STARTS_PER_TURN = 20;

/** Runs claimed deliveries, all at once, and sees to it that each gets its result written. */
export class Worker {
  readonly id: string;
  readonly #options: WorkerOptions;
  readonly #inFlight = new Map<Lane, number>();
  readonly #running = new Set<Promise<void>>();
  readonly #openClaims = new Set<string>();
  #finishedClaims: string[] = [];
  #freeSlot: () => void = () => {};

  constructor(options: WorkerOptions) {
    this.id = options.id;
    this.#options = options;
  }

  inFlight(lane: Lane): number {
    return this.#inFlight.get(lane) ?? 0;
  }

  onFreeSlot(listener: () => void): void {
    this.#freeSlot = listener;
  }

  /** Starts all deliveries of a claim, whose gates hold a permit for each; returns when they are under way. */
  async run(claim: Claim, gateOf: (claimed: Claimed) => Gate): Promise<void> {
    const { store, connections } = this.#options;
    const tenantIds = [...new Set(claim.deliveries.map((delivery) => delivery.tenantId))];
    const configured = await connections.forTenants(store.engine, tenantIds);
    const templates = await this.#loadTemplates(claim.deliveries);
    let open = claim.deliveries.length;
    this.#openClaims.add(claim.id);
    for (const [i, claimed] of claim.deliveries.entries()) {
      // Rendering, signing and encrypting take their time: requests to the API get a turn in between.
      if (i > 0 && i % STARTS_PER_TURN === 0) await nextTurn();
      this.#count(claimed.lane, 1);
      const work: Work = {
        claimed,
        claimedAt: claim.claimedAt,
        route: routeOf(claimed, configured.get(claimed.tenantId) ?? []),
        gate: gateOf(claimed),
        template: templates.get(templateName(claimed)) ?? null,
        findAlternative: () => this.#findAlternative(claimed, configured.get(claimed.tenantId) ?? []),
      };
      const running = this.#attempt(work).finally(() => {
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
    if (ids.length > 0) await deleteClaims(this.#options.store.engine, ids);
  }

  /** Puts back what was claimed under this worker's name without its knowledge; call it while no claim is under way. */
  async releaseUnheard(): Promise<void> {
    const { store, clock, logger } = this.#options;
    const known = [...this.#openClaims, ...this.#finishedClaims];
    const count = await releaseClaims(store.engine, { id: this.id, known }, new Date(clock.now()));
    if (count > 0) logger.warn({ count }, 'the answer to a claim got lost; its deliveries wait again');
  }

  async #attempt(work: Work): Promise<void> {
    const { claimed } = work;
    const result = await attempt(work, this.#options.tools);
    this.#count(claimed.lane, -1);
    this.#freeSlot();
    await this.#options.recorder.record(result);
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
      claimed.request?.template && claimed.templateVersion !== null
        ? [{ tenantId: claimed.tenantId, id: claimed.request.template.id, version: claimed.templateVersion }]
        : [],
    );
    return wanted.length > 0
      ? this.#options.templates.compiled(this.#options.store.engine, wanted)
      : new Map();
  }

  #finishClaim(id: string): void {
    this.#openClaims.delete(id);
    this.#finishedClaims.push(id);
    if (this.#finishedClaims.length < DELETE_CLAIMS_AT && this.#running.size > 0) return;
    this.flushClaims().catch((error) =>
      this.#options.logger.warn({ error }, 'finished claims could not be removed'),
    );
  }

  #count(lane: Lane, change: number): void {
    this.#inFlight.set(lane, this.inFlight(lane) + change);
  }
}

function templateName(claimed: Claimed): string {
  return `${claimed.tenantId}/${claimed.request?.template?.id}/${claimed.templateVersion}`;
}
