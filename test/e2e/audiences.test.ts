import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import {
  eventually,
  LIVE_KEY,
  type RunningBellhop,
  startBellhop,
  temporaryFolder,
} from '../support/process.ts';

const USERS = 4_000;
const SUBSCRIBERS = USERS / 2;

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
    let file = 'id,email,attributes.n:number,attributes.text,topics\r\n';
    for (let i = 0; i < USERS; i++)
      file += `user-${i},u${i}@example.com,${i},${'x'.repeat(100)},${i % 2 ? '' : 'sport/ski'}\r\n`;
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

  it('come in although the connection breaks', async () => {
    const file = Buffer.from(`id,attributes.text\n${`late-0,${'y'.repeat(90)}\n`.repeat(5_000)}late-1,z\n`);
    const upload = request(`${bellhop.url}/v1/imports`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${LIVE_KEY}`,
        'content-type': 'text/csv',
        'content-length': file.length,
      },
    });
    upload.on('error', () => {});
    upload.write(file.subarray(0, 300_000));
    const newest = async () => (await get('/v1/imports?limit=1')).items[0];
    await eventually(newest, ({ state, bytes }) => state === 'receiving' && bytes > 100_000);
    upload.destroy();
    const { id, bytes } = await eventually(newest, ({ bytes }) => bytes > 299_000 && bytes <= 300_000);
    const answer = await fetch(`${bellhop.url}/v1/imports/${id}/parts?offset=${bytes}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${LIVE_KEY}`, 'content-type': 'text/csv' },
      body: file.subarray(bytes),
    });
    assert.equal(answer.status, 202);
    const { rows } = await eventually(
      () => get(`/v1/imports/${id}`),
      ({ state }) => state === 'done',
      30_000,
    );
    assert.deepEqual([rows.read, rows.created, rows.refused], [5_001, 2, 0]);
    assert.ok(!bellhop.output().includes('request failed'), 'a client who leaves is no fault of ours');
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
