import { randomFillSync } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { EgressGuard } from '../lib/egress.ts';
import type { Logger } from '../lib/logger.ts';
import type { HttpProvider } from '../providers/index.ts';
import type { Claimed, Queue, Wake } from '../queue/index.ts';
import type { Store } from '../store/index.ts';
import type { Templates } from '../templates/index.ts';
import type { Connections } from '../tenants/index.ts';
import { Dispatcher } from './dispatcher.ts';
import { Gates } from './gates.ts';
import { Heartbeat } from './heartbeat.ts';
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
  templates: Pick<Templates, 'compiled'>;
  connections: Pick<Connections, 'forTenants'>;
  guard: EgressGuard;
  /** Where test attempts go; null when this process must not send any. */
  simulator: SimulatorAddress | null;
  callbackUrl(claimed: Claimed): string | undefined;
}

export interface DeliveryEngine {
  /** Stops claiming, waits for attempts under way, closes connections. Returns how many attempts were left. */
  stop(timeoutMs: number): Promise<number>;
}

/** Builds the parts of delivery and starts them. */
export async function startDelivery(options: DeliveryOptions): Promise<DeliveryEngine> {
  const { store, clock, logger, wake, queue, connections, templates, guard } = options;
  const transports: Transports = {
    http: createHttpTransport({ guard }),
    http2: createHttp2Transport({ guard }),
    smtp: createSmtpTransport({ guard }),
  };
  const sender = new Sender(transports, options.simulator);
  const heartbeat = new Heartbeat({ store, clock, logger });
  const gates = new Gates(clock);
  const recorder = new Recorder({ store, clock, logger });
  const tools = {
    clock,
    logger,
    sender,
    tokens: new TokenCache(fetchTokenBy(sender)),
    random: (bytes: number) => randomFillSync(new Uint8Array(bytes)),
    isAliveSince: (moment: number) => heartbeat.isAliveSince(moment),
    callbackUrl: options.callbackUrl,
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
    tools,
  });
  const dispatcher = new Dispatcher({ store, clock, logger, wake, queue, gates, connections, worker });
  await heartbeat.start();
  dispatcher.start();
  return {
    async stop(timeoutMs) {
      await dispatcher.stop();
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
