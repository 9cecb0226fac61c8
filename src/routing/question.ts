import { PRIORITY_NAMES } from '../ledger/index.ts';
import type { Channel } from '../providers/index.ts';
import { type Category, type DeliveryWindow, type Digest, leavesTime, turnIn } from '../rules/index.ts';
import { type CompiledTemplate, templateKey } from '../templates/index.ts';
import type { Recipients } from '../users/index.ts';
import { digestFor } from './collect.ts';
import { decide, type Question } from './decide.ts';
import { type Facts, templateOf } from './facts.ts';
import { climb, ladderOf, rungOf, type StepPlan } from './ladder.ts';
import type { RoutableRow } from './store.ts';

/** A decision, with what it went by. */
export interface Decided {
  plans: StepPlan[];
  recipient: Recipients | null;
  category: Category;
  template: CompiledTemplate | null;
  expiresAt: Date;
  /** How it is collected if it would reach anybody; null when it goes out by itself. */
  digest: Digest | null;
}

/** Decides on one notification, or on the channels of it whose turn it is. Pure. */
export function decideFor(row: RoutableRow, facts: Facts, now: number): Decided {
  const wanted = templateOf(row);
  const category = facts.categories.get(row.tenantId)!.of(row.category);
  const ladder = ladderOf(row.request);
  // A ladder gets older from its first message on; what only waited for the morning has its time from then on.
  const beganAt = (ladder && row.postponed?.beganAt?.getTime()) ?? null;
  const recipient = facts.recipients.get(`${row.tenantId}/${row.userId}`) ?? null;
  const chosen = recipient && facts.rules.frequencyOf(recipient.user, category);
  const found = {
    recipient,
    template: (wanted && facts.templates.get(templateKey(wanted))) ?? null,
    category,
    expiresAt: row.expiresAt ?? new Date((beganAt ?? now) + category.maxAgeMs),
    digest: ladder ? null : digestFor(row, category, chosen),
  };
  const ask = questionOf(row, { facts, found, now });
  const decideOn = (channels: Channel[] | null) => decide(ask(channels));
  const asked = (row.request.channels as Channel[] | undefined) ?? null;
  const plans = ladder
    ? climb(ladder, rungOf(row, ladder), { now, decideOn })
    : decideOn(row.postponed?.channels ?? asked);
  return { ...found, plans };
}

type Found = Omit<Decided, 'plans'>;

/** The question that is asked about some of its channels, or about those of its own choice (null). */
function questionOf(
  row: RoutableRow,
  { facts, found, now }: { facts: Facts; found: Found; now: number },
): (channels: Channel[] | null) => Question {
  const { recipient, category, template, digest } = found;
  const window = row.request.window as DeliveryWindow | undefined;
  const hasBegun = ladderOf(row.request) && row.postponed?.beganAt;
  const expiresAt = (hasBegun ? found.expiresAt : row.expiresAt)?.getTime() ?? null;
  const question = {
    refusal: (channel: Channel) => recipient && facts.rules.refusal(recipient.user, category, channel),
    opensAt: recipient && openingFor(row, facts.rules.zoneOf(recipient.user), now),
    quiet: (channel: Channel) => {
      // Of what is collected, the digest heeds them.
      if (!recipient || digest || category.quietHours === 'ignore') return null;
      const quietUntil = (at: number) => facts.rules.quietUntil(recipient.user, channel, at);
      const after = quietUntil(now);
      if (after === null) return null;
      const zone = facts.rules.zoneOf(recipient.user);
      const isForEver = window && !leavesTime(window, { zone, after, quietUntil });
      const until = isForEver ? Number.POSITIVE_INFINITY : after;
      const passes = category.urgentPasses && priority === 'high';
      return { until, policy: passes ? ('pass' as const) : category.quietHours };
    },
    contentChannels: template?.channels ?? null,
    contentProblem: templateOf(row) && !template ? 'the template is no longer published' : null,
    recipient,
    connections: facts.candidates.get(`${row.tenantId}/${row.live}`) ?? [],
    lot: lotOf(row.id.slice(-8)),
    now,
  };
  const priority = PRIORITY_NAMES[row.priority]!;
  const notification = {
    live: row.live,
    expiresAt,
    priority,
    isCancelled: row.postponed?.reason === 'cancelled',
    isStopped: row.postponed?.reason === 'ladder_stopped' || facts.stopped.has(row.id),
  };
  return (channels) => ({ ...question, notification: { ...notification, channels } });
}

/** When its delivery window lets it go out; null when that is now. */
function openingFor({ id, request, postponed }: RoutableRow, zone: string, now: number): number | null {
  if (!request.window) return null;
  const hasWaited = postponed?.reason === 'window';
  // Whose own moment was a quiet one has none any more: else he would meet the same quiet hours again and again.
  const lot = postponed?.reason === 'quiet_hours' ? 0 : lotOf(id.slice(-12, -4));
  const turn = turnIn(request.window as DeliveryWindow, { zone, now, lot, hasWaited });
  return turn > now ? turn : null;
}

/** A number in [0, 1) from eight of the random digits of an id. */
function lotOf(digits: string): number {
  return Number.parseInt(digits, 16) / 2 ** 32;
}
