import type { Choice } from '../ledger/index.ts';
import type { Channel, Platform, Priority } from '../providers/index.ts';
import type { Refusal } from '../rules/index.ts';
import { contactKind } from '../users/index.ts';
import { type Choosable, type Chosen, choose } from './choose.ts';

/** Everything a decision may depend on; the database is read before, the result is written after. */
export interface Question {
  notification: {
    live: boolean;
    channels: Channel[] | null;
    expiresAt: number | null;
    priority: Priority;
    /** Cancelled while some of its channels waited for their turn. */
    isCancelled?: boolean;
    /** What its ladder goes on until has happened. */
    isStopped?: boolean;
  };
  /** Why the user does not get this on a channel; null when he does. */
  refusal(channel: Channel): Refusal | null;
  /** When the window opens in which it may go out (ms since the epoch); null when that is now. */
  opensAt: number | null;
  /** Until when a channel must keep quiet (ms since the epoch), and what becomes of a message meanwhile; null when it need not. */
  quiet(channel: Channel): { until: number; policy: 'defer' | 'drop' | 'pass' } | null;
  /** Channels that the content can fill: of the template, or null when an inline message fits all. */
  contentChannels: Channel[] | null;
  contentProblem: string | null;
  recipient: Recipient | null;
  connections: Candidate[];
  /** A number in [0, 1) that belongs to the notification: it picks among equals by weight, the same in every process. */
  lot: number;
  now: number;
}

export interface Recipient {
  contacts: { kind: string; address: string; suppressed: boolean; inactive: boolean }[];
  devices: { id: string; app: string; platform: Platform }[];
}

/** A configured way to reach a channel. */
export interface Candidate extends Choosable {
  providerId: string;
  channel: Channel;
  app: string | null;
  reaches: 'device' | 'contact' | 'connection' | 'user';
  /** Which of the user's contacts it writes to; null when it knows none. */
  contactKind: string | null;
  platforms: Platform[] | null;
}

export type SkipReason =
  | 'user_unknown'
  | 'contact_missing'
  | 'contact_suppressed'
  | 'contact_inactive'
  | 'connection_missing'
  | 'country_not_served'
  | 'content_missing'
  | 'content_problem'
  | Refusal
  | 'quiet_hours'
  /** Decided for the whole batch, where places are counted (heed-caps.ts). */
  | 'capped'
  | 'cancelled'
  | 'ladder_stopped'
  | 'expired';

/** One line of the plan becomes one delivery row. */
export type Plan =
  | {
      kind: 'deliver';
      channel: Channel;
      platform: Platform | null;
      deviceId: string | null;
      contactKind: string | null;
      connection: string;
      provider: string;
      /** Null when nothing but priority and weight decided. */
      choice: Choice | null;
    }
  | {
      kind: 'skip';
      channel: Channel;
      platform: Platform | null;
      deviceId: string | null;
      reason: SkipReason;
      detail?: string;
    }
  | {
      /** The whole channel gets another turn, at which everything is decided anew. */
      kind: 'postpone';
      channel: Channel;
      until: number;
      reason: PostponeReason;
    };

export type PostponeReason = 'quiet_hours' | 'window' | 'ladder';

// SMS and chat cost money or intrude: they are used when asked for, never by default.
const DEFAULT_CHANNELS: Channel[] = ['push', 'email', 'inbox'];

/**
 * Which contacts of the user get the notification, over which connections, and which do not and why. Pure: the
 * same question always gets the same plan. An explicitly asked channel always shows up in the plan; a channel
 * taken by default only when it reaches somebody, unless nothing does.
 */
export function decide(question: Question): Plan[] {
  const { notification, contentChannels, recipient } = question;
  const asked = notification.channels;
  const channels = asked ?? contentChannels ?? DEFAULT_CHANNELS;
  if (notification.isStopped) return skipAll(channels, 'ladder_stopped');
  if (notification.expiresAt !== null && notification.expiresAt <= question.now)
    return skipAll(channels, 'expired');
  if (notification.isCancelled) return skipAll(channels, 'cancelled');
  if (question.contentProblem) return skipAll(channels, 'content_problem', question.contentProblem);
  if (!recipient) return skipAll(channels, 'user_unknown');
  const plans = channels.flatMap((channel) => {
    if (contentChannels && !contentChannels.includes(channel)) return skipAll([channel], 'content_missing');
    return heedRules(channel, decideChannel(channel, recipient, question), question);
  });
  if (asked) return plans;
  const told = plans.filter((plan) => plan.kind !== 'skip' || RULES.has(plan.reason));
  return told.length > 0 ? told : plans;
}

/** Skips for these reasons are told also of channels that nobody asked for: the user would have been reached. */
const RULES: ReadonlySet<SkipReason> = new Set([
  'opted_out',
  'not_opted_in',
  'off_by_default',
  'quiet_hours',
  'expired',
]);

/** What would reach the user now, but must not: the whole channel is skipped, or waits for its time. */
function heedRules(channel: Channel, plans: Plan[], question: Question): Plan[] {
  const { refusal, opensAt, quiet } = question;
  if (!plans.some((plan) => plan.kind === 'deliver')) return plans;
  const refused = refusal(channel);
  if (refused) return skipAll([channel], refused);
  // Whether it is quiet by then is looked at by then.
  if (opensAt !== null) return waitUntil(opensAt, channel, 'window', question);
  const hours = quiet(channel);
  if (!hours) return plans;
  if (hours.policy === 'pass') return plans.map(passQuietHours);
  if (hours.policy === 'drop' || hours.until === Number.POSITIVE_INFINITY)
    return skipAll([channel], 'quiet_hours');
  return waitUntil(hours.until, channel, 'quiet_hours', question);
}

const TOO_LATE = { quiet_hours: 'expires in quiet hours', window: 'expires before its window opens' };

function waitUntil(
  until: number,
  channel: Channel,
  reason: keyof typeof TOO_LATE,
  { notification: { expiresAt } }: Question,
): Plan[] {
  if (expiresAt !== null && until >= expiresAt) return skipAll([channel], 'expired', TOO_LATE[reason]);
  return [{ kind: 'postpone', channel, until, reason }];
}

function passQuietHours(plan: Plan): Plan {
  return plan.kind === 'deliver' ? { ...plan, choice: { ...plan.choice, passedQuietHours: true } } : plan;
}

function skipAll(channels: Channel[], reason: SkipReason, detail?: string): Plan[] {
  return channels.map((channel) => ({
    kind: 'skip',
    channel,
    platform: null,
    deviceId: null,
    reason,
    detail,
  }));
}

function decideChannel(channel: Channel, recipient: Recipient, question: Question): Plan[] {
  if (channel === 'push') return decidePush(recipient, question);
  const candidates = question.connections.filter((candidate) => candidate.channel === channel);
  const contactOf = (candidate: Candidate) =>
    recipient.contacts.find(({ kind }) => kind === candidate.contactKind);
  const problemOf = (candidate: Candidate) =>
    candidate.reaches === 'user' || candidate.reaches === 'connection'
      ? null
      : contactProblem(contactOf(candidate));
  const reaching = candidates.filter((candidate) => problemOf(candidate) === null);
  if (reaching.length === 0) return skipAll([channel], whyNot(channel, candidates, recipient));
  const phone = channel === 'sms' ? (contactOf(reaching[0]!)?.address ?? null) : null;
  const found = choose(reaching, { lot: question.lot, phone });
  const { chosen } = found;
  if (!chosen) return skipAll([channel], 'country_not_served');
  return [
    {
      kind: 'deliver',
      channel,
      platform: null,
      deviceId: null,
      contactKind: contactOf(chosen)?.kind ?? null,
      connection: chosen.id,
      provider: chosen.providerId,
      choice: choiceOf(found),
    },
  ];
}

/** Only what was out of the ordinary is kept: the common road costs nothing. */
function choiceOf({
  leftOut,
  noneHealthy,
}: Pick<Chosen<Candidate>, 'leftOut' | 'noneHealthy'>): Choice | null {
  if (leftOut.length === 0 && !noneHealthy) return null;
  return { ...(leftOut.length > 0 && { leftOut }), ...(noneHealthy && { noneHealthy }) };
}

/** What keeps all connections of a channel from reaching the user, or that there is none. */
function whyNot(channel: Channel, candidates: Candidate[], recipient: Recipient): SkipReason {
  const kinds =
    candidates.length > 0 ? candidates.map((candidate) => candidate.contactKind) : [contactKind(channel)];
  if (kinds[0] === null) return 'connection_missing';
  const contact = recipient.contacts.find(({ kind }) => kinds.includes(kind));
  return contactProblem(contact) ?? 'connection_missing';
}

function contactProblem(contact: Recipient['contacts'][number] | undefined): SkipReason | null {
  if (!contact) return 'contact_missing';
  if (contact.suppressed) return 'contact_suppressed';
  return contact.inactive ? 'contact_inactive' : null;
}

function decidePush(recipient: Recipient, { connections, lot }: Question): Plan[] {
  if (recipient.devices.length === 0) return skipAll(['push'], 'contact_missing');
  return recipient.devices.map(({ id, app, platform }) => {
    const reaching = connections.filter(
      (candidate) =>
        candidate.channel === 'push' &&
        (candidate.platforms?.includes(platform) ?? false) &&
        (candidate.app === null || candidate.app === app),
    );
    const found = choose(ofTokensVendor(reaching), { lot, phone: null });
    const { chosen } = found;
    const target = { channel: 'push' as const, platform, deviceId: id };
    if (!chosen) return { kind: 'skip', ...target, reason: 'connection_missing' };
    return {
      kind: 'deliver',
      ...target,
      contactKind: null,
      connection: chosen.id,
      provider: chosen.providerId,
      choice: choiceOf(found),
    };
  });
}

/** A token is one vendor's, and any other would call it dead: who serves the app alone says whose its tokens are. */
function ofTokensVendor(reaching: Candidate[]): Candidate[] {
  const vendors = new Set(reaching.filter(({ app }) => app !== null).map(({ providerId }) => providerId));
  return vendors.size === 0 ? reaching : reaching.filter(({ providerId }) => vendors.has(providerId));
}
