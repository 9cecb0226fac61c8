import { DIGESTED, isProblem, TERMINAL } from '../../src/ledger/index.ts';
import { getProvider } from '../../src/providers/index.ts';
import { BUILT_IN } from '../../src/rules/index.ts';
import type { Customers } from './customers.ts';
import type { Sending } from './vendors.ts';
import type { World } from './world.ts';

// biome-ignore lint/suspicious/noExplicitAny: whole rows
type Row = any;

export interface Evidence {
  deliveries: Row[];
  notifications: Row[];
  attempts: Row[];
  digests: Row[];
  /** Notifications that wait in a digest. */
  collected: number;
  claims: number;
  workers: number;
}

export async function loadEvidence({ store }: World): Promise<Evidence> {
  const all = async (text: string) => (await store.engine.query(text)).rows;
  return {
    deliveries: await all('select * from deliveries order by id'),
    notifications: await all(
      'select *, exists (select from unrouted u where u.id = notifications.id) as waits from notifications order by id',
    ),
    attempts: await all('select * from attempts order by delivery_id, n'),
    digests: await all('select * from digests order by id'),
    collected: (await all('select 1 from digest_events')).length,
    claims: (await all('select id from claims')).length,
    workers: (await all('select id from workers')).length,
  };
}

/** Everything that must hold once nothing is due any more; returns what does not. */
export function judge(world: World, customers: Customers, evidence: Evidence): string[] {
  const sendings = Map.groupBy(world.vendors.sendings, ({ deliveryId }) => deliveryId);
  const outcomes = new Map(
    evidence.attempts.map((row) => [`${row.delivery_id}/${row.n}`, row.outcome as string]),
  );
  const problems = [...judgeConservation(customers, evidence), ...judgeDigests(evidence)];
  for (const row of evidence.deliveries) {
    const story: Story = {
      row,
      sendings: sendings.get(row.id) ?? [],
      outcomeOf: (attempt) => outcomes.get(`${row.id}/${attempt}`),
      replays: customers.replays.get(row.id) ?? [],
      cancel: customers.cancelled.get(row.id),
      bounced: world.bounced.has(row.id),
    };
    problems.push(
      ...[...judgeRow(story), ...judgeSendings(story), ...judgeRepeats(story)].map(
        (text) => `${row.id}: ${text}`,
      ),
    );
  }
  return problems;
}

interface Story {
  row: Row;
  sendings: Sending[];
  /** As the log of attempts has it; a plain success is not in it. */
  outcomeOf(attempt: number): string | undefined;
  replays: number[];
  cancel: { at: number; attempts: number; state: string } | undefined;
  bounced: boolean;
}

/** Nothing lost, nothing left over: every promise has its row, every row its deliveries. */
function* judgeConservation(customers: Customers, evidence: Evidence): Generator<string> {
  const notifications = new Map(evidence.notifications.map((row) => [row.id, row]));
  const deliveries = Map.groupBy(evidence.deliveries, (row) => row.notification_id);
  for (const { id, channels } of customers.asked) {
    const row = notifications.get(id);
    if (!row) yield `lost: notification ${id} was answered with 202`;
    else if (row.state === 'accepted' && deliveries.get(id)?.length !== channels)
      yield `notification ${id} has ${deliveries.get(id)?.length ?? 0} deliveries for ${channels} channels`;
  }
  for (const row of evidence.notifications) {
    const cancelled = customers.cancelledUnrouted.has(row.id);
    if (row.state !== (cancelled ? 'cancelled' : 'accepted'))
      yield `notification ${row.id} ended as ${row.state}`;
    if (cancelled && deliveries.has(row.id)) yield `notification ${row.id} was cancelled and routed`;
    if (row.waits) yield `notification ${row.id} is still due`;
  }
  if (evidence.claims > 0) yield `${evidence.claims} claims are left over`;
  if (evidence.workers > 0) yield `${evidence.workers} workers are left over`;
}

/** Every digest has ended, and was sent once, with as many notifications as it says. */
function* judgeDigests({ digests, notifications, deliveries, collected }: Evidence): Generator<string> {
  const carried = deliveries.filter(({ reason }) => reason === DIGESTED);
  const byCarrier = Map.groupBy(carried, ({ code }) => code as string);
  const carriers = notifications.filter(({ request }) => request.carries);
  const isSent = new Map(carriers.map(({ id, request }) => [id, request.carries.digestId]));
  for (const code of byCarrier.keys()) if (!isSent.has(code)) yield `nothing carried what ${code} should`;
  for (const { id, request } of carriers) {
    const events = new Set((byCarrier.get(id) ?? []).map((row) => row.notification_id)).size;
    if (events !== request.carries.events) yield `${id} carries ${events}, not ${request.carries.events}`;
  }
  const sent = digests.filter(({ result }) => result === 'sent');
  if (sent.length !== carriers.length) yield `${sent.length} digests were sent ${carriers.length} times`;
  for (const { id, notification_id } of sent)
    if (isSent.get(notification_id) !== id) yield `digest ${id} names ${notification_id}`;
  for (const { id, finished_at } of digests) if (!finished_at) yield `digest ${id} has not ended`;
  if (collected > 0) yield `${collected} notifications still wait in digests`;
}

/** The columns tell one story. */
function* judgeRow({ row }: Story): Generator<string> {
  if (!TERMINAL.has(row.state)) yield `ended as ${row.state} (${row.reason}, attempt ${row.attempt})`;
  if (row.due_at !== null && row.state !== 'queued') yield `${row.state} and due`;
  if (row.decide_at !== null && row.state !== 'unknown') yield `${row.state} and to be decided`;
  if (row.problem !== (isProblem(row.state) ? row.state : null))
    yield `${row.state} with problem ${row.problem}`;
  if (TERMINAL.has(row.state) && row.finished_at === null) yield `${row.state} and not finished`;
}

/** When and how often was it allowed to be sent? */
function* judgeSendings({ row, sendings, cancel, outcomeOf, replays }: Story): Generator<string> {
  for (const [i, sending] of sendings.entries()) {
    const { attempt, at, expiresAt, process } = sending;
    const before = sendings[i - 1];
    const text = `attempt ${attempt} by ${process} at ${at}`;
    if (attempt > row.attempt) yield `${text} is not on record`;
    if (before && attempt <= before.attempt)
      yield `${text} came after attempt ${before.attempt} by ${before.process}`;
    if (expiresAt !== null && at >= expiresAt) yield `${text} was sent after it expired`;
    if (cancel && at > cancel.at && attempt > cancel.attempts) yield `${text} was started after the cancel`;
    if (cancel && at > cancel.at && cancel.state === 'cancelled')
      yield `${text} was sent after it was cancelled`;
    // What the vendor of one connection asks for does not hold up another one.
    const isSame = before?.connection === sending.connection;
    const asked = isSame && outcomeOf(before.attempt) === 'retry' ? before.notBefore : null;
    const replayed = before && replays.some((replay) => replay >= before.at);
    if (asked !== null && at < asked && !replayed) yield `${text} came before the vendor's Retry-After`;
  }
}

/** Whoever got it twice must be explained by an outcome that nobody could know, and a policy that allows it. */
function* judgeRepeats({ row, sendings, outcomeOf, replays, bounced }: Story): Generator<string> {
  const mayRepeat = ({ category, provider }: Sending) => {
    const { dedupeKey, replaces } = getProvider(provider)!.supports;
    return dedupeKey || replaces || BUILT_IN.of(category).unknown === 'send-again';
  };
  const taken = sendings.filter((sending) => sending.accepted);
  for (const [i, later] of sendings.entries()) {
    const replayedAt = replays.findLast((at) => at <= later.at) ?? 0;
    for (const earlier of sendings.slice(0, i).filter(({ at }) => at > replayedAt)) {
      const unsure = outcomeOf(earlier.attempt) === 'unknown';
      const text = `attempt ${later.attempt} follows attempt ${earlier.attempt}`;
      if (earlier.accepted && !unsure) yield `${text}, which was accepted and not unknown`;
      if (unsure && !mayRepeat(earlier)) yield `${text}, which was unknown and must not be repeated`;
      if (unsure && later.connection !== earlier.connection)
        yield `${text}, which was unknown, over ${later.connection} instead of ${earlier.connection}`;
    }
  }
  const sent = row.state === 'sent' && row.channel !== 'inbox';
  if (sent && taken.length === 0) yield 'is sent, and no vendor took it';
  const unsure = taken.some(({ attempt }) => outcomeOf(attempt) === 'unknown');
  if (!sent && taken.length > 0 && !unsure && !bounced && replays.length === 0)
    yield `a vendor took it, and it ended as ${row.state} (${row.reason})`;
}
