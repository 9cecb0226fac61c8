import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { type Bellhop, startBellhop } from '../app.ts';
import { type Config, loadConfig } from '../config/index.ts';
import { sleep } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { holdMemoryReducer, releaseStartMemory } from '../lib/memory.ts';
import type { FirstKeys } from '../tenants/index.ts';
import { onParentGone } from './parent.ts';

export const VERSION: string = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
).version;

/** By then the first statements are prepared and the first looks at the work are done. */
const SETTLED_MS = 10_000;
/** EX_TEMPFAIL of sysexits.h: try again. */
const STUCK_EXIT_CODE = 75;

/** `bellhop start`: runs until a signal, then finishes what is under way. */
export async function start(): Promise<number> {
  holdMemoryReducer();
  const config = loadConfig();
  const logger = createLogger(config.logLevel);
  const startedAt = performance.now();
  // From the first moment on: a signal that comes while we start is obeyed as soon as everything stands.
  const stopped = stopRequested();
  const bellhop = await startBellhop(config, logger, VERSION);
  if (bellhop.firstKeys) printKeys(bellhop.firstKeys);
  printReady(config, bellhop, performance.now() - startedAt);
  // Now, and not at the end, which a crash would not leave time for: the next start is twice as fast by it.
  flushCompileCache();
  setTimeout(releaseStartMemory, SETTLED_MS).unref();
  const stuck = bellhop.stuck.then((loop) => ({ loop }));
  const cause = await Promise.race([stopped, stuck]);
  if (typeof cause === 'object') return endStuck(cause.loop, bellhop.stop(), config);
  console.log(`\n${cause}: finishing what is under way (a second signal stops at once) …`);
  const left = await bellhop.stop();
  console.log(
    left === 0
      ? 'Stopped. Nothing was left unfinished.'
      : `Stopped. ${left} attempts were still waiting for their provider; the next start decides them as unknown.`,
  );
  return 0;
}

/** What stands still may never let itself be stopped, so the wait is bounded; what is under way becomes unknown. */
async function endStuck(
  loop: string,
  stopping: Promise<unknown>,
  { drainMs, stuckMs }: Config,
): Promise<number> {
  console.error(
    `\nBellhop ends itself: the ${loop} loop has stood still for more than ${stuckMs / 1000} s (BELLHOP_STUCK_SECONDS). ` +
      'Nothing that was accepted is lost. Start it again; under a supervisor that happens by itself. Please report it.',
  );
  await Promise.race([stopping, sleep(drainMs)]);
  return STUCK_EXIT_CODE;
}

function stopRequested(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        resolve(signal);
        process.on(signal, () => process.exit(130));
      });
    }
    onParentGone(() => resolve('npm is gone'));
  });
}

function printKeys({ live, test, file }: FirstKeys): void {
  console.log('Your first API keys, shown once:');
  console.log(`  live  ${live.reveal()}`);
  console.log(`  test  ${test.reveal()}   (reaches the simulator only)`);
  if (file) console.log(`They are also in ${file}; delete it when you have put them somewhere safe.\n`);
}

function printReady(config: Config, { url, metricsUrl, simulatorPage }: Bellhop, tookMs: number): void {
  const where = config.databaseUrl ? 'PostgreSQL' : `embedded database in ${config.dataDir}`;
  console.log(
    `Bellhop ${VERSION} is ready${url ? ` at ${url}` : ''} (${where}, ${(tookMs / 1000).toFixed(1)} s)`,
  );
  if (metricsUrl) console.log(`  Metrics        ${metricsUrl}/metrics`);
  if (!url) return;
  console.log(`  API reference  ${url}/docs`);
  if (simulatorPage) console.log(`  Simulator      ${url}/simulator   what your test messages look like`);
  const key = config.bootstrapKey ? '$BELLHOP_BOOTSTRAP_KEY' : '$KEY';
  const lines = [
    '\nSend a first message (a test key, so it only reaches the simulator):\n',
    ...(config.bootstrapKey ? [] : [`  KEY=$(node -p "require('${credentialsPath(config)}').testKey")`]),
    `  curl -X PUT ${url}/v1/users/ada -H "Authorization: Bearer ${key}" -H 'Content-Type: application/json' \\`,
    `    -d '{"contacts":{"email":"ada@example.com"}}'`,
    `  curl ${url}/v1/notifications -H "Authorization: Bearer ${key}" -H 'Content-Type: application/json' \\`,
    `    -d '{"userId":"ada","message":{"title":"Hello, Ada!","body":"Your first message from Bellhop."},"channels":["email","inbox"]}'\n`,
  ];
  console.log(lines.join('\n'));
}

function credentialsPath(config: Config): string {
  const path = `${config.dataDir.replace(/\/$/, '')}/credentials.json`;
  return path.startsWith('/') || path.startsWith('.') ? path : `./${path}`;
}
