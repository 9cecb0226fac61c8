import type { RulesById } from './compile.ts';
import type { Condition, Rule } from './rule.ts';

/** What segments can listen to: users themselves, and what belongs to them. */
export type Kind = 'user' | 'contact' | 'device' | 'preference' | 'topic' | 'engagement';

/** What a rule depends on, with the segments it names: changes of which kinds, and whether time alone changes it. */
export function dependencies(rule: Rule, others: RulesById): { listens: Kind[]; isTimed: boolean } {
  const conditions = conditionsOf(rule, others);
  return {
    listens: [...new Set(conditions.flatMap(kindsOf))].sort(),
    isTimed: conditions.some(
      (each) =>
        'active' in each ||
        'opened' in each ||
        'clicked' in each ||
        'createdWithinDays' in each ||
        ('device' in each && each.device.seenWithinDays !== undefined),
    ),
  };
}

/** Whether a rule names a segment, itself or by another one. */
export function isUsing(rule: Rule, id: string, others: RulesById): boolean {
  const seen = new Set<string>();
  conditionsOf(rule, others, seen);
  return seen.has(id);
}

/** The ids of the segments that a rule names itself. */
export function namedSegments(rule: Rule): string[] {
  const seen = new Set<string>();
  conditionsOf(rule, new Map(), seen);
  return [...seen].sort();
}

type Plain = Exclude<Condition, { segment: string }>;

/** All conditions of a rule and of the segments it names, each of those once; `seen` gets their ids. */
function conditionsOf(rule: Rule, others: RulesById, seen = new Set<string>()): Plain[] {
  if ('all' in rule) return rule.all.flatMap((each) => conditionsOf(each, others, seen));
  if ('any' in rule) return rule.any.flatMap((each) => conditionsOf(each, others, seen));
  if ('not' in rule) return conditionsOf(rule.not, others, seen);
  if (!('segment' in rule)) return [rule];
  if (seen.has(rule.segment)) return [];
  seen.add(rule.segment);
  const other = others.get(rule.segment);
  return other ? conditionsOf(other, others, seen) : [];
}

function kindsOf(rule: Plain): Kind[] {
  if ('active' in rule) return ['device', 'engagement'];
  if ('opened' in rule || 'clicked' in rule) return ['engagement'];
  if ('contact' in rule) return ['contact'];
  if ('device' in rule) return ['device'];
  if ('preference' in rule) return ['preference'];
  return ['topic' in rule ? 'topic' : 'user'];
}
