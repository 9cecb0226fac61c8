import { explainChoice, explainReason } from '../ledger/index.ts';
import type { Category } from '../rules/index.ts';
import { collect } from './collect.ts';
import { foreseeLadder } from './explain-ladder.ts';
import { ladderOf, type StepPlan } from './ladder.ts';
import { type Decided, decideFor, type Facts } from './plan-notification.ts';
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

/** What routing would decide about a notification at `now` (ms since the epoch), and why. Pure. */
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
  const steps = foreseeLadder(ladder, now, ({ step, channels, at }) => {
    const postponed = { channels, reason: 'ladder', step, climbs: false, firstDueAt: new Date(now) };
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
      const why = `The user is to be left in peace until ${until}; everything is decided anew then.`;
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
