import { laneOf, PRIORITY_NAMES } from '../ledger/index.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { Channel } from '../providers/index.ts';
import type { CappedPlace, Category, Digest, RuleBook, TenantCategories } from '../rules/index.ts';
import type { CompiledTemplate } from '../templates/index.ts';
import type { Connection } from '../tenants/index.ts';
import type { Recipients } from '../users/index.ts';
import { type Collected, collect, digestFor } from './collect.ts';
import { type Candidate, decide, type Plan } from './decide.ts';
import type { Postponement } from './postponed-store.ts';
import type { DeliveryRow, RoutableRow } from './store.ts';

/** What the decisions of a batch go by, loaded for all of it at once. */
export interface Facts {
  recipients: Map<string, Recipients>;
  connections: Map<string, Connection[]>;
  /** By `tenant/live`. */
  candidates: Map<string, Candidate[]>;
  templates: Map<string, CompiledTemplate>;
  categories: Map<string, TenantCategories>;
  rules: RuleBook;
}

/** Looked at for the whole batch at once, so a row that nothing of ours has written must not throw here. */
export function templateIdOf({ request }: RoutableRow): string | undefined {
  const id: unknown = request.template?.id;
  return typeof id === 'string' ? id : undefined;
}

/** What comes of one notification: deliveries, queued or skipped, and channels that get their turn later. */
export interface NotificationPlan {
  deliveries: DeliveryRow[];
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

/** A decision, with what it went by. */
export interface Decided {
  plans: Plan[];
  recipient: Recipients | null;
  category: Category;
  template: CompiledTemplate | null;
  expiresAt: Date;
  /** How it is collected if it would reach anybody; null when it goes out by itself. */
  digest: Digest | null;
}

/** Decides on one notification, or on the channels of it whose turn it is. Pure. */
export function decideFor(row: RoutableRow, facts: Facts, now: number): Decided {
  const recipient = facts.recipients.get(`${row.tenantId}/${row.userId}`) ?? null;
  const templateId = templateIdOf(row);
  const template =
    templateId === undefined
      ? null
      : (facts.templates.get(`${row.tenantId}/${templateId}/published`) ?? null);
  const category = facts.categories.get(row.tenantId)!.of(row.category);
  const expiresAt = row.expiresAt ?? new Date(now + category.maxAgeMs);
  const chosen = recipient && facts.rules.frequencyOf(recipient.user, category);
  const digest = digestFor(row, category, chosen);
  const plans = decide({
    notification: {
      live: row.live,
      channels: row.postponed?.channels ?? (row.request.channels as Channel[] | undefined) ?? null,
      expiresAt: row.expiresAt?.getTime() ?? null,
      priority: PRIORITY_NAMES[row.priority]!,
      isCancelled: row.postponed?.reason === 'cancelled',
    },
    refusal: (channel) => recipient && facts.rules.refusal(recipient.user, category, channel),
    quiet: (channel) => {
      // Of what is collected, the digest heeds them.
      if (!recipient || digest || category.quietHours === 'ignore') return null;
      const until = facts.rules.quietUntil(recipient.user, channel, now);
      return until === null ? null : { until, policy: category.quietHours };
    },
    contentChannels: template?.channels ?? null,
    contentProblem: templateId !== undefined && !template ? 'the template is no longer published' : null,
    recipient,
    connections: facts.candidates.get(`${row.tenantId}/${row.live}`) ?? [],
    lot: Number.parseInt(row.id.slice(-8), 16) / 2 ** 32,
    now,
  });
  return { plans, recipient, category, template, expiresAt, digest };
}

/** The rows that the decision on one notification comes to. Pure. */
export function planNotification(row: RoutableRow, facts: Facts, now: number): NotificationPlan {
  const { plans, recipient, category, template, expiresAt, digest } = decideFor(row, facts, now);
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
  const later = new Map<number, Postponement>();
  for (const plan of plans) {
    if (plan.kind !== 'postpone') {
      deliveries.push({ ...shared, id: uuidv7(now), ...toDelivery(plan, row, now) });
      continue;
    }
    // Channels that are due at the same moment share a turn.
    const turn = later.get(plan.until);
    if (turn) turn.channels.push(plan.channel);
    else later.set(plan.until, toPostponement(plan, row));
  }
  const reached = new Set(plans.flatMap((plan) => (plan.kind === 'deliver' ? [plan.channel] : [])));
  const asks = [...reached].flatMap((channel): ChannelAsk[] => {
    const places = facts.rules.places(recipient!.user, category, { channel, live: row.live, now });
    return places.length > 0 ? [{ channel, places }] : [];
  });
  return { deliveries, postponed: [...later.values()], asks };
}

function toPostponement(
  { channel, until, reason }: Extract<Plan, { kind: 'postpone' }>,
  { id, tenantId, live, priority }: RoutableRow,
): Postponement {
  const dueAt = new Date(until);
  return { tenantId, notificationId: id, live, priority, dueAt, channels: [channel], reason };
}

function toDelivery(plan: Exclude<Plan, { kind: 'postpone' }>, row: RoutableRow, now: number) {
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
      choice: null,
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
    choice: plan.choice,
    dueAt: new Date(now),
  };
}
