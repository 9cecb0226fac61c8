import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Candidate, decide, type Plan, type Question } from './decide.ts';

const candidate = (extra: Partial<Candidate> & Pick<Candidate, 'id' | 'channel'>): Candidate => ({
  providerId: extra.id,
  priority: 100,
  weight: 1,
  app: null,
  reaches: 'contact',
  contactKind: extra.channel === 'email' ? 'email' : null,
  platforms: null,
  countries: null,
  standing: null,
  ...extra,
});
const SMTP = candidate({ id: 'smtp', channel: 'email' });
const APNS = candidate({ id: 'apns', channel: 'push', reaches: 'device', platforms: ['ios'] });
const INBOX = candidate({ id: 'inbox', channel: 'inbox', reaches: 'user' });
const HOOK = candidate({ id: 'hook', channel: 'webhook', reaches: 'connection' });
const EMAIL = { kind: 'email', address: 'ada@mail.example', suppressed: false, inactive: false };

const ask = (extra: Partial<Question>, channels: Question['notification']['channels'] = null) =>
  decide({
    notification: { live: true, channels, expiresAt: null, priority: 'normal' },
    contentChannels: null,
    contentProblem: null,
    recipient: { contacts: [EMAIL], devices: [{ id: 'd1', app: 'shop', platform: 'ios' }] },
    connections: [SMTP, APNS, INBOX, HOOK],
    lot: 0,
    refusal: () => null,
    opensAt: null,
    quiet: () => null,
    now: 1_000,
    ...extra,
  });
const words = (plans: Plan[]) =>
  plans.map((plan) =>
    plan.kind === 'deliver' ? `${plan.channel} over ${plan.connection}` : `${plan.channel} ${plan.reason}`,
  );

describe('quiet hours', () => {
  const until = 5_000;
  const quiet = (policy: 'defer' | 'drop') => (channel: string) =>
    channel === 'email' || channel === 'push' ? { until, policy } : null;

  it('hold up each channel that must keep quiet, and no other', () => {
    assert.deepEqual(ask({ quiet: quiet('defer') }), [
      { kind: 'postpone', channel: 'push', until, reason: 'quiet_hours' },
      { kind: 'postpone', channel: 'email', until, reason: 'quiet_hours' },
      ...ask({}, ['inbox']),
    ]);
    assert.deepEqual(words(ask({ quiet: quiet('drop') }, ['email', 'inbox'])), [
      'email quiet_hours',
      'inbox over inbox',
    ]);
  });

  it('end what would expire in them, or could never leave them', () => {
    const notification = {
      live: true,
      channels: ['email' as const],
      expiresAt: until,
      priority: 'normal' as const,
    };
    assert.deepEqual(words(ask({ quiet: quiet('defer'), notification })), ['email expired']);
    const forever = () => ({ until: Number.POSITIVE_INFINITY, policy: 'defer' as const });
    assert.deepEqual(words(ask({ quiet: forever }, ['email'])), ['email quiet_hours']);
  });

  it('hold up nothing that would reach nobody anyway', () => {
    const recipient = { contacts: [], devices: [] };
    assert.deepEqual(words(ask({ quiet: quiet('defer'), recipient }, ['email'])), ['email contact_missing']);
  });
});

describe('what a user refuses', () => {
  const refusal = (channel: string) => (channel === 'email' ? ('opted_out' as const) : null);

  it('is skipped and said so, also where the channel was not asked for', () => {
    assert.deepEqual(words(ask({ refusal })), ['push over apns', 'email opted_out', 'inbox over inbox']);
    assert.deepEqual(words(ask({ refusal }, ['email'])), ['email opted_out']);
  });

  it('is not said where he could not be reached anyway', () => {
    const recipient = { contacts: [], devices: [{ id: 'd1', app: 'shop', platform: 'ios' as const }] };
    assert.deepEqual(words(ask({ refusal, recipient })), ['push over apns', 'inbox over inbox']);
  });

  it('is refused before quiet hours are looked at', () => {
    const quiet = () => ({ until: 5_000, policy: 'defer' as const });
    assert.deepEqual(words(ask({ refusal, quiet }, ['email'])), ['email opted_out']);
  });
});

describe('what was cancelled while a part of it waited', () => {
  it('reaches nobody', () => {
    const notification = {
      live: true,
      channels: ['email' as const],
      expiresAt: null,
      priority: 'normal' as const,
    };
    assert.deepEqual(words(ask({ notification: { ...notification, isCancelled: true } })), [
      'email cancelled',
    ]);
  });
});

describe('deciding whom a notification reaches', () => {
  it('takes the channels asked for', () => {
    assert.deepEqual(words(ask({}, ['email', 'push'])), ['email over smtp', 'push over apns']);
  });

  it('takes push, e-mail and inbox when none is asked for, without mentioning what cannot be reached', () => {
    assert.deepEqual(words(ask({ recipient: { contacts: [EMAIL], devices: [] } })), [
      'email over smtp',
      'inbox over inbox',
    ]);
  });

  it('reaches a person in a chat over the connection that knows one of his contacts', () => {
    const telegram = candidate({ id: 'telegram', channel: 'chat', contactKind: 'telegram', priority: 1 });
    const slack = candidate({ id: 'slack', channel: 'chat', contactKind: 'slack', priority: 2 });
    const room = candidate({ id: 'room', channel: 'chat', reaches: 'connection', priority: 3 });
    const inSlack = { kind: 'slack', address: 'U1', suppressed: false, inactive: false };
    const over = (connections: Candidate[], contacts: (typeof EMAIL)[]) =>
      words(ask({ connections, recipient: { contacts, devices: [] } }, ['chat']));
    assert.deepEqual(over([telegram, slack, room], [EMAIL, inSlack]), ['chat over slack']);
    assert.deepEqual(over([telegram, room], [EMAIL, inSlack]), ['chat over room']);
    assert.deepEqual(over([telegram], [EMAIL, inSlack]), ['chat contact_missing']);
    assert.deepEqual(over([telegram, slack], [{ ...inSlack, suppressed: true }]), [
      'chat contact_suppressed',
    ]);
    assert.deepEqual(over([], [inSlack]), ['chat connection_missing']);
    const [plan] = ask({ connections: [slack], recipient: { contacts: [inSlack], devices: [] } }, ['chat']);
    assert.equal(plan?.kind === 'deliver' && plan.contactKind, 'slack');
  });

  it('takes the channels of the template', () => {
    assert.deepEqual(words(ask({ contentChannels: ['email'] })), ['email over smtp']);
    assert.deepEqual(words(ask({ contentChannels: ['email'] }, ['push'])), ['push content_missing']);
  });

  it('reaches every device over a connection for its platform and app', () => {
    const devices = [
      { id: 'd1', app: 'shop', platform: 'ios' as const },
      { id: 'd2', app: 'chat', platform: 'ios' as const },
      { id: 'd3', app: 'shop', platform: 'android' as const },
    ];
    const chat = { ...APNS, id: 'apns-chat', app: 'chat', priority: 1 };
    assert.deepEqual(
      words(ask({ recipient: { contacts: [], devices }, connections: [APNS, chat] }, ['push'])),
      ['push over apns', 'push over apns-chat', 'push connection_missing'],
    );
  });

  it('gives a device no vendor but the one that serves its app alone, whatever the priorities', () => {
    const devices = ['shop', 'shop-huawei'].map((app) => ({ id: app, app, platform: 'android' as const }));
    const fcm = { ...APNS, id: 'fcm', providerId: 'fcm', platforms: ['android' as const], priority: 1 };
    const huawei = { ...fcm, id: 'huawei', providerId: 'huawei', app: 'shop-huawei', priority: 9 };
    const over = (connections: Candidate[]) =>
      words(ask({ recipient: { contacts: [], devices }, connections }, ['push']));
    assert.deepEqual(over([fcm, huawei]), ['push over fcm', 'push over huawei']);
    // Two accounts of the vendor: the tokens are known to both, so that the usual order holds.
    const own = { ...fcm, id: 'own', app: 'shop-huawei', priority: 9 };
    assert.deepEqual(over([fcm, own]), ['push over fcm', 'push over fcm']);
  });

  it('prefers the lowest priority number, and shares among equals by weight', () => {
    const connections = [
      { ...SMTP, id: 'b' },
      { ...SMTP, id: 'a' },
      { ...SMTP, id: 'z', priority: 1 },
    ];
    assert.deepEqual(words(ask({ connections }, ['email'])), ['email over z']);
    const equals = [
      { ...SMTP, id: 'a', weight: 3 },
      { ...SMTP, id: 'b', weight: 1 },
      { ...SMTP, id: 'c', weight: 0 },
    ];
    const over = (lot: number) => words(ask({ connections: equals, lot }, ['email']))[0];
    assert.deepEqual([0, 0.74, 0.75, 0.99].map(over), [
      'email over a',
      'email over a',
      'email over b',
      'email over b',
    ]);
    assert.deepEqual(words(ask({ connections: [{ ...SMTP, weight: 0 }] }, ['email'])), ['email over smtp']);
  });

  it('skips suppressed, inactive and missing contacts, each with its reason', () => {
    const withEmail = (extra: object) => ({ recipient: { contacts: [{ ...EMAIL, ...extra }], devices: [] } });
    assert.deepEqual(words(ask(withEmail({ suppressed: true }), ['email'])), ['email contact_suppressed']);
    assert.deepEqual(words(ask(withEmail({ inactive: true }), ['email'])), ['email contact_inactive']);
    assert.deepEqual(words(ask({}, ['sms'])), ['sms contact_missing']);
  });

  it('needs no contact for a webhook, whose target is the connection', () => {
    assert.deepEqual(words(ask({}, ['webhook'])), ['webhook over hook']);
  });

  it('skips every channel of a user nobody knows, and of what comes too late', () => {
    assert.deepEqual(words(ask({ recipient: null }, ['email', 'push'])), [
      'email user_unknown',
      'push user_unknown',
    ]);
    const late = {
      notification: {
        live: true,
        channels: ['email' as const],
        expiresAt: 1_000,
        priority: 'normal' as const,
      },
    };
    assert.deepEqual(words(ask(late)), ['email expired']);
  });
});
