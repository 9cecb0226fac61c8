import type { RulesById } from './compile.ts';
import type { Condition, Rule, Scalar } from './rule.ts';

/** A user as tests know him, with all that rules ask about. */
export interface TestUser {
  externalId: string;
  attributes: Record<string, unknown>;
  locale: string | null;
  timezone: string | null;
  createdAt: number;
  contacts: { kind: string; inactive: boolean }[];
  devices: { platform: string; app: string; lastActiveAt: number; inactive: boolean }[];
  preferences: { category: string; channel: string; choice: string }[];
  topics: string[];
  openedAt: number | null;
  clickedAt: number | null;
}

const DAY_MS = 24 * 3_600_000;

/** The meaning of rules, written a second time and without a database, to compare the SQL with. */
export function fits(
  rule: Rule,
  user: TestUser,
  { now, others }: { now: number; others: RulesById },
): boolean {
  const ask = (each: Rule) => fits(each, user, { now, others });
  if ('all' in rule) return rule.all.every(ask);
  if ('any' in rule) return rule.any.some(ask);
  if ('not' in rule) return !ask(rule.not);
  if ('segment' in rule) return ask(others.get(rule.segment)!);
  if ('attribute' in rule) return attributeFits(rule, user.attributes[rule.attribute]);
  if ('locale' in rule)
    return user.locale === rule.locale || Boolean(user.locale?.startsWith(`${rule.locale}-`));
  if ('timezone' in rule) return user.timezone === rule.timezone;
  if ('contact' in rule)
    return user.contacts.some(({ kind, inactive }) => kind === rule.contact && !inactive);
  if ('topic' in rule) return user.topics.some((topic) => `${topic}/`.startsWith(`${rule.topic}/`));
  if ('createdWithinDays' in rule) return user.createdAt > now - rule.createdWithinDays * DAY_MS;
  if ('active' in rule) {
    const from = now - rule.active.withinDays * DAY_MS;
    const times = [...user.devices.map(({ lastActiveAt }) => lastActiveAt), user.openedAt, user.clickedAt];
    return times.some((time) => time !== null && time > from);
  }
  if ('opened' in rule)
    return user.openedAt !== null && user.openedAt > now - rule.opened.withinDays * DAY_MS;
  if ('clicked' in rule)
    return user.clickedAt !== null && user.clickedAt > now - rule.clicked.withinDays * DAY_MS;
  if ('preference' in rule) {
    const { category, channel, choice } = rule.preference;
    return user.preferences.some(
      (p) => p.category === category && p.channel === channel && p.choice === choice,
    );
  }
  const { platform, app, seenWithinDays } = rule.device;
  return user.devices.some(
    (device) =>
      !device.inactive &&
      (platform === undefined || device.platform === platform) &&
      (app === undefined || device.app === app) &&
      (seenWithinDays === undefined || device.lastActiveAt > now - seenWithinDays * DAY_MS),
  );
}

function attributeFits(rule: Extract<Condition, { attribute: string }>, value: unknown): boolean {
  if ('exists' in rule) return (value !== undefined && value !== null) === rule.exists;
  if ('is' in rule) return value === rule.is;
  if ('in' in rule) return rule.in.includes(value as Scalar);
  if ('has' in rule) return Array.isArray(value) && value.includes(rule.has);
  const { atLeast, atMost, above, below } = rule;
  return (
    (atLeast === undefined || ordered(value, atLeast, (order) => order >= 0)) &&
    (atMost === undefined || ordered(value, atMost, (order) => order <= 0)) &&
    (above === undefined || ordered(value, above, (order) => order > 0)) &&
    (below === undefined || ordered(value, below, (order) => order < 0))
  );
}

/** Numbers by size, texts by code points; what is of another kind never fits. */
function ordered(value: unknown, bound: number | string, judge: (order: number) => boolean): boolean {
  if (typeof value === 'number' && typeof bound === 'number') return judge(value - bound);
  if (typeof value === 'string' && typeof bound === 'string') {
    return judge(Buffer.compare(Buffer.from(value), Buffer.from(bound)));
  }
  return false;
}
