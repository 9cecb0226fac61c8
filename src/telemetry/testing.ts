import { uuidv7 } from '../lib/ids.ts';
import type { AttemptFact, Subject } from './facts.ts';
import { isInSample, traceIdOf } from './trace-context.ts';

export const NOW = Date.UTC(2026, 10, 21, 12);

/** For tests: a notification nobody put into a trace, of low rank. */
export function aSubject(more: Partial<Subject> = {}): Subject & { startedAt: number; endedAt: number } {
  return {
    tenantId: uuidv7(NOW),
    live: true,
    notificationId: uuidv7(NOW),
    urgent: false,
    trace: undefined,
    traceState: undefined,
    startedAt: NOW,
    endedAt: NOW + 5,
    ...more,
  };
}

/** For tests: a first attempt that succeeded. */
export function anAttempt(more: Partial<AttemptFact> = {}): AttemptFact {
  return {
    ...aSubject(),
    deliveryId: uuidv7(NOW),
    attempt: 1,
    channel: 'push',
    provider: 'apns',
    connection: 'apple',
    deviceId: uuidv7(NOW),
    platform: 'ios',
    routedAt: NOW + 10,
    startedAt: NOW + 20,
    endedAt: NOW + 70,
    outcome: 'accepted',
    state: 'sent',
    reason: null,
    code: null,
    ...more,
  };
}

/** A notification id that a sample of this share takes in, or leaves out. */
export function idInSample(ratio: number, wanted: boolean): string {
  for (;;) {
    const id = uuidv7(NOW);
    if (isInSample(traceIdOf(id, undefined), ratio) === wanted) return id;
  }
}
