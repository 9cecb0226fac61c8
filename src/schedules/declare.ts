import { checkRules, checkTemplate } from '../accept/index.ts';
import { findSegment } from '../audiences/index.ts';
import { invalidField, Problem } from '../http/index.ts';
import { uuidv7 } from '../lib/ids.ts';
import { canonicalJson } from '../lib/text.ts';
import type { Queryable } from '../store/index.ts';
import type { Templates } from '../templates/index.ts';
import { loadTimezones, parseTimezone } from '../users/index.ts';
import { groupsOf, nextLook, type ZoneGroup } from './plan.ts';
import { parseTiming, type Rule, TimingError } from './rule.ts';
import { type ScheduleBody, type ScheduleDefinition, timingOf, usersOf } from './schedule.ts';
import { lockSchedule, type ScheduleKey, type ScheduleRow, saveSchedule } from './store.ts';
import { isZone } from './wall-clock.ts';

/** All notifications of an occurrence are written at once, each with its own copy of what is said. */
const MAX_BYTES = 4 * 1_024 * 1_024;
const MAX_AHEAD_MS = 100 * 366 * 24 * 3_600_000;

/** What the schema cannot say; throws a Problem that names the field and the rule. */
export async function checkBody(
  templates: Pick<Templates, 'refusal'>,
  { body, tenantId, now }: { body: ScheduleBody; tenantId: string; now: number },
): Promise<void> {
  const { notification, timezone } = body;
  checkRecipients(body);
  if (timezone !== undefined && !isZone(parseTimezone(timezone))) {
    throw invalidField('/timezone', 'must be an IANA time zone like Europe/Berlin');
  }
  const {
    userId: _user,
    userIds: _users,
    audience: _audience,
    expiresAfterSeconds: _seconds,
    ...content
  } = notification;
  await under('/notification', async () => {
    checkRules({ ...content, userId: usersOf(notification)[0] ?? 'anybody' }, now);
    await checkTemplate(templates, tenantId, content);
  });
  const bytes = Buffer.byteLength(JSON.stringify(content)) * usersOf(notification).length;
  if (bytes > MAX_BYTES)
    throw invalidField('/notification/message', 'is too long for so many users; name a template');
  parseRule(body);
}

function checkRecipients({ notification: { userId, userIds, audience }, localTime }: ScheduleBody): void {
  if ([userId, userIds, audience].filter((each) => each !== undefined).length !== 1) {
    throw invalidField(
      '/notification/userId',
      'or /notification/userIds or /notification/audience is required, and only one',
    );
  }
  if (!audience) return;
  if ((audience.topic === undefined) === (audience.segment === undefined)) {
    throw invalidField(
      '/notification/audience/topic',
      'or /notification/audience/segment is required, and not both',
    );
  }
  if (localTime) throw invalidField('/localTime', 'is for users who are named, not for an audience');
}

/** Names fields by where they stand in the outer body. */
async function under(prefix: string, check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (error) {
    const first = error instanceof Problem ? error.errors?.[0] : undefined;
    if (!first) throw error;
    throw invalidField(`${prefix}${first.field}`, first.rule.replaceAll(' /', ` ${prefix}/`));
  }
}

function parseRule(definition: ScheduleDefinition): Rule {
  try {
    return parseTiming(timingOf(definition));
  } catch (error) {
    if (error instanceof TimingError) throw invalidField(error.field, error.message);
    throw error;
  }
}

/**
 * Writes a schedule as its owner wants it. What is said again changes nothing; while its times stay the same it goes on
 * from where it is, otherwise from now on. Occurrences that fired are kept.
 */
export async function declareSchedule(
  db: Queryable,
  { key, body, now }: { key: ScheduleKey; body: ScheduleBody; now: number },
): Promise<{ row: ScheduleRow; created: boolean }> {
  const { enabled, ...definition } = body;
  await requireSegment(db, key.tenantId, definition);
  const known = await lockSchedule(db, key);
  const isPaused = enabled === undefined ? known?.state === 'paused' : !enabled;
  if (known && isAsItIs(known, definition, isPaused)) return { row: known, created: false };
  const isSameTiming = known !== null && isEqual(timingOf(known.definition), timingOf(definition));
  const cursor = isSameTiming && known.state === 'active' ? known.cursor_at.getTime() : now;
  const groups = await loadGroups(db, key.tenantId, definition);
  const nextAt = requireNext(definition, groups, { cursor, now });
  const at = new Date(now);
  const row = await saveSchedule(db, {
    tenant_id: key.tenantId,
    live: key.live,
    id: key.id,
    uid: known?.uid ?? uuidv7(now),
    definition,
    state: isPaused ? 'paused' : 'active',
    problem: null,
    cursor_at: new Date(cursor),
    next_at: isPaused ? null : new Date(nextAt),
    skips: isSameTiming ? known.skips : [],
    fired_at: null,
    ended_at: null,
    created_at: at,
    updated_at: at,
  });
  return { row, created: known === null };
}

async function requireSegment(db: Queryable, tenantId: string, { notification }: ScheduleDefinition) {
  const id = notification.audience?.segment;
  if (id !== undefined && !(await findSegment(db, { tenantId, id }))) {
    throw invalidField('/notification/audience/segment', 'is not one of your segments');
  }
}

function isAsItIs(known: ScheduleRow, definition: ScheduleDefinition, isPaused: boolean): boolean {
  const isOver = known.state === 'cancelled' || known.state === 'failed';
  const isSameState = known.state === 'done' || (known.state === 'paused') === isPaused;
  return !isOver && isSameState && isEqual(known.definition, definition);
}

function isEqual(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b);
}

function requireNext(
  definition: ScheduleDefinition,
  groups: ZoneGroup[],
  { cursor, now }: { cursor: number; now: number },
): number {
  const { at, recurrence } = definition;
  const field = at !== undefined ? '/at' : recurrence?.cron ? '/recurrence/cron' : '/recurrence/rrule';
  const next = tryNext(definition, groups, cursor);
  if (next === null)
    throw invalidField(
      field,
      at === undefined ? 'never comes from now on, or too rarely to be worked out' : 'must be in the future',
    );
  if (next > now + MAX_AHEAD_MS) throw invalidField(field, 'must come within a hundred years');
  return next;
}

/** A rule that fits nothing is given up by its library with an error. */
function tryNext(definition: ScheduleDefinition, groups: ZoneGroup[], cursor: number): number | null {
  const rule = parseRule(definition);
  try {
    return nextLook(rule, definition, groups, cursor);
  } catch (error) {
    if (/^Maximum /.test((error as Error).message)) return null;
    throw error;
  }
}

/** The zone groups of a schedule, by the zones that its users have now. */
export async function loadGroups(
  db: Queryable,
  tenantId: string,
  definition: ScheduleDefinition,
): Promise<ZoneGroup[]> {
  if (!definition.localTime) return groupsOf(definition, new Map());
  const wanted = usersOf(definition.notification).map((externalId) => ({ tenantId, externalId }));
  const users = await loadTimezones(db, wanted);
  return groupsOf(definition, new Map(users.map(({ externalId, timezone }) => [externalId, timezone])));
}
