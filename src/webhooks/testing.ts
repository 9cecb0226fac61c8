import { createHttpTransport, type HttpTransport } from '../delivery/transport/index.ts';
import { FakeClock } from '../lib/clock.ts';
import { createEgressGuard } from '../lib/egress.ts';
import { silentLogger } from '../lib/logger.ts';
import { Wake } from '../queue/index.ts';
import type { Store } from '../store/index.ts';
import { makeMasterKeys, makeTenant } from '../tenants/testing.ts';
import { putEndpoint } from './changes.ts';
import { WebhookLoop, type WebhookLoopOptions } from './webhook-loop.ts';

type Request = Parameters<typeof putEndpoint>[1]['request'];

/** For tests: what a loop needs, on a clock that the test moves, with loopback allowed. */
export interface WebhookWorld {
  clock: FakeClock;
  transport: HttpTransport;
  tenantId: string;
  /** Another process, as far as the database can tell. */
  startLoop(rest?: Partial<WebhookLoopOptions>): WebhookLoop;
  /** Creates an endpoint and returns its secret. */
  put(id: string, request: Request, tenantId?: string): Promise<string>;
  close(): Promise<void>;
}

export async function makeWorld(store: Store): Promise<WebhookWorld> {
  const clock = new FakeClock(Math.floor(Date.now() / 1_000) * 1_000);
  const guard = createEgressGuard({ allow: ['127.0.0.1/32'] });
  const transport = createHttpTransport({ guard });
  const masterKeys = makeMasterKeys();
  const tenant = await makeTenant(store, clock.now());
  return {
    clock,
    transport,
    tenantId: tenant,
    startLoop: (rest = {}) =>
      new WebhookLoop({
        store,
        clock,
        wake: new Wake(),
        logger: silentLogger,
        masterKeys,
        transport,
        random: () => 0,
        ...rest,
      }),
    async put(id, request, tenantId = tenant) {
      const { secret } = await putEndpoint({ store, clock, masterKeys, guard }, { tenantId, id, request });
      return secret!;
    },
    close: () => transport.close(),
  };
}
