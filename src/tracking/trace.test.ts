import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { createServer, type Server } from '../http/index.ts';
import { insertDelivery, insertNotification } from '../ledger/testing.ts';
import { FakeClock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import type { ReceiptFact, Tracer } from '../telemetry/index.ts';
import { putConnection } from '../tenants/connection-changes.ts';
import { createConnections } from '../tenants/index.ts';
import { makeMasterKeys, makeTenant } from '../tenants/testing.ts';
import { callAsTwilio, mountReceipts, PUBLIC_URL } from './testing.ts';

const TOKEN = 'the-auth-token-of-the-account';
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describeStores('receipts in a trace', (store) => {
  const clock = new FakeClock();
  const facts: ReceiptFact[] = [];
  let app: Server;
  let tenantId: string;
  before(async () => {
    const options = { store: store(), clock, masterKeys: makeMasterKeys() };
    tenantId = await makeTenant(store(), clock.now());
    const config = { accountSid: `AC${'0'.repeat(32)}`, authToken: TOKEN, from: '+15005550006' };
    await putConnection(options, { tenantId, id: 'texts', request: { provider: 'twilio', config } });
    app = await createServer({
      authenticate: () => null,
      clock,
      logger: silentLogger,
      version: '0',
      bodyLimit: 10_000,
      requestsPerSecondPerKey: 0,
      authFailuresPerSecondPerAddress: 0,
      trustProxy: false,
    });
    await mountReceipts(app, {
      store: store(),
      clock,
      logger: silentLogger,
      connections: createConnections(options),
      health: { of: () => ({ reported() {} }) },
      publicUrl: PUBLIC_URL,
      tracer: { received: (fact: ReceiptFact) => facts.push(fact) } as unknown as Tracer,
    });
    await app.ready();
  });
  after(() => app.close());

  const deliver = async (request: object, lane: string) =>
    insertDelivery(store(), tenantId, {
      notification_id: await insertNotification(store(), tenantId, { request }),
      channel: 'sms',
      lane,
      provider: 'twilio',
      connection: 'texts',
      state: 'sent',
      attempt: 3,
    });
  const report = (id: string, status: string) => callAsTwilio(app, { tenantId, id, status, token: TOKEN });

  it('continue the trace of the notification, at the attempt they speak of', async () => {
    facts.length = 0;
    const id = await deliver({ trace: TRACE, traceState: 'a=1' }, 'sms.high');
    assert.equal(await report(id, 'delivered'), 204);
    const [{ deliveryId, attempt, event, trace, traceState, urgent, connection }] = facts as [ReceiptFact];
    assert.deepEqual(
      { deliveryId, attempt, event, trace, traceState, urgent, connection },
      {
        deliveryId: id,
        attempt: 3,
        event: 'delivered',
        trace: TRACE,
        traceState: 'a=1',
        urgent: true,
        connection: 'texts',
      },
    );
  });

  it('are told once, and only if they are about a delivery of ours', async () => {
    facts.length = 0;
    const id = await deliver({}, 'sms.normal');
    await report(id, 'delivered');
    await report(id, 'delivered');
    await report(uuidv7(clock.now()), 'delivered');
    assert.deepEqual(
      facts.map((fact) => [fact.deliveryId, fact.trace, fact.urgent]),
      [[id, undefined, false]],
    );
  });
});
