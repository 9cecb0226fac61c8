import { explainChoice, explainReason } from '../ledger/index.ts';
import { type Category, fullRules } from '../rules/index.ts';
import type { Queryable } from '../store/index.ts';
import { collect } from './collect.ts';
import type { PostponeReason } from './decide.ts';
import { foreseeLadder } from './explain-ladder.ts';
import { type FactSources, type Facts, loadFacts } from './facts.ts';
import { ladderOf, type StepPlan } from './ladder.ts';
import { planNotification } from './plan-notification.ts';
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
  const { asks } = planNotification(row, facts, now);
  const full = await fullRules(db, asks, now);
  const capped = new Map(asks.flatMap(({ channel }, i) => (full[i] ? [[channel, full[i]] as const] : [])));
  const { plans, ...rest } = explain(row, facts, now);
  return { ...rest, plans: plans.map((plan) => heedCap(plan, capped)) };
}

/** A ladder's later steps take their places later. */
function heedCap(plan: ExplainedPlan, capped: ReadonlyMap<string, string>): ExplainedPlan {
  const detail = capped.get(plan.channel);
  if (plan.verdict !== 'deliver' || (plan.step ?? 0) > 0 || detail === undefined) return plan;
  const { channel, step, at, deviceId, platform } = plan;
  const why = explainReason('capped', detail) ?? 'capped';
  return { channel, step, at, deviceId, platform, verdict: 'skip', reason: 'capped', detail, why };
}

/** Pure. */
export function explain(row: RoutableRow, facts: Facts, now: number): Explanation {
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
    plans: ladder ? explainSteps(row, facts, now) : plans.map((plan) => explainPlan(plan, recipient)),
  };
}

/** What each step would come to in its time, if nothing had stopped the ladder by then. */
function explainSteps(row: RoutableRow, facts: Facts, now: number): ExplainedPlan[] {
  const ladder = ladderOf(row.request)!;
  const { recipient } = decideFor(row, facts, now);
  const steps = foreseeLadder(ladder, now, ({ step, channels, at, beganAt }) => {
    const began = beganAt === null ? null : new Date(beganAt);
    const postponed = { channels, reason: 'ladder', step, climbs: false, beganAt: began };
    return decideFor({ ...row, postponed }, facts, at).plans;
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
