import type { Queryable, Store } from '../store/index.ts';
import { compileRule, RuleError, type RulesById } from './compile.ts';
import { type Judged, judgePage, judgeUsers, takeChanges } from './judge-store.ts';
import {
  claimLeftover,
  claimPass,
  deleteLeftover,
  deleteMembers,
  insertLeftover,
  loadRules,
  lockSegments,
  type SegmentRow,
  saveProblem,
  saveSegment,
} from './segment-store.ts';
import { refreshSecondsOf } from './segments.ts';

const PAGE = 2_000;
const CHANGES = 1_000;
const LEFTOVERS = 5_000;
/** Changes that were under way while a segment was made are not on its list; the pass after it finds them. */
const SECOND_PASS_SECONDS = 60;
/** A pass that only makes sure leaves room for those that are waited for, and for everything else. */
const PACE_MS = 100;
const AFTER_PROBLEM_MS = 15 * 60_000;
const AFTER_ERROR_MS = 60_000;
const NOT_JUDGED = 'The database could not judge its users; trying again';

/** What a step of the background did. */
export interface Pass {
  segment: SegmentRow;
  users: number;
  isDone: boolean;
}

/**
 * Judges one page of users for the segment that waits longest, in a transaction of its own, which also keeps the place:
 * a restart goes on there. The segment's row is held meanwhile, so nobody else writes its members. Null when none is due.
 */
export async function refreshPage(store: Pick<Store, 'transaction'>, now: number): Promise<Pass | null> {
  let claimed: SegmentRow | null = null;
  try {
    return await store.transaction(async (db) => {
      claimed = await claimPass(db, new Date(now));
      return claimed && judgeNext(db, claimed, now);
    });
  } catch (error) {
    if (!claimed) throw error;
    const isRule = error instanceof RuleError;
    await leaveToPass(store, claimed, {
      problem: isRule ? error.message : NOT_JUDGED,
      dueAt: new Date(now + (isRule ? AFTER_PROBLEM_MS : AFTER_ERROR_MS)),
    });
    if (!isRule) throw error;
    return { segment: claimed, users: 0, isDone: false };
  }
}

async function judgeNext(db: Queryable, segment: SegmentRow, now: number): Promise<Pass> {
  const others = await loadRules(db, segment.tenant_id);
  const page = await judgePage(db, segment, { now, others, limit: PAGE });
  const isDone = page.users < PAGE;
  const isBuilt = segment.generation === segment.shown;
  const counted = count(segment, page);
  const startedAt = segment.started_at ?? new Date(now);
  if (!isDone) {
    const saved = await saveSegment(db, {
      ...counted,
      problem: null,
      cursor: page.last,
      started_at: startedAt,
      due_at: new Date(now + (isBuilt ? PACE_MS : 0)),
    });
    return { segment: saved, users: page.users, isDone };
  }
  if (!isBuilt && segment.shown > 0) await insertLeftover(db, segment, segment.shown);
  const seconds = refreshSecondsOf(segment, others);
  const waitMs = 1_000 * (isBuilt ? seconds : Math.min(seconds, SECOND_PASS_SECONDS));
  const saved = await saveSegment(db, {
    ...counted,
    problem: null,
    shown: segment.generation,
    members: counted.written,
    cursor: null,
    started_at: null,
    refreshed_at: startedAt,
    due_at: new Date(now + waitMs),
  });
  return { segment: saved, users: page.users, isDone };
}

/** What is not shown yet is not counted as coming and going. */
function count(segment: SegmentRow, { added, removed }: Judged): SegmentRow {
  const written = segment.written + added - removed;
  if (segment.generation !== segment.shown) return { ...segment, written };
  return {
    ...segment,
    written,
    members: written,
    added: segment.added + added,
    removed: segment.removed + removed,
  };
}

/**
 * Judges users of whom something changed, in the segments that ask about it. What they are judged by is read after the
 * segments are locked, so that whoever judges last has seen the latest. A segment that fails is left to its next pass, so
 * that it holds up no other. Returns how many changes there were.
 */
export async function applyChanges(store: Pick<Store, 'transaction'>, now: number): Promise<number> {
  let judging: SegmentRow | null = null;
  const work = async (db: Queryable) => {
    const changes = await takeChanges(db, CHANGES);
    const byTenant = Map.groupBy(changes, (change) => change.tenant_id);
    const segments = changes.length === 0 ? [] : await lockSegments(db, [...byTenant.keys()]);
    for (const [tenantId, own] of Map.groupBy(segments, (segment) => segment.tenant_id)) {
      const others = new Map(own.map(({ id, rule }) => [id, rule] as const));
      for (const segment of own.filter(isUnderWay)) {
        const kinds = new Set<string>([...segment.listens, 'user']);
        const relevant = byTenant.get(tenantId)!.filter(({ kind }) => kinds.has(kind));
        const userIds = [...new Set(relevant.map((change) => change.user_id))].sort();
        if (userIds.length === 0) continue;
        judging = segment;
        if (!isJudgeable(segment, others, now)) continue;
        const judged = await judgeUsers(db, segment, { now, others, userIds });
        if (judged.added + judged.removed > 0) await saveSegment(db, count(segment, judged));
      }
    }
    judging = null;
    return changes.length;
  };
  try {
    return await store.transaction(work);
  } catch (error) {
    await leaveToPass(store, judging, { problem: NOT_JUDGED, dueAt: new Date(now + AFTER_ERROR_MS) });
    throw error;
  }
}

async function leaveToPass(
  store: Pick<Store, 'transaction'>,
  segment: SegmentRow | null,
  trouble: { problem: string; dueAt: Date },
): Promise<void> {
  if (!segment) return;
  const { tenant_id: tenantId, id } = segment;
  await store.transaction((db) => saveProblem(db, { tenantId, id }, trouble));
}

/** What is wrong with a rule is found, and said, by the pass through all users. */
function isJudgeable({ rule }: SegmentRow, others: RulesById, now: number): boolean {
  try {
    compileRule(rule, { values: [], now, others });
    return true;
  } catch (error) {
    if (error instanceof RuleError) return false;
    throw error;
  }
}

/** A generation that was not begun will see everything; one with a problem is judged anew. */
function isUnderWay({ generation, shown, cursor, problem }: SegmentRow): boolean {
  return problem === null && (generation === shown || cursor !== null);
}

/** Deletes some members of a generation that nobody reads. False when there are none. */
export async function dropLeftovers(store: Pick<Store, 'transaction'>): Promise<boolean> {
  return store.transaction(async (db) => {
    const leftover = await claimLeftover(db);
    if (!leftover) return false;
    const deleted = await deleteMembers(db, leftover, LEFTOVERS);
    if (deleted < LEFTOVERS) await deleteLeftover(db, leftover);
    return true;
  });
}
