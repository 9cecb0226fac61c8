import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Declaration, METRICS } from '../../src/telemetry/index.ts';
import { missingTool, promtool } from '../support/prometheus.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const FOLDER = `${ROOT}deploy/prometheus/`;
const read = (path: string) => readFileSync(`${ROOT}${path}`, 'utf8');
const skip = missingTool('promtool');

/** Every series that a declaration brings forth. */
const SERIES = new Set(
  Object.values(METRICS as Record<string, Declaration>).flatMap(({ name, type }) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ),
);
const LABELS = new Map(
  Object.values(METRICS as Record<string, Declaration>).map(({ name, labels }) => [name, labels]),
);

function unknownSeries(text: string): string[] {
  return [...new Set(text.match(/\bbellhop_[a-z_]+/g))].filter((name) => !SERIES.has(name));
}

/** Labels used in a selector of a metric that does not have them. */
function unknownLabels(text: string): string[] {
  return [...text.matchAll(/\b(bellhop_[a-z_]+?)(?:_bucket)?\{([^}]*)\}/g)].flatMap(([, name, selector]) =>
    [...selector!.matchAll(/([a-z]+)\s*[=!]/g)]
      .filter(([, label]) => label !== 'instance' && label !== 'le' && !LABELS.get(name!)?.includes(label!))
      .map(([, label]) => `${name}{${label}}`),
  );
}

const recordedIn = (rules: string) => [...rules.matchAll(/- record: (\S+)/g)].map(([, name]) => name!);
const expressions = () => {
  const dashboard = JSON.parse(read('deploy/grafana/bellhop.json'));
  return dashboard.panels.flatMap((panel: { targets?: { expr: string }[] }) =>
    (panel.targets ?? []).map(({ expr }) => expr),
  ) as string[];
};

describe('the alert rules', () => {
  const rules = read('deploy/prometheus/alerts.yml');
  const alerts = [...rules.matchAll(/- alert: (\S+)/g)].map(([, name]) => name!);

  it('name metrics and labels that exist', () => {
    assert.deepEqual(unknownSeries(rules), []);
    assert.deepEqual(unknownLabels(rules), []);
    for (const file of globSync('*.test.yml', { cwd: FOLDER })) {
      const text = readFileSync(`${FOLDER}${file}`, 'utf8');
      assert.deepEqual([...unknownSeries(text), ...unknownLabels(text)], [], file);
    }
  });

  it('read only what is recorded', () => {
    const recorded = recordedIn(rules);
    const used = [...`${rules}${expressions().join(' ')}`.matchAll(/\bbellhop:[a-z_]+:[a-z0-9]+/g)];
    assert.deepEqual(
      used.map(([name]) => name).filter((name) => !recorded.includes(name)),
      [],
    );
  });

  it('are each tested, and explained where their runbook points', () => {
    const tests = globSync('*.test.yml', { cwd: FOLDER }).map((file) =>
      readFileSync(`${FOLDER}${file}`, 'utf8'),
    );
    const guide = read('docs/observing.md');
    assert.ok(alerts.length >= 15);
    for (const alert of alerts) {
      assert.ok(
        tests.some((text) => text.includes(alert)),
        `${alert} has no test`,
      );
      assert.match(guide, new RegExp(`^### ${alert}$`, 'm'));
      assert.ok(rules.includes(`runbook: docs/observing.md#${alert.toLowerCase()}\n`), alert);
    }
  });

  it('are valid for Prometheus', { skip }, () => {
    assert.match(promtool('check', 'rules', `${FOLDER}alerts.yml`), /SUCCESS/);
    assert.match(promtool('check', 'config', `${FOLDER}prometheus.yml`), /SUCCESS/);
  });

  for (const file of globSync('*.test.yml', { cwd: FOLDER })) {
    it(`fire when they should and rest when they should (${file})`, { skip }, () => {
      assert.match(promtool('test', 'rules', `${FOLDER}${file}`), /SUCCESS/);
    });
  }
});

describe('the dashboard', () => {
  it('names metrics and labels that exist', () => {
    assert.ok(expressions().length > 40);
    assert.deepEqual(unknownSeries(expressions().join('\n')), []);
    assert.deepEqual(unknownLabels(expressions().join('\n')), []);
  });

  it('shows every metric', () => {
    const shown = `${expressions().join('\n')}\n${read('deploy/prometheus/alerts.yml')}`;
    const hidden = [...LABELS.keys()].filter((name) => !shown.includes(name));
    assert.deepEqual(hidden, []);
  });

  it('has panels that do not overlap', () => {
    const { panels } = JSON.parse(read('deploy/grafana/bellhop.json'));
    const cells = panels.flatMap(({ gridPos }: { gridPos: { x: number; y: number; w: number; h: number } }) =>
      Array.from(
        { length: gridPos.w * gridPos.h },
        (_, i) => `${gridPos.x + (i % gridPos.w)},${gridPos.y + Math.floor(i / gridPos.w)}`,
      ),
    );
    assert.equal(new Set(cells).size, cells.length);
  });

  it('has expressions that Prometheus can parse', { skip }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'bellhop-dashboard-'));
    const file = join(folder, 'rules.yml');
    const rules = expressions().map((expr, i) => ({
      record: `panel:${i}`,
      expr: expr.replaceAll('$__rate_interval', '5m'),
    }));
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'panels', rules }] }));
    try {
      assert.match(promtool('check', 'rules', file), new RegExp(`SUCCESS: ${rules.length} rules found`));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
