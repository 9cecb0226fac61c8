import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { eventually, type RunningBellhop, startBellhop, temporaryFolder } from '../support/process.ts';
import { type Apple, startApple } from './counterparts.ts';

// The long form: BELLHOP_TEST_KILL_NOTIFICATIONS=10000 BELLHOP_TEST_KILLS=10
const NOTIFICATIONS = Number(process.env.BELLHOP_TEST_KILL_NOTIFICATIONS ?? 2_000);
const KILLS = Number(process.env.BELLHOP_TEST_KILLS ?? 3);
const SENDERS = 40;

describe('killing the process at any moment', () => {
  const dataDir = temporaryFolder();
  let apple: Apple;
  let bellhop: RunningBellhop;

  before(async () => {
    apple = await startApple();
    bellhop = await startBellhop({}, { dataDir });
    const privateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    });
    const config = {
      teamId: 'TEAM123456',
      keyId: 'KEY1234567',
      privateKey,
      bundleId: 'com.example',
      baseUrl: apple.origin,
    };
    await bellhop.call('PUT', '/v1/connections/apple', { provider: 'apns', config });
    await bellhop.call('PUT', '/v1/users/ada', {});
    await bellhop.call('POST', '/v1/users/ada/devices', {
      platform: 'ios',
      token: randomBytes(32).toString('hex'),
    });
  });
  after(async () => {
    await bellhop?.end();
    await apple.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it(`loses none of ${NOTIFICATIONS} acknowledged notifications in ${KILLS} kills, and explains every duplicate`, async (t) => {
    const acknowledged: string[] = [];
    let killing = true;
    const sender = async () => {
      while (acknowledged.length < NOTIFICATIONS) {
        // A request that a kill cut off was not acknowledged, so nothing is promised about it.
        const answer = await bellhop
          .call('POST', '/v1/notifications', { userId: 'ada', message: { title: 'Hi' }, channels: ['push'] })
          .catch(() => null);
        if (answer?.status === 202) acknowledged.push(answer.body.id);
        else if (killing) await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const senders = Array.from({ length: SENDERS }, sender);
    for (let kill = 0; kill < KILLS; kill++) {
      const goal = Math.min(
        acknowledged.length + (NOTIFICATIONS / (KILLS + 1)) * (0.5 + Math.random()),
        NOTIFICATIONS - 100,
      );
      await eventually(
        async () => acknowledged.length,
        (count) => count >= goal,
        60_000,
      );
      await bellhop.end('SIGKILL');
      bellhop = await startBellhop({}, { dataDir });
    }
    killing = false;
    await Promise.all(senders);
    const views = await settledViews(acknowledged);

    const arrivals = new Map<string, number>();
    for (const { headers } of apple.requests)
      arrivals.set(String(headers['apns-id']), (arrivals.get(String(headers['apns-id'])) ?? 0) + 1);
    let duplicates = 0;
    for (const view of views) {
      assert.equal(view.status, 'sent', JSON.stringify(view));
      const [delivery] = view.deliveries;
      const arrived = arrivals.get(delivery.id) ?? 0;
      assert.ok(arrived >= 1, `${delivery.id} was acknowledged and never arrived`);
      const unknowns = delivery.attempts.filter(
        ({ outcome }: { outcome: string }) => outcome === 'unknown',
      ).length;
      assert.ok(
        arrived - 1 <= unknowns,
        `${delivery.id} arrived ${arrived} times with ${unknowns} unknown attempts`,
      );
      duplicates += arrived - 1;
    }
    t.diagnostic(
      `${KILLS} kills, ${acknowledged.length} acknowledged, 0 lost, ${duplicates} duplicates, all explained`,
    );
  });

  // biome-ignore lint/suspicious/noExplicitAny: views of the API
  async function settledViews(ids: string[]): Promise<any[]> {
    // biome-ignore lint/suspicious/noExplicitAny: views of the API
    const views: any[] = [];
    for (let at = 0; at < ids.length; at += SENDERS) {
      const slice = ids.slice(at, at + SENDERS).map((id) =>
        eventually(
          () => bellhop.call('GET', `/v1/notifications/${id}`),
          ({ body }) => !['accepted', 'processing', 'unknown'].includes(body.status),
          90_000,
        ),
      );
      views.push(...(await Promise.all(slice)).map(({ body }) => body));
    }
    return views;
  }
});
