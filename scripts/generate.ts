import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { renderEnvExample, renderReference } from '../src/config/index.ts';
import { renderErrorReference } from '../src/http/index.ts';
import { renderMetricsReference } from '../src/telemetry/index.ts';
import { renderDashboard } from './dashboard.ts';
import { renderProviderRegistry } from './generate-providers.ts';
import { renderProviderReference } from './provider-reference.ts';

/** Every generated file: where it is and what it must hold. */
async function renderAll(): Promise<{ path: string; content: string }[]> {
  const registry = await renderProviderRegistry();
  return [
    { path: registry.path, content: registry.content },
    { path: 'docs/configuration.md', content: renderReference() },
    { path: '.env.example', content: renderEnvExample() },
    { path: 'docs/errors.md', content: renderErrorReference() },
    { path: 'docs/metrics.md', content: renderMetricsReference() },
    { path: 'deploy/grafana/bellhop.json', content: renderDashboard() },
    { path: 'docs/providers.md', content: renderProviderReference() },
  ];
}

/** `npm run generate` writes them; with `--check` it only tells which are stale, by the exit code. */
const check = process.argv.includes('--check');
const stale: string[] = [];
for (const { path, content } of await renderAll()) {
  const file = path.startsWith('/') ? path : fileURLToPath(new URL(`../${path}`, import.meta.url));
  if (existsSync(file) && readFileSync(file, 'utf8') === content) continue;
  stale.push(path);
  if (!check) writeFileSync(file, content);
}
// What was imported above still has the old list of providers.
if (!check && stale.includes((await renderProviderRegistry()).path))
  spawnSync(process.execPath, [fileURLToPath(import.meta.url)], { stdio: 'inherit' });
if (stale.length > 0) console.log(`${check ? 'Stale' : 'Written'}: ${stale.join(', ')}`);
if (check && stale.length > 0) {
  console.log('Run `npm run generate`.');
  process.exitCode = 1;
}
