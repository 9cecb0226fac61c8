import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '../support/postgres.ts';
import {
  eventually,
  LIVE_KEY,
  type RunningBellhop,
  startBellhop,
  temporaryFolder,
} from '../support/process.ts';

const ROOT = new URL('../../', import.meta.url).pathname;

/** Runs a start that must fail; returns its exit code and what it said. */
async function failingStart(env: Record<string, string>): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, ['bin/bellhop.mjs', 'start'], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, BELLHOP_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  child.stdout.resume();
  await once(child, 'exit');
  return { code: child.exitCode, said };
}

describe('starting', () => {
  let folder: string;
  before(() => {
    folder = temporaryFolder();
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('makes keys on the first start, keeps them in a private file, and prints them once', async () => {
    const dataDir = join(folder, 'first');
    const first = await startBellhop({ BELLHOP_BOOTSTRAP_KEY: '' }, { dataDir });
    const credentials = JSON.parse(readFileSync(join(dataDir, 'credentials.json'), 'utf8'));
    assert.equal(statSync(join(dataDir, 'credentials.json')).mode & 0o777, 0o600);
    assert.match(credentials.liveKey, /^bh_live_/);
    assert.match(credentials.testKey, /^bh_test_/);
    assert.ok(first.output().includes(credentials.liveKey));
    const answer = await fetch(`${first.url}/v1/users`, {
      headers: { authorization: `Bearer ${credentials.testKey}` },
    });
    assert.equal(answer.status, 200);
    assert.equal(await first.end(), 0);
    const second = await startBellhop({ BELLHOP_BOOTSTRAP_KEY: '' }, { dataDir });
    assert.ok(!second.output().includes(credentials.liveKey));
    await second.end();
  });

  it('refuses a data folder that another process uses, and says which', async () => {
    const running = await startBellhop({}, { dataDir: join(folder, 'used') });
    const { code, said } = await failingStart({ BELLHOP_DATA_DIR: running.dataDir });
    await running.end();
    assert.equal(code, 1);
    assert.match(said, new RegExp(`in use by process ${running.pid} on .*BELLHOP_DATA_DIR`, 's'));
    assert.doesNotMatch(said, /\n\s+at /);
  });

  it('takes over the folder of a process that was killed', async () => {
    const dataDir = join(folder, 'killed');
    const killed = await startBellhop({}, { dataDir });
    await killed.end('SIGKILL');
    const next = await startBellhop({}, { dataDir });
    assert.equal(await next.end(), 0);
  });

  it('leaves compiled code to the next start while it still runs, so that a crash takes nothing away', async () => {
    const cache = temporaryFolder();
    const bellhop = await startBellhop({ NODE_COMPILE_CACHE: cache });
    await eventually(
      async () => readdirSync(cache, { recursive: true }).length,
      (files) => files > 100,
    );
    await bellhop.dispose();
    rmSync(cache, { recursive: true });
  });

  it('says what to do about a taken port', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const { code, said } = await failingStart({
      BELLHOP_DATA_DIR: join(folder, 'port'),
      BELLHOP_PORT: String(port),
    });
    taken.close();
    assert.equal(code, 1);
    assert.match(said, new RegExp(`Port ${port} is taken.*BELLHOP_PORT`));
  });

  it('names everything that is wrong with the settings at once', async () => {
    const { code, said } = await failingStart({
      BELLHOP_PORT: 'http',
      BELLHOP_ROLES: 'api,cook',
      BELLHOP_PROT: '1',
    });
    assert.equal(code, 1);
    assert.match(said, /BELLHOP_PORT must be a whole number/);
    assert.match(said, /BELLHOP_ROLES has an unknown role "cook"/);
    assert.match(said, /BELLHOP_PROT is not a setting; did you mean BELLHOP_PORT\?/);
  });

  it('says what to do about a damaged data folder', async () => {
    const dataDir = join(folder, 'damaged');
    mkdirSync(join(dataDir, 'postgres'), { recursive: true });
    writeFileSync(join(dataDir, 'postgres', 'PG_VERSION'), 'nonsense');
    const { code, said } = await failingStart({ BELLHOP_DATA_DIR: dataDir });
    assert.equal(code, 1);
    assert.match(said, /could not be opened.*BELLHOP_DATA_DIR/s);
    assert.doesNotMatch(said, /\n\s+at /);
  });

  it('says what to do when PostgreSQL is not there', async () => {
    const port = await freePort();
    const { code, said } = await failingStart({
      BELLHOP_DATA_DIR: join(folder, 'none'),
      DATABASE_URL: `postgres://nobody@127.0.0.1:${port}/none`,
    });
    assert.equal(code, 1);
    assert.match(said, /Nothing answers at .*DATABASE_URL/);
  });
});

describe('stopping', () => {
  let running: RunningBellhop;
  after(() => running?.dispose());

  it('ends everything when npm is ended, and leaves neither port nor lock behind', async () => {
    const dataDir = temporaryFolder();
    const port = await freePort();
    const npm = spawn('npm', ['start'], {
      cwd: ROOT,
      env: {
        ...process.env,
        BELLHOP_PORT: String(port),
        BELLHOP_DATA_DIR: dataDir,
        BELLHOP_BOOTSTRAP_KEY: LIVE_KEY,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const up = () =>
      fetch(`http://127.0.0.1:${port}/health/live`).then(
        ({ ok }) => ok,
        () => false,
      );
    await eventually(up, (isUp) => isUp, 60_000);
    npm.kill('SIGTERM');
    await eventually(up, (isUp) => !isUp);
    // The port is the first thing that is given back, the folder the last: attempts under way are finished between.
    await eventually(
      async () => existsSync(join(dataDir, 'lock')),
      (isLocked) => !isLocked,
    );
    running = await startBellhop({ BELLHOP_PORT: String(port) }, { dataDir });
    assert.equal((await running.call('GET', '/health/ready')).status, 200);
  });
});
