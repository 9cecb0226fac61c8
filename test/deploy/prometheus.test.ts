import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type MailServer, startMailServer } from '../e2e/counterparts.ts';
import { eventually, type RunningBellhop, startBellhop } from '../support/process.ts';
import { missingTool, type RunningPrometheus, startPrometheus } from '../support/prometheus.ts';

const RULES = new URL('../../deploy/prometheus/alerts.yml', import.meta.url).pathname;
const TOKEN = 'a-token-for-the-metrics';
const CHANNELS = ['email', 'inbox'];

describe('a real Prometheus', { skip: missingTool('prometheus') }, () => {
  let folder: string;
  let mail: MailServer;
  let bellhop: RunningBellhop;
  let prometheus: RunningPrometheus;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bellhop-rules-'));
    // The shipped rules without their patience: a test does not wait for minutes.
    writeFileSync(join(folder, 'rules.yml'), readFileSync(RULES, 'utf8').replaceAll(/^ +for: .*\n/gm, ''));
    mail = await startMailServer();
    bellhop = await startBellhop({ BELLHOP_METRICS_PORT: '0', BELLHOP_METRICS_TOKEN: TOKEN });
    const announced = async () => /Metrics +http:\/\/(\S+)\/metrics/.exec(bellhop.output())?.[1];
    const target = await eventually(announced, (address) => address !== undefined);
    prometheus = await startPrometheus({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [join(folder, 'rules.yml')],
      scrape_configs: [
        {
          job_name: 'bellhop',
          authorization: { credentials: TOKEN },
          static_configs: [{ targets: [target] }],
        },
      ],
    });
  });
  after(async () => {
    await prometheus?.stop();
    await bellhop?.dispose();
    await mail?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const query = async (expr: string) => {
    const { result } = await prometheus.get(`query?query=${encodeURIComponent(expr)}`);
    return result as { metric: Record<string, string>; value: [number, string] }[];
  };

  it('scrapes Bellhop and evaluates every rule without an error', async () => {
    const targets = () => prometheus.get('targets?state=active').then(({ activeTargets }) => activeTargets);
    const [target] = await eventually(targets, ([first]) => first?.health === 'up');
    assert.equal(target.lastError, '');
    const rules = async () => {
      const { groups } = await prometheus.get('rules');
      // biome-ignore lint/suspicious/noExplicitAny: the answer of Prometheus
      return groups.flatMap((group: any) => group.rules) as {
        name: string;
        health: string;
        lastError?: string;
      }[];
    };
    const evaluated = await eventually(rules, (all) => all.every(({ health }) => health !== 'unknown'));
    assert.deepEqual(
      evaluated.filter(({ health }) => health !== 'ok'),
      [],
    );
    assert.ok(evaluated.length >= 20);
  });

  it('reads what was sent', async () => {
    await bellhop.call('PUT', '/v1/users/ada', { contacts: { email: 'ada@example.com' } });
    await bellhop.call('POST', '/v1/notifications', {
      userId: 'ada',
      message: { title: 'Hi' },
      channels: ['inbox'],
    });
    const sent = () => query('sum(bellhop_deliveries_ended_total{channel="inbox",state="sent",kind="live"})');
    assert.equal((await eventually(sent, ([sum]) => sum !== undefined))[0]!.value[1], '1');
  });

  it('raises the alert on a broken connection, and no alert that has no cause', async () => {
    const account = { username: 'shop', password: 'refused by this server' };
    const config = { host: '127.0.0.1', port: mail.port, security: 'none', from: 'Shop <news@shop.example>' };
    const created = await bellhop.call('PUT', '/v1/connections/mail', {
      provider: 'smtp',
      config: { ...config, ...account },
    });
    assert.equal(created.status, 201, JSON.stringify(created.body));
    await bellhop.call('POST', '/v1/notifications', {
      userId: 'ada',
      message: { title: 'Hi' },
      channels: CHANNELS,
    });
    type Alert = { state: string; labels: Record<string, string> };
    // A machine that does too much at once is a cause of its own.
    const alerts = async () =>
      ((await prometheus.get('alerts')).alerts as Alert[]).filter(
        ({ labels }) => labels.alertname !== 'BellhopEventLoopSlow',
      );
    const firing = await eventually(alerts, (all) => all.some(({ state }) => state === 'firing'));
    assert.deepEqual(
      firing.map(({ state, labels }) => [state, labels.alertname, labels.provider]),
      [['firing', 'BellhopBreakerOpen', 'smtp']],
    );
    const overdue = await query('max(bellhop_queue_oldest_due_seconds{lane="email.normal"})');
    assert.equal(overdue.length, 1);
  });
});
