import { type Choice, laneOf, PRIORITY_NAMES } from '../ledger/index.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { CappedPlace } from '../rules/index.ts';
import { type Collected, collect } from './collect.ts';
import type { Facts } from './facts.ts';
import type { StepPlan } from './ladder.ts';
import type { Postponement } from './postponed-store.ts';
import { type Decided, decideFor } from './question.ts';
import type { DeliveryRow, RoutableRow } from './store.ts';
import { turnOf } from './turns.ts';

/** What comes of one notification: deliveries, queued or skipped, and channels that get their turn later. */
export interface NotificationPlan {
  deliveries: DeliveryRow[];
  /** One for each channel. */
  postponed: Postponement[];
  /** For each channel that is capped: a message counts once, to however many devices it goes. */
  asks: ChannelAsk[];
  /** Instead of all that: it waits with others for the end of a digest. */
  collected?: Collected;
}

/** The places that a message needs on one channel. */
export interface ChannelAsk {
  channel: string;
  places: CappedPlace[];
}

/** The rows that the decision on one notification comes to. Pure. */
export function planNotification(row: RoutableRow, facts: Facts, now: number): NotificationPlan {
  const decided = decideFor(row, facts, now);
  const { plans, recipient, template, expiresAt, digest } = decided;
  if (digest && recipient) {
    const collected = collect(row, { digest, plans, zone: facts.rules.zoneOf(recipient.user) }, now);
    if (collected) return { deliveries: [], postponed: [], asks: [], collected };
  }
  const shared = {
    tenantId: row.tenantId,
    live: row.live,
    notificationId: row.id,
    userId: recipient?.user.id ?? null,
    templateVersion: template?.version ?? null,
    createdAt: new Date(now),
    expiresAt,
  };
  const deliveries: DeliveryRow[] = [];
  const postponed: Postponement[] = [];
  for (const plan of plans) {
    if (plan.kind === 'postpone') postponed.push(turnOf(plan, row));
    else deliveries.push({ ...shared, id: uuidv7(now), ...toDelivery(plan, row, now) });
  }
  return { deliveries, postponed, asks: asksOf(decided, row, { facts, now }) };
}

/** What the channels need that would go out now; mostly nothing. Pure. */
export function asksOf(
  { plans, recipient, category }: Decided,
  { live }: RoutableRow,
  { facts, now }: { facts: Facts; now: number },
): ChannelAsk[] {
  const reached = new Set(plans.flatMap((plan) => (plan.kind === 'deliver' ? [plan.channel] : [])));
  return [...reached].flatMap((channel): ChannelAsk[] => {
    const places = facts.rules.places(recipient!.user, category, { channel, live, now });
    return places.length > 0 ? [{ channel, places }] : [];
  });
}

/** The step of the ladder goes with the choice. */
function withStep(choice: Choice | null, step: number | undefined): Choice | null {
  return step === undefined ? choice : { ...choice, step };
}

function toDelivery(plan: Exclude<StepPlan, { kind: 'postpone' }>, row: RoutableRow, now: number) {
  const lane = laneOf(plan.channel, plan.platform, PRIORITY_NAMES[row.priority]!);
  const target = { channel: plan.channel, lane, deviceId: plan.deviceId };
  if (plan.kind === 'skip') {
    const { reason } = plan;
    const state = reason === 'expired' || reason === 'cancelled' ? reason : ('skipped' as const);
    const code = plan.detail ?? null;
    return {
      ...target,
      state,
      reason: plan.reason,
      code,
      contactKind: null,
      provider: null,
      connection: '',
      choice: withStep(null, plan.step),
      dueAt: null,
    };
  }
  return {
    ...target,
    state: 'queued' as const,
    reason: null,
    code: null,
    contactKind: plan.contactKind,
    provider: plan.provider,
    connection: plan.connection,
    choice: withStep(plan.choice, plan.step),
    dueAt: new Date(now),
  };
}
