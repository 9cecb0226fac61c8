import type { Condition, Rule, Scalar } from './rule.ts';
import { below } from './topic.ts';

/** Rules of the tenant's segments by id, for rules that name others. */
export type RulesById = ReadonlyMap<string, Rule>;

const DAY_MS = 24 * 3_600_000;
/** With the rules that it names: beyond this a look at one user costs too much. */
const MAX_COMPILED = 500;
const COMPARE = { atLeast: '>=', atMost: '<=', above: '>', below: '<' } as const;

/** A rule cannot be compiled as the tenant's segments stand. */
export class RuleError extends Error {}

/**
 * A rule as an SQL condition over a row `u` of users, always true or false, never null. Everything that the caller wrote
 * is a parameter, appended to `values`; `$1` is the tenant. Other segments are put in whole, so that one judgement of a
 * user is never made of two moments.
 */
export function compileRule(
  rule: Rule,
  { values, now, others }: { values: unknown[]; now: number; others: RulesById },
): string {
  let size = 0;
  const bind = (value: unknown) => `$${values.push(value)}`;
  const since = (days: number) => `${bind(new Date(now - days * DAY_MS))}::timestamptz`;
  const compile = (rule: Rule, path: readonly string[]): string => {
    if (++size > MAX_COMPILED)
      throw new RuleError(`with the segments it names it has more than ${MAX_COMPILED} parts`);
    if ('all' in rule) return `(${rule.all.map((each) => compile(each, path)).join(' and ')})`;
    if ('any' in rule) return `(${rule.any.map((each) => compile(each, path)).join(' or ')})`;
    if ('not' in rule) return `(not ${compile(rule.not, path)})`;
    if ('segment' in rule) {
      if (path.includes(rule.segment))
        throw new RuleError(`names itself: ${[...path, rule.segment].join(' → ')}`);
      const other = others.get(rule.segment);
      if (!other) throw new RuleError(`names the segment "${rule.segment}", which does not exist`);
      return compile(other, [...path, rule.segment]);
    }
    return compileCondition(rule, bind, since);
  };
  return compile(rule, []);
}

type Bind = (value: unknown) => string;

// `offset 0` keeps the planner from making a hash table of all that any user of the tenant has.
const belongs = (table: string, condition: string) =>
  `exists (select 1 from ${table} x where x.tenant_id = $1 and x.user_id = u.id and ${condition} offset 0)`;

function compileCondition(
  rule: Exclude<Condition, { segment: string }>,
  bind: Bind,
  since: (days: number) => string,
): string {
  if ('attribute' in rule) return compileAttribute(rule, bind);
  if ('locale' in rule) {
    return `coalesce(u.locale = ${bind(rule.locale)} or starts_with(u.locale, ${bind(`${rule.locale}-`)}), false)`;
  }
  if ('timezone' in rule) return `coalesce(u.timezone = ${bind(rule.timezone)}, false)`;
  if ('createdWithinDays' in rule) return `(u.created_at > ${since(rule.createdWithinDays)})`;
  if ('contact' in rule)
    return belongs('contacts', `x.kind = ${bind(rule.contact)} and x.inactive_at is null`);
  if ('active' in rule) {
    const from = since(rule.active.withinDays);
    const did = `coalesce(greatest(x.opened_at, x.clicked_at) > ${from}, false)`;
    return `(${belongs('devices', `x.last_active_at > ${from}`)} or ${belongs('engagements', did)})`;
  }
  if ('opened' in rule) return belongs('engagements', `x.opened_at > ${since(rule.opened.withinDays)}`);
  if ('clicked' in rule) return belongs('engagements', `x.clicked_at > ${since(rule.clicked.withinDays)}`);
  if ('topic' in rule) {
    const [from, to] = below(rule.topic);
    return belongs(
      'topic_subscriptions',
      `(x.topic = ${bind(rule.topic)} or (x.topic >= ${bind(from)} and x.topic < ${bind(to)}))`,
    );
  }
  if ('preference' in rule) {
    const { category, channel, choice } = rule.preference;
    return belongs(
      'preferences',
      `x.category = ${bind(category)} and x.channel = ${bind(channel)} and x.choice = ${bind(choice)}`,
    );
  }
  const { platform, app, seenWithinDays } = rule.device;
  return belongs(
    'devices',
    [
      'x.inactive_at is null',
      ...(platform === undefined ? [] : [`x.platform = ${bind(platform)}`]),
      ...(app === undefined ? [] : [`x.app = ${bind(app)}`]),
      ...(seenWithinDays === undefined ? [] : [`x.last_active_at > ${since(seenWithinDays)}`]),
    ].join(' and '),
  );
}

function compileAttribute(rule: Extract<Condition, { attribute: string }>, bind: Bind): string {
  const name = `${bind(rule.attribute)}::text`;
  const value = `(u.attributes -> ${name})`;
  const json = (scalar: Scalar) => `${bind(JSON.stringify(scalar))}::jsonb`;
  if ('is' in rule) return `coalesce(${value} = ${json(rule.is)}, false)`;
  if ('in' in rule) {
    return `coalesce(${value} = any(${bind(rule.in.map((each) => JSON.stringify(each)))}::jsonb[]), false)`;
  }
  if ('has' in rule) {
    return `coalesce(jsonb_typeof(${value}) = 'array' and ${value} @> ${json(rule.has)}, false)`;
  }
  if ('exists' in rule)
    return `(coalesce(jsonb_typeof(${value}), 'null') ${rule.exists ? '<>' : '='} 'null')`;
  const bounds = (Object.keys(COMPARE) as (keyof typeof COMPARE)[]).flatMap((key) => {
    const bound = rule[key];
    if (bound === undefined) return [];
    // The database's own order of texts in JSON is that of its locale; "C" is that of code points.
    if (typeof bound === 'number')
      return [`jsonb_typeof(${value}) = 'number' and ${value} ${COMPARE[key]} ${json(bound)}`];
    return [
      `jsonb_typeof(${value}) = 'string' and (u.attributes ->> ${name}) collate "C" ${COMPARE[key]} ${bind(bound)}::text`,
    ];
  });
  return `coalesce(${bounds.join(' and ')}, false)`;
}
