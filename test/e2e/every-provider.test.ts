import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createECDH, randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { revealAll } from '../../src/providers/conformance/valid.ts';
import { type Channel, listProviders, type Provider } from '../../src/providers/index.ts';
import { eventually, type RunningBellhop, startBellhop } from '../support/process.ts';

const KEY = 'bh_test_key-of-thirty-two-characters-or-more';
/** For each provider of a channel; the lot of each notification picks one of them. */
const NOTIFICATIONS_EACH = 12;
/** Of a hundred answers, five are none, or no acceptance. */
const FAULTS = { accepted: 95, retry: 2, reset: 1, cut: 1, rejected: 1 };
/** For vendors that ask for a longer wait than a test has: their connections would rest for minutes. */
const WITHOUT_REST = { ...FAULTS, retry: 0, reset: 2, cut: 2 };
const LONGEST_REST_MS = 10_000;
const MAX_MS = 180_000;
/** Refused by a vendor for good, or dead: a reset ends all streams of a session, and may hit one message again and again. */
const ENDS = ['sent', 'failed', 'skipped', 'dead'];
/** An unknown outcome is decided by its policy a moment later. */
const PENDING = ['accepted', 'processing', 'unknown'];

const ofCompanies = listProviders().filter(({ transport }) => transport !== 'inbox');
const inChannel = (channel: Channel) => ofCompanies.filter((provider) => provider.channel === channel);

// All vendors at once, each with faults: nothing is lost, and the books balance.
describe('a run through every provider', () => {
  let bellhop: RunningBellhop;
  before(async () => {
    bellhop = await startBellhop({ BELLHOP_BOOTSTRAP_KEY: KEY });
    for (const provider of ofCompanies) {
      const config = revealAll(provider.testConfig()) as object;
      const { status, body } = await bellhop.call('PUT', `/v1/connections/${provider.id}`, {
        provider: provider.id,
        ...(provider.needsApp && { app: provider.id }),
        config,
      });
      assert.equal(status, 201, `${provider.id}: ${JSON.stringify(body)}`);
    }
    await registerUser();
    await fetch(`${bellhop.url}/simulator/api/faults`, {
      method: 'PUT',
      body: JSON.stringify({
        providers: Object.fromEntries(ofCompanies.map((one) => [one.id, { mix: faultsOf(one) }])),
      }),
    });
  });
  after(() => bellhop?.dispose());

  async function registerUser(): Promise<void> {
    const chats = inChannel('chat').flatMap(({ contactKind }) =>
      contactKind ? [[contactKind, contactKind === 'qq' ? 'user:c-1' : 'c-1']] : [],
    );
    const contacts = { email: 'ada@mail.example', phone: '+4915123456789', ...Object.fromEntries(chats) };
    await bellhop.call('PUT', '/v1/users/ada', { contacts });
    const platforms = new Set(inChannel('push').flatMap(({ supports }) => supports.platforms ?? []));
    for (const platform of platforms) {
      const device = platform === 'web' ? { subscription: subscription() } : { token: newToken() };
      const { status, body } = await bellhop.call('POST', '/v1/users/ada/devices', { platform, ...device });
      assert.equal(status, 201, JSON.stringify(body));
    }
  }

  async function send(channel: Channel): Promise<string> {
    const { status, body } = await bellhop.call('POST', '/v1/notifications', {
      userId: 'ada',
      channels: [channel],
      message: { title: 'Parcel', body: 'It is here', chat: { vendorTemplates: vendorTemplates() } },
      // Nobody waits for evidence of an unknown outcome.
      category: 'otp',
    });
    assert.equal(status, 202, JSON.stringify(body));
    return body.id;
  }

  it('loses nothing while one answer in twenty is a fault', async () => {
    const channels = ofCompanies.flatMap(({ channel }) => Array<Channel>(NOTIFICATIONS_EACH).fill(channel));
    const ids = await Promise.all(channels.map(send));
    const outcomes = new Map<string, string[]>();
    let attempts = 0;
    for (const id of ids) {
      const { body } = await eventually(
        () => bellhop.call('GET', `/v1/notifications/${id}`),
        ({ body: { status } }) => !PENDING.includes(status),
        MAX_MS,
      );
      for (const delivery of body.deliveries) {
        const { provider, state, attempts: made } = delivery;
        assert.ok(ENDS.includes(state), JSON.stringify(delivery));
        outcomes.set(provider, [...(outcomes.get(provider) ?? []), state]);
        attempts += made.length;
      }
    }
    const states = [...outcomes.values()].flat();
    assert.ok(attempts > states.length, 'no fault was seen');
    const dead = states.filter((state) => state === 'dead').length;
    assert.ok(dead <= states.length / 100, `${dead} of ${states.length} are dead`);
    const silent = ofCompanies.filter(({ id }) => !outcomes.get(id)?.includes('sent')).map(({ id }) => id);
    assert.deepEqual(silent, [], 'sent nothing');
    const dataDir = bellhop.dataDir;
    await bellhop.end();
    const env = { PATH: process.env.PATH, BELLHOP_DATA_DIR: dataDir };
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['bin/bellhop.mjs', 'reconcile', '--json'],
      {
        cwd: new URL('../../', import.meta.url).pathname,
        env,
      },
    );
    const { accounts, findings, unrouted } = JSON.parse(stdout);
    assert.deepEqual([findings, unrouted], [[], 0]);
    assert.equal(accounts.length, 1);
  });
});

function faultsOf(provider: Provider): Record<string, number> {
  if (provider.transport === 'inbox' || provider.transport === 'smtp') return FAULTS;
  const now = Date.now();
  const asked = provider.classify(provider.examples.retry.reply, { now, config: provider.testConfig() });
  const restMs = asked.kind === 'retry' ? (asked.afterMs ?? 0) : 0;
  return restMs > LONGEST_REST_MS ? WITHOUT_REST : FAULTS;
}

/** WeChat and WhatsApp deliver approved texts only. */
function vendorTemplates(): object {
  const ids = inChannel('chat').map(({ id }) => id);
  return Object.fromEntries(
    ids.map((id) => [id, { id: 'parcel', language: 'en_US', parameters: { thing1: 'x' } }]),
  );
}

function newToken(): string {
  return randomBytes(32).toString('hex');
}

function subscription(): object {
  const keys = {
    p256dh: createECDH('prime256v1').generateKeys('base64url'),
    auth: randomBytes(16).toString('base64url'),
  };
  return { endpoint: `https://push.example.net/push/${newToken()}`, keys };
}
