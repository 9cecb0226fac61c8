import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually, type RunningBellhop, startBellhop } from '../support/process.ts';

const MESSAGE = { title: 'Hello', body: 'Ada' };

describe('the metrics of a process', () => {
  let bellhop: RunningBellhop;
  before(async () => {
    bellhop = await startBellhop({ BELLHOP_BOOTSTRAP_KEY: 'bh_test_a-key-of-thirty-two-characters-or-more' });
    await bellhop.call('PUT', '/v1/users/ada', { contacts: { email: 'ada@example.com' } });
  });
  after(() => bellhop?.dispose());

  const scrape = (headers: Record<string, string> = {}) => fetch(`${bellhop.url}/metrics`, { headers });
  const metrics = async () => (await scrape()).text();
  const notify = (extra: object) =>
    bellhop.call('POST', '/v1/notifications', { userId: 'ada', message: MESSAGE, ...extra });

  it('follow a notification from its request to its end', async () => {
    await notify({ channels: ['email', 'inbox', 'sms'], priority: 'high' });
    const labels = 'priority="high",kind="test"';
    // What waits is looked up every few seconds only, so this comes last.
    const ended = `deliveries_ended_total{channel="email",provider="smtp",${labels},state="sent"} 1\n`;
    const empty = 'queue_depth{lane="email.high",priority="high"} 0\n';
    const text = await eventually(metrics, (seen) => seen.includes(ended) && seen.includes(empty));
    for (const line of [
      `notifications_accepted_total{${labels}} 1`,
      `notifications_routed_total{${labels}} 1`,
      `deliveries_queued_total{channel="email",provider="smtp",${labels}} 1`,
      `deliveries_skipped_total{channel="sms",${labels},reason="contact_missing"} 1`,
      `attempts_total{channel="email",provider="smtp",${labels},outcome="accepted",reason=""} 1`,
      `handoff_seconds_count{channel="email",${labels}} 1`,
      'attempt_seconds_count{channel="email",provider="smtp"} 1',
      'breakers_open{provider="smtp"} 0',
      'database_clients{pool="embedded",state="open"} 1',
    ])
      assert.ok(text.includes(`bellhop_${line}\n`), line);
    for (const loop of [
      'router',
      'dispatcher',
      'recorder',
      'evacuation',
      'sweep',
      'schedules',
      'digests',
      'audiences',
    ])
      assert.match(text, new RegExp(`bellhop_loop_age_seconds\\{loop="${loop}"\\} [0-9.]+\\n`));
    assert.match(text, /nodejs_eventloop_lag_p99_seconds [0-9.]+/);
  });

  it('never hold an id', async () => {
    assert.doesNotMatch(await metrics(), /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}/);
  });

  it('count what was refused, by code and door', async () => {
    await notify({ message: undefined });
    await fetch(`${bellhop.url}/v1/users`, { headers: { authorization: 'Bearer nobody' } });
    await fetch(`${bellhop.url}/nothing-here`);
    const text = await metrics();
    for (const labels of [
      'part="accept",code="request.invalid"',
      'part="api",code="auth.invalid"',
      'part="api",code="route.not_found"',
    ])
      assert.match(text, new RegExp(`bellhop_refusals_total\\{${labels}\\} 1\\n`));
  });

  it('are not shown to what a proxy forwards', async () => {
    assert.equal((await scrape()).status, 200);
    for (const header of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip'])
      assert.equal((await scrape({ [header]: '10.0.0.1' })).status, 404, header);
  });

  it('come with the health of the work', async () => {
    const answer = await fetch(`${bellhop.url}/health/work`);
    assert.equal(answer.status, 200);
    const { status, loopSeconds, ...ages } = (await answer.json()) as Record<string, unknown>;
    assert.equal(status, 'ok');
    assert.deepEqual(Object.keys(ages), ['oldestToRouteSeconds', 'oldestToSendSeconds']);
    assert.deepEqual(
      Object.keys(loopSeconds as object)
        .filter((loop) => !loop.startsWith('lane '))
        .sort(),
      [
        'audiences',
        'digests',
        'dispatcher',
        'evacuation',
        'recorder',
        'router',
        'schedules',
        'sweep',
        'webhooks',
      ],
    );
  });
});

describe('a port for the metrics', () => {
  it('serves them and the health, wants the token, and takes them off the API', async () => {
    const token = 'a-token-for-the-metrics';
    const bellhop = await startBellhop({ BELLHOP_METRICS_PORT: '0', BELLHOP_METRICS_TOKEN: token });
    try {
      const announced = async () => /Metrics +(http:\S+)\/metrics/.exec(bellhop.output())?.[1];
      const origin = await eventually(announced, (url) => url !== undefined);
      const status = async (url: string, headers = {}) => (await fetch(url, { headers })).status;
      assert.equal(await status(`${bellhop.url}/metrics`, { authorization: `Bearer ${token}` }), 404);
      assert.equal(await status(`${origin}/metrics`), 401);
      assert.equal(await status(`${origin}/metrics`, { authorization: 'Bearer wrong' }), 401);
      assert.equal(await status(`${origin}/metrics`, { authorization: `Bearer ${token}` }), 200);
      for (const check of ['live', 'ready', 'work']) {
        assert.equal(await status(`${origin}/health/${check}`), 200);
        assert.equal(await status(`${bellhop.url}/health/${check}`), 200);
      }
      assert.equal(await status(`${origin}/v1/users`), 404);
    } finally {
      await bellhop.dispose();
    }
  });
});
