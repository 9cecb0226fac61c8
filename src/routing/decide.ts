import type { Channel, Platform, Priority } from '../providers/index.ts';

/** Everything a decision may depend on; the database is read before, the result is written after. */
export interface Question {
  notification: {
    live: boolean;
    channels: Channel[] | null;
    expiresAt: number | null;
    priority: Priority;
  };
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
  contacts: { kind: string; suppressed: boolean; inactive: boolean }[];
  devices: { id: string; app: string; platform: Platform }[];
}

/** A configured way to reach a channel. */
export interface Candidate {
  id: string;
  providerId: string;
  channel: Channel;
  priority: number;
  /** Share among candidates of equal priority; 0 takes none as long as another has some. */
  weight: number;
  app: string | null;
  reaches: 'device' | 'contact' | 'connection' | 'user';
  platforms: Platform[] | null;
}

export type SkipReason =
  | 'user_unknown'
  | 'contact_missing'
  | 'contact_suppressed'
  | 'contact_inactive'
  | 'connection_missing'
  | 'content_missing'
  | 'content_problem'
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
    }
  | {
      kind: 'skip';
      channel: Channel;
      platform: Platform | null;
      deviceId: string | null;
      reason: SkipReason;
      detail?: string;
    };

/** How a channel without devices names the contact it writes to. */
const CONTACT_KINDS: Partial<Record<Channel, string>> = { email: 'email', sms: 'phone', webhook: 'webhook' };

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
  if (notification.expiresAt !== null && notification.expiresAt <= question.now)
    return skipAll(channels, 'expired');
  if (question.contentProblem) return skipAll(channels, 'content_problem', question.contentProblem);
  if (!recipient) return skipAll(channels, 'user_unknown');
  const plans = channels.flatMap((channel) => {
    if (contentChannels && !contentChannels.includes(channel)) return skipAll([channel], 'content_missing');
    return decideChannel(channel, recipient, question);
  });
  if (asked) return plans;
  const reached = plans.filter((plan) => plan.kind === 'deliver');
  return reached.length > 0 ? reached : plans;
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
  const chosen = choose(candidates, question.lot);
  const contactKind = CONTACT_KINDS[channel] ?? null;
  const contact = recipient.contacts.find(({ kind }) => kind === contactKind);
  if (chosen?.reaches !== 'user' && chosen?.reaches !== 'connection') {
    const problem = contactProblem(contact);
    if (problem) return skipAll([channel], problem);
  }
  if (!chosen) return skipAll([channel], 'connection_missing');
  return [
    {
      kind: 'deliver',
      channel,
      platform: null,
      deviceId: null,
      contactKind: contact ? contactKind : null,
      connection: chosen.id,
      provider: chosen.providerId,
    },
  ];
}

function contactProblem(contact: Recipient['contacts'][number] | undefined): SkipReason | null {
  if (!contact) return 'contact_missing';
  if (contact.suppressed) return 'contact_suppressed';
  return contact.inactive ? 'contact_inactive' : null;
}

function decidePush(recipient: Recipient, { connections, lot }: Question): Plan[] {
  if (recipient.devices.length === 0) return skipAll(['push'], 'contact_missing');
  return recipient.devices.map(({ id, app, platform }) => {
    const chosen = choose(
      connections.filter(
        (candidate) =>
          candidate.channel === 'push' &&
          (candidate.platforms?.includes(platform) ?? false) &&
          (candidate.app === null || candidate.app === app),
      ),
      lot,
    );
    const target = { channel: 'push' as const, platform, deviceId: id };
    if (!chosen) return { kind: 'skip', ...target, reason: 'connection_missing' };
    return {
      kind: 'deliver',
      ...target,
      contactKind: null,
      connection: chosen.id,
      provider: chosen.providerId,
    };
  });
}

/** The lowest priority number wins; among equals the lot decides by weight. */
function choose(candidates: Candidate[], lot: number): Candidate | undefined {
  const first = Math.min(...candidates.map(({ priority }) => priority));
  const equals = candidates
    .filter(({ priority }) => priority === first)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  let left = lot * equals.reduce((sum, { weight }) => sum + weight, 0);
  for (const candidate of equals) {
    left -= candidate.weight;
    if (left < 0) return candidate;
  }
  return equals[0];
}
