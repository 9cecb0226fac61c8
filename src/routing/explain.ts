import { explainChoice, explainReason } from '../ledger/index.ts';
import type { Channel } from '../providers/index.ts';
import { type Category, foreseeRefusals } from '../rules/index.ts';
import type { Queryable } from '../store/index.ts';
import { collect } from './collect.ts';
import type { PostponeReason } from './decide.ts';
import { foreseeLadder } from './explain-ladder.ts';
import { type FactSources, type Facts, loadFacts } from './facts.ts';
import { ladderOf, type StepPlan } from './ladder.ts';
import { asksOf, type ChannelAsk, planNotification } from './plan-notification.ts';
import { type Decided, decideFor } from './question.ts';
import type { RoutableRow } from './store.ts';

/** What would become of one channel or device, as data and as a sentence. */
export interface ExplainedPlan {
  channel: string;
  verdict: 'deliver' | 'skip' | 'postpone';
  /** Of the ladder, from 0. */
  step?: number;
  /** RFC 3339; when the step has its turn as long as nothing stops the ladder. */
  at?: string;
  /** The rule that decided against it, or for later. */
  reason?: string;
  detail?: string;
  /** RFC 3339; when it gets its turn. */
  until?: string;
  deviceId?: string;
  platform?: string;
  connection?: string;
  provider?: string;
  why: string;
}

export interface Explanation {
  user: { locale: string | null; timezone: string | null } | null;
  category: Pick<Category, 'id' | 'kind' | 'quietHours'>;
  template: { version: number } | null;
  expiresAt: string;
  /** It waits for the end of a digest, which heeds quiet hours and caps itself; the plans are those of a single event. */
  digest: { key: string; closesAt: string } | null;
  plans: ExplainedPlan[];
}

/**
 * What routing would decide about a notification at `now` (ms since the epoch), and why. Reads, and writes nothing; whether
 * a capped message would still get its place is a matter of the moment.
 */
export async function explainNotification(
  sources: FactSources,
  db: Queryable,
  { row, now }: { row: RoutableRow; now: number },
): Promise<Explanation> {
  const facts = await loadFacts(sources, db, { rows: [row], stopped: new Set() });
  const asks = asksNow(row, facts, now);
  const refusals = await foreseeRefusals(db, asks, now);
  const refused = asks.flatMap((ask, i) => (refusals[i] ? [{ ...ask, rule: refusals[i] }] : []));
  return explain(row, facts, { now, refused });
}

type StepAsk = ChannelAsk & { step?: number };

/** The places that it would ask for now, on whichever step of its ladder; none while a digest collects it. */
function asksNow(row: RoutableRow, facts: Facts, now: number): StepAsk[] {
  const ladder = ladderOf(row.request);
  if (!ladder) return planNotification(row, facts, now).asks;
  return ladder.steps.flatMap(({ channels }, step) => {
    const decided = decideFor(onStep(row, { step, channels: channels as Channel[] }), facts, now);
    return asksOf(decided, row, { facts, now }).map((ask) => ({ ...ask, step }));
  });
}

/** The notification when a step of its ladder has its turn. */
function onStep(
  row: RoutableRow,
  { step, channels, beganAt = null }: { step: number; channels: Channel[]; beganAt?: number | null },
): RoutableRow {
  const began = beganAt === null ? null : new Date(beganAt);
  return { ...row, postponed: { channels, reason: 'ladder', step, climbs: false, beganAt: began } };
}

interface Moment {
  now: number;
  /** What gets no place at that moment, and by which rule. */
  refused: readonly (StepAsk & { rule: string })[];
}

function explain(row: RoutableRow, facts: Facts, moment: Moment): Explanation {
  const { now, refused } = moment;
  const { plans, recipient, category, template, expiresAt, digest } = decideFor(row, facts, now);
  const ladder = ladderOf(row.request);
  const zone = recipient ? facts.rules.zoneOf(recipient.user) : 'UTC';
  const collected = digest && collect(row, { digest, plans, zone }, now)?.digest;
  return {
    user: recipient && { locale: recipient.user.locale, timezone: recipient.user.timezone },
    category: { id: category.id, kind: category.kind, quietHours: category.quietHours },
    template: template && { version: template.version },
    expiresAt: expiresAt.toISOString(),
    digest: collected ? { key: collected.key, closesAt: collected.closesAt.toISOString() } : null,
    plans: ladder
      ? explainSteps(row, facts, moment)
      : heedRefused(plans, refused).map((plan) => explainPlan(plan, recipient)),
  };
}

/** What each step would come to in its time, if nothing had stopped the ladder by then. Later ones take their places later. */
function explainSteps(row: RoutableRow, facts: Facts, { now, refused }: Moment): ExplainedPlan[] {
  const ladder = ladderOf(row.request)!;
  const { recipient } = decideFor(row, facts, now);
  const steps = foreseeLadder(ladder, now, ({ at, ...turn }) => {
    const { plans } = decideFor(onStep(row, turn), facts, at);
    if (at > now) return plans;
    return heedRefused(
      plans,
      refused.filter(({ step }) => step === turn.step),
    );
  });
  return steps.flatMap(({ step, at, plans }) =>
    plans.map((plan) => {
      const explained = explainPlan(plan, recipient);
      const time = new Date(at).toISOString();
      const why = step === 0 ? explained.why : `If not ${ladder.until} by ${time}: ${explained.why}`;
      return { ...explained, step, at: time, why };
    }),
  );
}

/** A channel that gets no place is skipped as a whole, as by `heedCaps`. */
function heedRefused(plans: readonly StepPlan[], refused: Moment['refused']): StepPlan[] {
  const ruleOf = new Map(refused.map(({ channel, rule }) => [channel, rule]));
  return plans.flatMap((plan, i): StepPlan[] => {
    const { channel } = plan;
    const detail = ruleOf.get(channel);
    if (detail === undefined) return [plan];
    if (plans.findIndex((other) => other.channel === channel) < i) return [];
    return [{ kind: 'skip', channel, platform: null, deviceId: null, reason: 'capped', detail }];
  });
}

const WAITS_FOR: Record<PostponeReason, string> = {
  quiet_hours: 'The user is to be left in peace until',
  window: 'Its window opens for this user at',
  ladder: 'The step before it has time until',
};

function explainPlan(plan: StepPlan, recipient: Decided['recipient']): ExplainedPlan {
  const { channel } = plan;
  switch (plan.kind) {
    case 'deliver': {
      const { connection, provider, choice, deviceId, platform, contactKind } = plan;
      const contact = recipient?.contacts.find(({ kind }) => kind === contactKind);
      const to = deviceId ? `a device (${platform})` : contact ? `the user's ${contact.kind}` : 'the user';
      return {
        channel,
        verdict: 'deliver',
        deviceId: deviceId ?? undefined,
        platform: platform ?? undefined,
        connection,
        provider,
        why: `Goes to ${to} over ${connection}. ${explainChoice(choice, connection)}`,
      };
    }
    case 'postpone': {
      const until = new Date(plan.until).toISOString();
      const why = `${WAITS_FOR[plan.reason]} ${until}; everything is decided anew then.`;
      return { channel, verdict: 'postpone', reason: plan.reason, until, why };
    }
    case 'skip': {
      const { reason, detail, deviceId, platform } = plan;
      const why = explainReason(reason, detail) ?? reason;
      return {
        channel,
        verdict: 'skip',
        reason,
        detail,
        deviceId: deviceId ?? undefined,
        platform: platform ?? undefined,
        why,
      };
    }
  }
}
