import { heedWishes, type Wishes } from '../consent/index.ts';
import { Batcher } from '../lib/batcher.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Channel, Receipt, VendorTemplateNews } from '../providers/index.ts';
import { routeTopic, type Wake } from '../queue/index.ts';
import { inTransaction, isDataError, type Store } from '../store/index.ts';
import type { Metrics, Tracer } from '../telemetry/index.ts';
import { saveVendorTemplates } from '../tenants/index.ts';
import { type Applied, applyPosts, countEnds, type ReceiptPost } from './apply.ts';
import { countReceipts } from './counts.ts';
import { loadSubjects, type MatchedReceipt } from './store.ts';
import { receiptFacts } from './trace.ts';

/** What one connection told, on its way to the database. */
export interface LanePost extends ReceiptPost {
  /** The provider's id; counted by it. */
  provider: string;
  channel: Channel;
  /** What users asked for by what they answered or did, and of which kind of contacts they are. */
  wishes?: Wishes & { kind: string };
  /** What became of texts that the vendor approves. */
  templates?: VendorTemplateNews[];
  /** Learns what the receipts that were new say of the connection. */
  reported?(delivered: number, undelivered: number): void;
}

export interface ReceiptLaneOptions {
  store: Pick<Store, 'receipts' | 'kind' | 'gatherMs'>;
  clock: Clock;
  logger: Logger;
  /** Posts that may wait. */
  maxWaiting: number;
  /** Told that routing has something to do. */
  wake?: Pick<Wake, 'signal'>;
  metrics?: Metrics;
  tracer?: Tracer;
}

/** The road of receipts: it has its own connections to the database and its own line, and shares neither with sending. */
export interface ReceiptLane {
  /** Resolves when everything of the post is committed; rejects with `OverloadedError` when the line is full. */
  add(post: LanePost): Promise<void>;
  drained(): Promise<void>;
}

/** Answering all posts of a batch holds the event loop up: half of what is accepted at once. */
const MAX_BATCH = 250;
/** While one waits for the database, the next is prepared. */
const CONCURRENCY = 2;
/** Embedded, accepting and sending wait for the same connection meanwhile. */
const MAX_EMBEDDED_BATCH = 100;
/** Under load, posts are gathered so long: nobody waits for a receipt, and each commit is one less for the disk. */
const GATHER_MS = 10;

/** Posts that arrive while a batch is under way join the next one, whosever they are. */
export function createReceiptLane(options: ReceiptLaneOptions): ReceiptLane {
  const maxBatch = options.store.kind === 'embedded' ? MAX_EMBEDDED_BATCH : MAX_BATCH;
  const batcher = new Batcher<LanePost, Fault | undefined>({
    async flush(posts) {
      const faults = await commit(options, posts);
      return posts.map((post) => faults.get(post));
    },
    maxBatch,
    weigh: ({ receipts }) => Math.max(1, receipts.length),
    concurrency: options.store.kind === 'embedded' ? 1 : CONCURRENCY,
    maxWaiting: options.maxWaiting,
    intervalMs: Math.max(GATHER_MS, options.store.gatherMs),
  });
  return {
    async add(post) {
      const parts = post.receipts.length <= maxBatch ? [post] : cut(post, maxBatch);
      const faults = await Promise.all(parts.map((part) => batcher.add(part)));
      for (const fault of faults) if (fault) throw fault.cause;
    },
    drained: () => batcher.drained(),
  };
}

/** Why one post failed alone. */
interface Fault {
  cause: unknown;
}

async function commit(options: ReceiptLaneOptions, posts: LanePost[]): Promise<Map<LanePost, Fault>> {
  const { metrics, clock, wake } = options;
  const startedAt = performance.now();
  const now = clock.now();
  const faults = new Map<LanePost, Fault>();
  const { fresh, priorities } = await applyOrSplit(options, posts, { now, whole: new Set(posts), faults });
  metrics?.receiptBatchSize.observe(posts.reduce((sum, { receipts }) => sum + receipts.length, 0));
  metrics?.receiptBatchSeconds.observe((performance.now() - startedAt) / 1000);
  for (const priority of new Set(priorities)) wake?.signal(routeTopic(priority));
  report(options, posts, { fresh, now });
  if (options.tracer && fresh.length > 0) await trace(options, fresh, now);
  return faults;
}

const NOTHING: Applied = { fresh: [], priorities: [] };

/** One transaction for all; when some post is to blame for its failure, halves are tried until only that one fails. */
async function applyOrSplit(
  options: ReceiptLaneOptions,
  posts: LanePost[],
  run: { now: number; whole: Set<LanePost>; faults: Map<LanePost, Fault> },
): Promise<Applied> {
  const { now } = run;
  try {
    return await inTransaction(options.store.receipts, async (db) => {
      const applied = await applyPosts(db, posts, now);
      const heard = posts.flatMap(({ tenantId, wishes }) => (wishes ? [{ tenantId, ...wishes }] : []));
      if (heard.length > 0) await heedWishes(db, now, heard);
      for (const { tenantId, connection, templates } of posts)
        if (templates) await saveVendorTemplates(db, { tenantId, connection, now: new Date(now) }, templates);
      return applied;
    });
  } catch (error) {
    const isStorable = !isOfTheData(error);
    const [post] = posts as [LanePost];
    const isOurs = error instanceof TypeError && (posts.length > 1 || run.whole.has(post));
    if (isStorable && !isOurs) throw error;
    // Of our own mistakes the vendor hears, so that nothing is lost by them; but nobody else has to.
    if (isOurs && posts.length === 1) {
      run.faults.set(post, { cause: error });
      return NOTHING;
    }
    const halves = halve(posts);
    if (!halves) {
      const { tenantId: tenant, connection } = post;
      options.logger.warn({ error, tenant, connection }, 'a receipt that can not be stored was left out');
      options.metrics?.receiptsLeftOut.inc();
      return NOTHING;
    }
    const left = await applyOrSplit(options, halves[0], run);
    const right = await applyOrSplit(options, halves[1], run);
    return {
      fresh: [...left.fresh, ...right.fresh],
      priorities: [...left.priorities, ...right.priorities],
    };
  }
}

/** A time that is none is refused before the database sees it. */
function isOfTheData(error: unknown): boolean {
  return isDataError(error) || (error instanceof RangeError && /^Invalid time value/.test(error.message));
}

function halve(posts: LanePost[]): [LanePost[], LanePost[]] | null {
  const middle = posts.length >> 1;
  if (middle > 0) return [posts.slice(0, middle), posts.slice(middle)];
  const [post] = posts as [LanePost];
  const { receipts, wishes, templates } = post;
  if ((wishes || templates) && receipts.length > 0)
    return [
      [{ ...post, wishes: undefined, templates: undefined }],
      [{ ...post, receipts: [], reported: undefined }],
    ];
  if (receipts.length < 2) return null;
  const [left, right] = cut(post, Math.ceil(receipts.length / 2));
  return [[left!], [right!]];
}

/** What users answered goes with the first part. */
function cut(post: LanePost, size: number): LanePost[] {
  const parts = Array.from({ length: Math.ceil(post.receipts.length / size) }, (_, i) => ({
    ...post,
    receipts: post.receipts.slice(i * size, (i + 1) * size),
  }));
  return parts.map((part, i) => (i === 0 ? part : { ...part, wishes: undefined, templates: undefined }));
}

function report(
  { metrics }: ReceiptLaneOptions,
  posts: LanePost[],
  { fresh, now }: { fresh: MatchedReceipt[]; now: number },
): void {
  const nameOf = ({ tenantId, connection }: { tenantId: string; connection: string }) =>
    `${tenantId} ${connection}`;
  const freshOf = Map.groupBy(fresh, nameOf);
  for (const [name, [post]] of Map.groupBy(posts, nameOf)) {
    const { provider, channel, reported } = post!;
    const news: Receipt[] = freshOf.get(name) ?? [];
    countReceipts(metrics, { provider, channel, now }, freshOf.get(name) ?? []);
    const { delivered, undelivered } = countEnds(news);
    reported?.(delivered, undelivered);
  }
  for (const { channel, wishes } of posts)
    if (wishes && wishes.stop.length > 0)
      metrics?.suppressions.inc({ channel, source: 'stop' }, wishes.stop.length);
}

/** The receipts are applied by now: what goes wrong here must not make the vendor send them again. */
async function trace(
  { tracer, store, clock, logger }: ReceiptLaneOptions,
  receipts: MatchedReceipt[],
  now: number,
): Promise<void> {
  try {
    const subjects = await loadSubjects(store.receipts, receipts);
    for (const fact of receiptFacts(receipts, subjects, { startedAt: now, endedAt: clock.now() }))
      tracer!.received(fact);
  } catch (error) {
    logger.warn({ error }, 'receipts could not be traced');
  }
}
