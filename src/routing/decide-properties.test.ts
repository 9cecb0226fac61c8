import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CHANNELS, type Channel, PLATFORMS, PRIORITIES } from '../providers/contract.ts';
import { type Candidate, decide, type Question } from './decide.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const channels = fc.uniqueArray(fc.constantFrom(...CHANNELS), { minLength: 1 });
const STANDINGS = [
  null,
  { share: 0, probe: false, why: 'breaker_open' as const },
  { share: 0, probe: true, why: 'breaker_open' as const },
  { share: 0.25, probe: false, why: 'recovering' as const },
];
const apps = fc.constantFrom('shop', 'bank');

const candidates: fc.Arbitrary<Candidate[]> = fc.uniqueArray(
  fc.record({
    id: fc.string({ minLength: 1, maxLength: 3 }),
    providerId: fc.constant('p'),
    channel: fc.constantFrom(...CHANNELS),
    priority: fc.nat(2),
    weight: fc.nat(3),
    app: fc.option(apps),
    reaches: fc.constantFrom('device', 'contact', 'connection', 'user'),
    contactKind: fc.option(fc.constantFrom('email', 'phone', 'webhook', 'telegram')),
    platforms: fc.option(fc.subarray([...PLATFORMS])),
    countries: fc.option(fc.constantFrom({ allow: ['DE'] }, { deny: ['DE'] })),
    standing: fc.constantFrom(...STANDINGS),
  }),
  { selector: ({ id }) => id, maxLength: 8 },
);

const questions: fc.Arbitrary<Question> = fc.record({
  notification: fc.record({
    live: fc.boolean(),
    channels: fc.option(channels),
    expiresAt: fc.option(fc.integer({ min: NOW - 5, max: NOW + 5 })),
    priority: fc.constantFrom(...PRIORITIES),
  }),
  opensAt: fc.option(fc.integer({ min: NOW + 1, max: NOW + 5 }), { freq: 2 }),
  contentChannels: fc.option(channels),
  contentProblem: fc.option(fc.constant('gone'), { freq: 5 }),
  recipient: fc.option(
    fc.record({
      contacts: fc.uniqueArray(
        fc.record({
          kind: fc.constantFrom('email', 'phone', 'webhook', 'telegram'),
          address: fc.constantFrom('+4915123456789', '+14155550123', 'a@example.com'),
          suppressed: fc.boolean(),
          inactive: fc.boolean(),
        }),
        { selector: ({ kind }) => kind },
      ),
      devices: fc.array(fc.record({ id: fc.uuid(), app: apps, platform: fc.constantFrom(...PLATFORMS) }), {
        maxLength: 4,
      }),
    }),
    { freq: 8 },
  ),
  connections: candidates,
  refusal: fc
    .option(fc.constantFrom('opted_out', 'not_opted_in', 'off_by_default'), { freq: 2 })
    .map((refused) => (channel: Channel) => (channel === 'email' ? refused : null)),
  quiet: fc
    .option(
      fc.record({
        until: fc.integer({ min: NOW + 1, max: NOW + 9 }),
        policy: fc.constantFrom('defer', 'drop'),
      }),
    )
    .map((hours) => (channel: Channel) => (channel === 'inbox' ? null : hours)),
  lot: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  now: fc.constant(NOW),
});

const always = (check: (question: Question) => void) =>
  fc.assert(fc.property(questions, check), { numRuns: 500 });

describe('a plan, whatever is asked', () => {
  it('always says something, and something about every channel that was asked for', () => {
    always((question) => {
      const plans = decide(question);
      assert.ok(plans.length > 0);
      for (const channel of question.notification.channels ?? [])
        assert.ok(
          plans.some((plan) => plan.channel === channel),
          channel,
        );
    });
  });

  it('is the same for the same question', () => {
    always(({ refusal, quiet, ...question }) => {
      const again = { ...structuredClone(question), refusal, quiet };
      assert.deepEqual(decide(again), decide({ ...question, refusal, quiet }));
    });
  });

  it('sends only over a connection of that channel, reaching that device', () => {
    always((question) => {
      for (const plan of decide(question)) {
        if (plan.kind !== 'deliver') continue;
        const { channel, platform, deviceId } = plan;
        const used = question.connections.find(({ id }) => id === plan.connection)!;
        assert.equal(used.channel, channel);
        if (channel !== 'push') continue;
        assert.ok(used.platforms!.includes(platform!));
        const device = question.recipient!.devices.find(({ id }) => id === deviceId)!;
        assert.ok(used.app === null || used.app === device.app);
      }
    });
  });

  it('takes the best priority of healthy connections, and weight 0 only when nothing else is there', () => {
    always((asked) => {
      const plain = { countries: null, standing: null };
      const question = { ...asked, connections: asked.connections.map((each) => ({ ...each, ...plain })) };
      for (const plan of decide(question)) {
        if (plan.kind !== 'deliver' || plan.channel === 'push') continue;
        const { contacts } = question.recipient!;
        const rivals = question.connections.filter(
          ({ channel, reaches, contactKind }) =>
            channel === plan.channel &&
            (reaches === 'user' ||
              reaches === 'connection' ||
              contacts.some((one) => one.kind === contactKind && !one.suppressed && !one.inactive)),
        );
        const used = rivals.find(({ id }) => id === plan.connection)!;
        assert.equal(used.priority, Math.min(...rivals.map(({ priority }) => priority)));
        const equals = rivals.filter(({ priority }) => priority === used.priority);
        assert.ok(used.weight > 0 || equals.every(({ weight }) => weight === 0));
      }
    });
  });

  it('sends nothing that is expired, has no content, or has nobody to go to', () => {
    always((question) => {
      const { notification, contentProblem, recipient } = question;
      const isLate = notification.expiresAt !== null && notification.expiresAt <= NOW;
      if (!isLate && !contentProblem && recipient) return;
      assert.ok(decide(question).every((plan) => plan.kind === 'skip'));
    });
  });

  it('never writes to a contact that is suppressed or inactive', () => {
    always((question) => {
      for (const plan of decide(question)) {
        if (plan.kind !== 'deliver' || !plan.contactKind) continue;
        const used = question.connections.find(({ id }) => id === plan.connection)!;
        if (used.reaches === 'connection' || used.reaches === 'user') continue;
        const contact = question.recipient!.contacts.find(({ kind }) => kind === plan.contactKind)!;
        assert.ok(!contact.suppressed && !contact.inactive);
      }
    });
  });
});
