import { createHttpTransport, type HttpTransport } from '../../src/delivery/transport/index.ts';
import { FakeClock } from '../../src/lib/clock.ts';
import { createEgressGuard } from '../../src/lib/egress.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { Wake } from '../../src/queue/index.ts';
import type { Store } from '../../src/store/index.ts';
import { makeMasterKeys, makeTenant } from '../../src/tenants/testing.ts';
import { putEndpoint } from '../../src/webhooks/changes.ts';
import { WebhookLoop, type WebhookLoopOptions } from '../../src/webhooks/webhook-loop.ts';

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
