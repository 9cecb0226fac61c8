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
    const acknowledged = await sendThrough(NOTIFICATIONS, KILLS, 'SIGKILL');
    const { duplicates, unexplained } = await account(acknowledged);
    assert.deepEqual(unexplained, []);
    t.diagnostic(
      `${KILLS} kills, ${acknowledged.length} acknowledged, 0 lost, ${duplicates} duplicates, all explained`,
    );
  });

  it('stops by SIGTERM under load without losing or repeating anything', async () => {
    const acknowledged = await sendThrough(600, 1, 'SIGTERM');
    const { duplicates, unexplained } = await account(acknowledged);
    assert.deepEqual([duplicates, unexplained], [0, []]);
  });

  /** Sends until `count` notifications are acknowledged, ending and restarting the process `ends` times meanwhile. */
  async function sendThrough(count: number, ends: number, signal: NodeJS.Signals): Promise<string[]> {
    const acknowledged: string[] = [];
    const body = { userId: 'ada', message: { title: 'Hi' }, channels: ['push'] };
    const sender = async () => {
      while (acknowledged.length < count) {
        // A request that the end cut off was not acknowledged, so nothing is promised about it.
        const answer = await bellhop.call('POST', '/v1/notifications', body).catch(() => null);
        if (answer?.status === 202) acknowledged.push(answer.body.id);
        else await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const senders = Array.from({ length: SENDERS }, sender);
    for (let end = 0; end < ends; end++) {
      const goal = Math.min(acknowledged.length + (count / (ends + 1)) * (0.5 + Math.random()), count - 100);
      await eventually(
        async () => acknowledged.length,
        (reached) => reached >= goal,
        60_000,
      );
      await bellhop.end(signal);
      bellhop = await startBellhop({}, { dataDir });
    }
    await Promise.all(senders);
    return acknowledged;
  }

  /** Counts at Apple's: every acknowledged notification arrived, and again only where an attempt is on record as unknown. */
  async function account(acknowledged: string[]): Promise<{ duplicates: number; unexplained: string[] }> {
    const views = await settledViews(acknowledged);
    const arrivals = new Map<string, number>();
    for (const { headers } of apple.requests) {
      const id = String(headers['apns-id']);
      arrivals.set(id, (arrivals.get(id) ?? 0) + 1);
    }
    let duplicates = 0;
    const unexplained: string[] = [];
    for (const view of views) {
      assert.equal(view.status, 'sent', JSON.stringify(view));
      const [delivery] = view.deliveries;
      const arrived = arrivals.get(delivery.id) ?? 0;
      assert.ok(arrived >= 1, `${delivery.id} was acknowledged and never arrived`);
      const unknowns = delivery.attempts.filter(
        ({ outcome }: { outcome: string }) => outcome === 'unknown',
      ).length;
      if (arrived - 1 > unknowns) unexplained.push(delivery.id);
      duplicates += arrived - 1;
    }
    return { duplicates, unexplained };
  }

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
