import type { Links } from '../consent/index.ts';
import type { Flags } from '../flags/index.ts';
import type { Hooks } from '../hooks/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { EgressGuard } from '../lib/egress.ts';
import type { Logger } from '../lib/logger.ts';
import { randomBytes } from '../lib/random.ts';
import type { HttpProvider } from '../providers/index.ts';
import type { Claimed, Queue, Wake } from '../queue/index.ts';
import type { Categories } from '../rules/index.ts';
import type { Store } from '../store/index.ts';
import type { LoopWatch, Metrics, Tracer } from '../telemetry/index.ts';
import type { Templates } from '../templates/index.ts';
import type { Connections, Seals } from '../tenants/index.ts';
import type { Tracker } from '../visits/index.ts';
import type { AttemptTools } from './attempt.ts';
import { Dispatcher } from './dispatcher.ts';
import { Evacuation } from './evacuation.ts';
import { type DeliveryLimits, Gates } from './gates.ts';
import type { HealthBoard } from './health-board.ts';
import { Heartbeat } from './heartbeat.ts';
import { JointRequests } from './joint-requests.ts';
import { Recorder } from './recorder.ts';
import { Sender, type SimulatorAddress, type Transports } from './sender.ts';
import { type FetchToken, TokenCache } from './tokens.ts';
import { createHttp2Transport, createHttpTransport, createSmtpTransport } from './transport/index.ts';
import { Worker } from './worker.ts';

export interface DeliveryOptions {
  store: Store;
  clock: Clock;
  logger: Logger;
  wake: Wake;
  queue: Queue;
  limits?: DeliveryLimits;
  templates: Pick<Templates, 'compiled'>;
  connections: Pick<Connections, 'forTenants'>;
  hooks: Pick<Hooks, 'forTenants'>;
  flags: Pick<Flags, 'forTenants'>;
  categories: Pick<Categories, 'forTenants'>;
  /** Absent when there is no address that users could open. */
  links?: Pick<Links, 'forTenants'>;
  /** Absent where nothing is tracked. */
  tracker?: Pick<Tracker, 'forTenants' | 'of'>;
  /** Absent where nothing sealed is sent. */
  seals?: Pick<Seals, 'open'>;
  guard: EgressGuard;
  health: HealthBoard;
  /** Where test attempts go; null when this process must not send any. */
  simulator: SimulatorAddress | null;
  callbackUrl(claimed: Claimed): string | undefined;
  metrics?: Metrics;
  watch?: LoopWatch;
  tracer?: Tracer;
  /** The way to the providers; by default the real one behind the guard. */
  transports?: Transports;
  /** That many random bytes; the system's by default. */
  random?(bytes: number): Uint8Array;
}

export interface DeliveryEngine {
  /** Stops claiming, waits for attempts under way, closes connections. Returns how many attempts were left. */
  stop(timeoutMs: number): Promise<number>;
  /** Whether something could be sent over a connection about now, as this process knows it. */
  isOpen(tenantId: string, connectionId: string): boolean;
}

/** Builds the parts of delivery and starts them. */
export async function startDelivery(options: DeliveryOptions): Promise<DeliveryEngine> {
  const { store, clock, logger, wake, queue, connections, templates, guard, metrics, watch } = options;
  const transports: Transports = options.transports ?? {
    http: createHttpTransport({ guard }),
    http2: createHttp2Transport({ guard }),
    smtp: createSmtpTransport({ guard }),
  };
  const sender = new Sender(transports, options.simulator);
  const gates = new Gates(clock, options.health, options.limits);
  const heartbeat = new Heartbeat({ store, clock, logger, onWorkers: (alive) => gates.divide(alive) });
  const recorder = new Recorder({
    store,
    clock,
    logger,
    metrics,
    wake: options.wake,
    beat: watch?.watch('recorder'),
  });
  const tools: AttemptTools = {
    clock,
    logger,
    sender,
    tokens: new TokenCache(fetchTokenBy(sender)),
    joint: new JointRequests(sender, clock),
    random: options.random ?? randomBytes,
    isAlive: (since) => heartbeat.isAlive(since),
    callbackUrl: options.callbackUrl,
    tracer: options.tracer,
  };
  const worker = new Worker({
    id: heartbeat.workerId,
    store,
    clock,
    logger,
    wake,
    gates,
    recorder,
    connections,
    templates,
    hooks: options.hooks,
    flags: options.flags,
    categories: options.categories,
    links: options.links,
    tracker: options.tracker,
    seals: options.seals,
    tools,
  });
  const evacuation = new Evacuation({
    store,
    clock,
    logger,
    wake,
    gates,
    health: options.health,
    connections,
    flags: options.flags,
    metrics,
    beat: watch?.watch('evacuation'),
  });
  const dispatcher = new Dispatcher({
    store,
    clock,
    logger,
    wake,
    queue,
    gates,
    connections,
    worker,
    metrics,
    watch,
  });
  metrics?.beforeScrape(() => {
    for (const [provider, count] of gates.brokenByProvider()) metrics.breakersOpen.set({ provider }, count);
  });
  await heartbeat.start();
  dispatcher.start();
  evacuation.start();
  return {
    isOpen: (tenantId, connectionId) => gates.isOpen(tenantId, connectionId),
    async stop(timeoutMs) {
      await Promise.all([dispatcher.stop(), evacuation.stop()]);
      const left = await worker.drain(timeoutMs);
      await heartbeat.stop();
      await Promise.allSettled(Object.values(transports).map((transport) => transport.close()));
      return left;
    },
  };
}

/** Fetches a provider's token the way its attempts travel; to the simulator for test routes. */
function fetchTokenBy(sender: Sender): FetchToken {
  return async (provider: HttpProvider, route, now) => {
    const source = provider.token!;
    if ('sign' in source) throw new Error(`${provider.id} signs its tokens itself`);
    const request = source.request(route.config, { now, baseUrl: route.baseUrl });
    const sent = await sender.sendHttp({ ...provider, transport: 'http' }, request, route, null);
    return sent.kind === 'fault'
      ? { outcome: withoutUnknown(sent.outcome) }
      : source.parse(sent.reply, { now });
  };
}

/** While a token is fetched nothing is sent to the recipient: whatever went wrong, the attempt may be repeated. */
function withoutUnknown<O extends { kind: string }>(outcome: O): O {
  return outcome.kind === 'unknown' ? { ...outcome, kind: 'retry', scope: 'message' } : outcome;
}
