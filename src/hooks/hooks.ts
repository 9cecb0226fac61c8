import type { Flags, TenantFlags } from '../flags/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Message } from '../providers/index.ts';
import type { Claimed } from '../queue/index.ts';
import { type Queryable, TenantCache } from '../store/index.ts';
import type { Metrics } from '../telemetry/index.ts';
import type { MasterKeys } from '../tenants/index.ts';
import { TIMED_OUT, withinBudget } from './budget.ts';
import { callHook, type HookTransport, type Reply } from './call.ts';
import { buildPostSend, buildPreSend, type Ending, type HookEvent } from './event.ts';
import { type Hook, type Moment, openHook, wants } from './hook.ts';
import { HookLine } from './line.ts';
import type { HooksModule } from './module.ts';
import { PostSend } from './post-send.ts';
import { type Asked, askAll, type Ruling } from './pre-send.ts';
import { selectEnabledHooks } from './store.ts';

const MAX_LINES = 10_000;
const CLOSE_GRACE_MS = 3_000;
/** The name of the operator's module where hooks are named; no id of a tenant's hook looks like it. */
const MODULE_ID = '(module)';

export interface HooksOptions {
  clock: Clock;
  logger: Logger;
  masterKeys: MasterKeys;
  transport: HookTransport & { close(): Promise<void> };
  flags: Pick<Flags, 'forTenants'>;
  metrics?: Metrics;
  /** The operator's own hook, for all tenants. */
  module: HooksModule | null;
  random?: () => number;
}

/** The hooks of one tenant, the operator's module included. */
export interface TenantHooks {
  /** Asks all hooks that want to be asked about this attempt. Never throws. */
  preSend(claimed: Claimed, message: Message): Promise<Ruling>;
  /** Tells them how it ended, once at most; nothing waits for that. */
  postSend(claimed: Claimed, ending: Ending): void;
}

/** What the engine knows of hooks: at most two seconds old. */
export interface Hooks {
  /** Tenants without hooks are missing. Costs no query for what is fresh, else one for all tenants. */
  forTenants(db: Queryable, tenantIds: string[]): Promise<Map<string, TenantHooks>>;
  /** Call it after a change was committed: from now on this process reads the tenant's hooks again. */
  forget(tenantId: string): void;
  /** Events after sending that no hook got, since the start of the process. */
  readonly lost: number;
  /** Waits a few seconds for what hooks are still to be told. */
  close(): Promise<void>;
}

export function createHooks(options: HooksOptions): Hooks {
  return new HookBoard(options);
}

class HookBoard implements Hooks {
  readonly #options: HooksOptions;
  readonly #cache: TenantCache<Hook[]>;
  readonly #lines = new Map<string, HookLine>();
  readonly #postSend: PostSend;

  constructor(options: HooksOptions) {
    this.#options = options;
    this.#postSend = new PostSend(options);
    this.#cache = new TenantCache(options.clock, async (db, tenantIds) => {
      const hooks = (await selectEnabledHooks(db, tenantIds)).map((row) => openHook(row, options.masterKeys));
      return Map.groupBy(hooks, (hook) => hook.tenantId);
    });
  }

  get lost(): number {
    return this.#postSend.lost;
  }

  async forTenants(db: Queryable, tenantIds: string[]): Promise<Map<string, TenantHooks>> {
    const configured = await this.#cache.forTenants(db, tenantIds);
    const concerned = this.#options.module ? [...new Set(tenantIds)] : [...configured.keys()];
    if (concerned.length === 0) return new Map();
    const flags = await this.#options.flags.forTenants(db, concerned);
    return new Map(
      concerned.map((tenantId) => [
        tenantId,
        this.#ofTenant(configured.get(tenantId) ?? [], flags.get(tenantId)!),
      ]),
    );
  }

  forget(tenantId: string): void {
    this.#cache.forget(tenantId);
  }

  async close(): Promise<void> {
    await this.#postSend.drain(CLOSE_GRACE_MS);
    await this.#options.transport.close();
  }

  #ofTenant(hooks: Hook[], flags: TenantFlags): TenantHooks {
    const { clock, module, random = Math.random } = this.#options;
    const wanting = (moment: Moment, claimed: Claimed) =>
      flags.isOn('hooks', { live: claimed.live, subject: claimed.user.externalId })
        ? hooks.filter((hook) => hook.moment === moment && wants(hook, claimed))
        : [];
    return {
      preSend: (claimed, message) => {
        const asked = wanting('pre-send', claimed).map((hook) => this.#asked(hook, claimed));
        // A tenant's flag does not switch off the operator's module.
        if (module?.preSend) asked.unshift(this.#askedModule(module));
        const { channel, content } = message;
        const event = (current: typeof content) =>
          buildPreSend(claimed, { ...message, content: current }, clock.now());
        return askAll(asked, { channel, content, attempt: claimed.attempt, event }, { clock, random });
      },
      postSend: (claimed, ending) => {
        const event = buildPostSend(claimed, ending, clock.now());
        for (const hook of wanting('post-send', claimed)) {
          const callId = callIdOf('post', claimed, hook);
          const call = () => this.#call(hook, { event, callId, maxWaitMs: null });
          const tell = async () => failureOf(await this.#counted(hook.moment, 'tenant', call));
          this.#postSend.tell({ tenantId: hook.tenantId, id: hook.id, tell });
        }
        if (module?.postSend) this.#tellModule(module, claimed.tenantId, event);
      },
    };
  }

  #asked(hook: Hook, claimed: Claimed): Asked {
    return {
      id: hook.id,
      onFailure: hook.onFailure,
      ask: (event) =>
        this.#counted(hook.moment, 'tenant', () =>
          this.#call(hook, { event, callId: callIdOf('pre', claimed, hook), maxWaitMs: hook.timeoutMs }),
        ),
    };
  }

  #askedModule(module: HooksModule): Asked {
    return {
      id: MODULE_ID,
      onFailure: module.onFailure,
      ask: (event) =>
        this.#counted('pre-send', 'operator', () =>
          runModule(this.#options.clock, module.timeoutMs, () => module.preSend!(structuredClone(event))),
        ),
    };
  }

  #tellModule(module: HooksModule, tenantId: string, event: HookEvent): void {
    const { clock } = this.#options;
    const run = () => runModule(clock, module.timeoutMs, () => module.postSend!(event));
    const tell = async () => failureOf(await this.#counted('post-send', 'operator', run));
    this.#postSend.tell({ tenantId, id: MODULE_ID, tell });
  }

  async #counted<R extends object>(
    moment: Moment,
    by: 'tenant' | 'operator',
    call: () => Promise<R>,
  ): Promise<R> {
    const { metrics, clock } = this.#options;
    const startedAt = clock.now();
    const reply = await call();
    const outcome = 'notCalled' in reply ? 'not_called' : 'failed' in reply ? 'failed' : 'answered';
    metrics?.hookCalls.inc({ moment, by, outcome });
    if (outcome !== 'not_called')
      metrics?.hookSeconds.observe({ moment, by }, (clock.now() - startedAt) / 1000);
    return reply;
  }

  /** A call in its turn: see `HookLine`. */
  async #call(
    hook: Hook,
    { event, callId, maxWaitMs }: { event: HookEvent; callId: string; maxWaitMs: number | null },
  ): Promise<Reply & { retryAfterMs?: number; notCalled?: true }> {
    const { clock } = this.#options;
    const line = this.#lineOf(hook);
    if (line.pauseMs(clock.now()) > 0) return paused(line, clock);
    if (!(await this.#enter(line, maxWaitMs)))
      return { failed: 'too many calls are waiting', notCalled: true };
    try {
      if (line.pauseMs(clock.now()) > 0) return paused(line, clock);
      const reply = await callHook(this.#options, hook, { event, callId });
      if ('failed' in reply) line.fail(clock.now());
      else line.succeed();
      return reply;
    } finally {
      line.leave();
    }
  }

  /** An attempt holds a slot of its lane while it waits, so it does not wait longer than for an answer. */
  async #enter(line: HookLine, maxWaitMs: number | null): Promise<boolean> {
    if (line.tryEnter()) return true;
    if (maxWaitMs === null) return line.enter();
    const [tooLate, finished] = [new AbortController(), new AbortController()];
    void this.#options.clock.sleep(maxWaitMs, finished.signal).then(() => tooLate.abort());
    try {
      return await line.enter(tooLate.signal);
    } finally {
      finished.abort();
    }
  }

  #lineOf(hook: Hook): HookLine {
    let line = this.#lines.get(hook.key);
    if (line) return line;
    line = new HookLine();
    this.#lines.set(hook.key, line);
    if (this.#lines.size > MAX_LINES) this.#lines.delete(this.#lines.keys().next().value!);
    return line;
  }
}

function paused(line: HookLine, clock: Clock): Reply & { retryAfterMs: number; notCalled: true } {
  return { failed: 'it is paused after failures', retryAfterMs: line.pauseMs(clock.now()), notCalled: true };
}

/** Runs a function of the operator's module within its time. A function that never lets go of the thread is not stopped. */
async function runModule(
  clock: Clock,
  timeoutMs: number,
  run: () => unknown,
): Promise<{ value: unknown } | { failed: string }> {
  try {
    const value = await withinBudget(clock, timeoutMs, async () => run());
    return value === TIMED_OUT ? { failed: `no answer within ${timeoutMs} ms` } : { value };
  } catch (error) {
    return { failed: `it threw ${error instanceof Error ? error.name : 'something'}` };
  }
}

function failureOf(reply: { failed: string } | object): string | null {
  return 'failed' in reply ? reply.failed : null;
}

/** Standard Webhooks: unique for what is said, the same when it is said again, without a full stop. */
function callIdOf(moment: 'pre' | 'post', { id, attempt }: Claimed, hook: Hook): string {
  return `${moment}_${id}_${attempt}_${hook.id}`;
}
