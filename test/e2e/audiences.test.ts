import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import {
  eventually,
  LIVE_KEY,
  type RunningBellhop,
  startBellhop,
  temporaryFolder,
} from '../support/process.ts';

const USERS = 8_000;
const SUBSCRIBERS = USERS / 4;

describe('audiences of a process that is killed', () => {
  const dataDir = temporaryFolder();
  let bellhop: RunningBellhop;
  before(async () => {
    bellhop = await startBellhop({}, { dataDir });
  });
  after(async () => {
    await bellhop?.end();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const get = async (path: string) => (await bellhop.call('GET', path)).body;
  const restart = async () => {
    await bellhop.end('SIGKILL');
    bellhop = await startBellhop({}, { dataDir });
  };

  it('are imported to the last row, each once, and counted right in segments', async () => {
    await bellhop.call('PUT', '/v1/segments/upper', { rule: { attribute: 'n', atLeast: USERS / 2 } });
    let file = 'id,email,attributes.n:number,topics\r\n';
    for (let i = 0; i < USERS; i++)
      file += `user-${i},u${i}@example.com,${i},${i % 4 ? '' : 'sport/ski'}\r\n`;
    const answer = await fetch(`${bellhop.url}/v1/imports`, {
      method: 'POST',
      headers: { authorization: `Bearer ${LIVE_KEY}`, 'content-type': 'text/csv' },
      body: file,
    });
    assert.equal(answer.status, 202);
    const { id } = (await answer.json()) as { id: string };
    await eventually(
      () => get(`/v1/imports/${id}`),
      ({ rows }) => rows.read > 0,
      30_000,
    );
    await restart();
    await eventually(
      () => get(`/v1/imports/${id}`),
      ({ state }) => state === 'done',
      60_000,
    );
    const { rows } = await get(`/v1/imports/${id}`);
    assert.deepEqual(rows, { read: USERS, created: USERS, changed: 0, unchanged: 0, refused: 0 });
    await eventually(
      () => get('/v1/segments/upper'),
      ({ count }) => count === USERS / 2,
      30_000,
    );
  });

  it('are told once each', async () => {
    const at = new Date(Date.now() + 1_500).toISOString();
    const message = { title: 'Snow', body: 'at last' };
    const notification = { audience: { topic: 'sport' }, channels: ['inbox'], message };
    assert.equal((await bellhop.call('PUT', '/v1/schedules/snow', { notification, at })).status, 201);
    const told = async (): Promise<number> =>
      (await get('/v1/schedules/snow/occurrences')).items[0]?.notifications ?? 0;
    await eventually(told, (count) => count > 0, 30_000);
    await restart();
    await eventually(told, (count) => count === SUBSCRIBERS, 60_000);
    const users: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await get(`/v1/notifications?limit=100${cursor ? `&cursor=${cursor}` : ''}`);
      users.push(...page.items.map((item: { userId: string }) => item.userId));
      cursor = page.nextCursor;
    }
    assert.deepEqual([users.length, new Set(users).size], [SUBSCRIBERS, SUBSCRIBERS]);
  });
});
