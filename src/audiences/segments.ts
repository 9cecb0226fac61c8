import { invalidField, Problem } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { canonicalJson } from '../lib/text.ts';
import type { Queryable, Store } from '../store/index.ts';
import { compileRule, RuleError, type RulesById } from './compile.ts';
import { dependencies, isUsing, namedSegments } from './dependencies.ts';
import { countPage } from './judge-store.ts';
import type { Rule } from './rule.ts';
import {
  deleteSegment,
  insertLeftover,
  loadRules,
  lockSegments,
  MAX_SEGMENTS,
  type SegmentKey,
  type SegmentRow,
  saveSegment,
} from './segment-store.ts';

/** Who fits a rule that time changes is looked up so often when nothing else is said. */
const TIMED_SECONDS = 15 * 60;
/** Other members are kept right by what changes; this pass finds what should never be. */
const SAFETY_SECONDS = 24 * 3_600;
/** A look at one page of users more or less. */
const COUNT_PAGE = 5_000;

export function refreshSecondsOf(
  segment: Pick<SegmentRow, 'rule' | 'refresh_seconds'>,
  others: RulesById,
): number {
  return (
    segment.refresh_seconds ?? (dependencies(segment.rule, others).isTimed ? TIMED_SECONDS : SAFETY_SECONDS)
  );
}

/**
 * Writes a segment as its owner wants it. A new rule is judged from the start in a new generation, also of the segments
 * that name this one; until it is complete, the old members are shown.
 */
export async function declareSegment(
  db: Queryable,
  {
    key,
    rule,
    refreshSeconds,
    now,
  }: { key: SegmentKey; rule: Rule; refreshSeconds: number | null; now: number },
): Promise<{ row: SegmentRow; created: boolean }> {
  const all = await lockSegments(db, [key.tenantId]);
  const known = all.find(({ id }) => id === key.id);
  if (!known && all.length >= MAX_SEGMENTS) {
    throw new Problem('request.unprocessable', `There are ${MAX_SEGMENTS} segments already`);
  }
  const rules = new Map(all.map((each) => [each.id, each.rule] as const)).set(key.id, rule);
  const dependents = all.filter((each) => each.id !== key.id && isUsing(each.rule, key.id, rules));
  checkRule({ segment: key.id }, rules, now);
  for (const each of dependents) checkRule({ segment: each.id }, rules, now);
  const fresh = known ?? newSegment(key, rule, now);
  const isSameRule = known !== undefined && canonicalJson(known.rule) === canonicalJson(rule);
  if (isSameRule && known.refresh_seconds === refreshSeconds) return { row: known, created: false };
  const wanted = { ...fresh, rule, refresh_seconds: refreshSeconds, uses: namedSegments(rule) };
  if (isSameRule) {
    return {
      row: await saveSegment(db, { ...wanted, due_at: new Date(now), updated_at: new Date(now) }),
      created: false,
    };
  }
  for (const each of dependents) await startOver(db, each, rules, now);
  return { row: await startOver(db, wanted, rules, now), created: !known };
}

function newSegment(key: SegmentKey, rule: Rule, now: number): SegmentRow {
  const at = new Date(now);
  return {
    tenant_id: key.tenantId,
    id: key.id,
    uid: uuidv7(now),
    rule,
    uses: [],
    listens: [],
    refresh_seconds: null,
    generation: 0,
    shown: 0,
    cursor: null,
    written: 0,
    members: 0,
    added: 0,
    removed: 0,
    problem: null,
    due_at: at,
    started_at: null,
    refreshed_at: null,
    created_at: at,
    updated_at: at,
  };
}

async function startOver(db: Queryable, row: SegmentRow, rules: RulesById, now: number): Promise<SegmentRow> {
  if (row.generation !== row.shown) await insertLeftover(db, row, row.generation);
  const at = new Date(now);
  return saveSegment(db, {
    ...row,
    listens: dependencies(row.rule, rules).listens,
    generation: row.generation + 1,
    cursor: null,
    written: 0,
    added: 0,
    removed: 0,
    problem: null,
    due_at: at,
    started_at: null,
    updated_at: at,
  });
}

/** Throws a Problem when a rule cannot be judged: it names itself, or what is not there, or too much. */
export function checkRule(rule: Rule, others: RulesById, now: number): void {
  try {
    compileRule(rule, { values: [''], now, others });
  } catch (error) {
    if (error instanceof RuleError) throw invalidField('/rule', error.message);
    throw error;
  }
}

/** Throws a Problem when there is none, or another one names it. */
export async function removeSegment(db: Queryable, key: SegmentKey): Promise<void> {
  const all = await lockSegments(db, [key.tenantId]);
  const row = all.find(({ id }) => id === key.id);
  if (!row) throw new Problem('segment.not_found');
  const user = all.find(({ uses }) => uses.includes(key.id));
  if (user) throw new Problem('segment.in_use', `The segment "${user.id}" names it`);
  for (const generation of new Set([row.generation, row.shown])) await insertLeftover(db, row, generation);
  await deleteSegment(db, key);
}

/** Counts who fits a rule now, page by page, for at most `budgetMs`; `isComplete` tells whether all were looked at. */
export async function countRule(
  { store, clock }: { store: Pick<Store, 'scoped'>; clock: Clock },
  {
    tenantId,
    rule,
    budgetMs,
    page = COUNT_PAGE,
  }: { tenantId: string; rule: Rule; budgetMs: number; page?: number },
): Promise<{ count: number; users: number; isComplete: boolean }> {
  const end = clock.now() + budgetMs;
  const total = { count: 0, users: 0 };
  for (let after: string | null = null; ; ) {
    const now = clock.now();
    const found = await store.scoped(tenantId, async (db) => {
      const others = await loadRules(db, tenantId);
      checkRule(rule, others, now);
      return countPage(db, { tenantId, rule, after, limit: page, now, others });
    });
    total.count += found.fitting;
    total.users += found.users;
    if (found.users < page) return { ...total, isComplete: true };
    if (clock.now() >= end) return { ...total, isComplete: false };
    after = found.last;
  }
}
