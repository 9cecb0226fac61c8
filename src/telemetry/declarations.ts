/** One metric as it is declared. Labels are bounded sets, never ids: a label value costs memory for ever. */
export interface Declaration {
  type: 'counter' | 'gauge' | 'histogram';
  name: string;
  help: string;
  labels: readonly string[];
  buckets?: readonly number[];
}

const counter = <const L extends readonly string[]>(name: string, help: string, labels: L) =>
  ({ type: 'counter', name: `bellhop_${name}_total`, help, labels }) as const;
const gauge = <const L extends readonly string[]>(name: string, help: string, labels: L) =>
  ({ type: 'gauge', name: `bellhop_${name}`, help, labels }) as const;
const histogram = <const L extends readonly string[]>(
  name: string,
  help: string,
  labels: L,
  buckets: number[],
) => ({ type: 'histogram', name: `bellhop_${name}`, help, labels, buckets }) as const;

// Seconds. The alerts' limits (3 s, 30 s) are bounds of their own, so that a quantile beside them is exact.
const CALL = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const JOURNEY = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 300, 1_800];
const ROUND_TRIP = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 3_600, 21_600, 86_400];
const STATEMENT = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
const ITEMS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000];

/** At most this many rows are counted for a depth: a count must cost the same however much waits. */
export const DEPTH_CAP = 10_000;

/** Every metric of Bellhop, under the name by which the code knows it. docs/metrics.md is generated from here. */
export const METRICS = {
  accepted: counter(
    'notifications_accepted',
    'Notifications stored and answered 202; repeats by an idempotency key are not counted.',
    ['priority', 'kind'],
  ),
  refusals: counter(
    'refusals',
    'Requests answered with an error, by its code (docs/errors.md). `part` is accept, receipts or api.',
    ['part', 'code'],
  ),
  otpSent: counter(
    'otp_sent',
    'One-time passwords sent, each new code counted; `channel` is the first one.',
    ['channel', 'kind'],
  ),
  otpChecks: counter('otp_checks', 'Codes that were checked, by the answer.', ['outcome', 'kind']),
  otpRefused: counter(
    'otp_refused',
    'One-time passwords that a limit of the tenant did not let out, by the end of the code of the error (docs/errors.md).',
    ['reason', 'kind'],
  ),
  acceptWaiting: gauge('accept_waiting', 'Requests of this process that wait for a group commit.', ['line']),
  acceptCommitSize: histogram('accept_commit_size', 'Requests of one group commit.', ['line'], ITEMS),
  acceptCommitSeconds: histogram(
    'accept_commit_seconds',
    'Duration of one group commit.',
    ['line'],
    STATEMENT,
  ),

  occurrences: counter(
    'schedule_occurrences',
    'Occurrences of schedules, by zone where they count in local time: fired, fired late (past the grace), skipped by hand.',
    ['outcome', 'kind'],
  ),
  schedulesMissed: counter(
    'schedules_missed',
    'Times that a schedule was found with missed occurrences; its policy says what became of them.',
    ['kind'],
  ),
  scheduleLag: histogram(
    'schedule_lag_seconds',
    'From the time of an occurrence until it is fired, missed ones that are made up for included.',
    [],
    JOURNEY,
  ),

  importedRows: counter(
    'imported_rows',
    'Rows of imported files of users: created, changed, unchanged (or only checked), refused.',
    ['outcome'],
  ),
  segmentPasses: counter(
    'segment_passes',
    'Passes of segments through all users of their tenant: done, or failed because of the rule.',
    ['outcome'],
  ),

  routed: counter('notifications_routed', 'Notifications turned into deliveries.', ['priority', 'kind']),
  routingFailures: counter(
    'routing_failures',
    "Notifications that could not be routed because of a mistake of Bellhop's own.",
    [],
  ),
  routingBatchSize: histogram('routing_batch_size', 'Notifications of one routing batch.', [], ITEMS),
  routingBatchSeconds: histogram(
    'routing_batch_seconds',
    'Duration of one routing batch, its transaction included.',
    [],
    STATEMENT,
  ),
  queued: counter('deliveries_queued', 'Deliveries that routing queued.', [
    'channel',
    'provider',
    'priority',
    'kind',
  ]),
  skipped: counter(
    'deliveries_skipped',
    'Deliveries that routing decided against, by the rule that did it.',
    ['channel', 'priority', 'kind', 'reason'],
  ),
  digestEvents: counter('digest_events', 'Notifications that were collected by a digest.', ['kind']),
  digestsClosed: counter(
    'digests_closed',
    'Digests that came to their end: sent as one message, single (one event, sent as it is) or empty.',
    ['outcome', 'kind'],
  ),

  postponed: counter(
    'channels_postponed',
    'Channels of notifications that get their turn later, by the rule that held them up.',
    ['channel', 'priority', 'kind', 'reason'],
  ),

  routingDepth: gauge(
    'routing_depth',
    `Accepted notifications that wait to be routed, those scheduled for later included; counted up to ${DEPTH_CAP} for each priority. Of the whole installation: take the max over processes.`,
    ['priority'],
  ),
  routingOldestDue: gauge(
    'routing_oldest_due_seconds',
    'Age of the oldest notification that is due to be routed. Of the whole installation: take the max over processes.',
    ['priority'],
  ),
  queueDepth: gauge(
    'queue_depth',
    `Queued deliveries, those waiting for a retry included; counted up to ${DEPTH_CAP} for each lane. Of the whole installation: take the max over processes.`,
    ['lane', 'priority'],
  ),
  queueOldestDue: gauge(
    'queue_oldest_due_seconds',
    'Age of the oldest delivery that is due. Of the whole installation: take the max over processes.',
    ['lane', 'priority'],
  ),
  queueOldestSendable: gauge(
    'queue_oldest_sendable_seconds',
    'Age of the oldest delivery that is due over a connection which is neither broken nor paused, as far as this process knows.',
    ['lane', 'priority'],
  ),
  unknownNow: gauge(
    'deliveries_unknown',
    `Deliveries whose outcome nobody can tell yet; counted up to ${DEPTH_CAP}. Of the whole installation: take the max over processes.`,
    [],
  ),

  attempts: counter('attempts', 'Attempts whose result is written. `reason` is empty for accepted ones.', [
    'channel',
    'provider',
    'priority',
    'kind',
    'outcome',
    'reason',
  ]),
  attemptSeconds: histogram(
    'attempt_seconds',
    "Duration of an attempt: token, rendering and the provider's answer.",
    ['channel', 'provider'],
    CALL,
  ),
  hookCalls: counter(
    'hook_calls',
    "Hooks asked before sending or told afterwards; `by` tells a tenant's from the operator's module. `not_called`: paused after failures, or too many wait.",
    ['moment', 'by', 'outcome'],
  ),
  hookSeconds: histogram(
    'hook_seconds',
    'From the call of a hook to its answer or its failure.',
    ['moment', 'by'],
    CALL,
  ),
  hookEventsLost: counter(
    'hook_events_lost',
    'Events after sending that a hook was too slow or too broken to get.',
    [],
  ),
  webhookCalls: counter(
    'webhook_calls',
    'Calls of webhook endpoints: delivered, refused (tried again by the schedule), gone (410), interrupted by the end of the process.',
    ['outcome'],
  ),
  webhookSeconds: histogram(
    'webhook_seconds',
    'From the call of an endpoint to its answer.',
    ['outcome'],
    CALL,
  ),
  webhookDelaySeconds: histogram(
    'webhook_delay_seconds',
    'From an event until an endpoint has it, retries included.',
    [],
    ROUND_TRIP,
  ),
  webhooksFailed: counter('webhooks_failed', 'Events that were given up for an endpoint.', []),
  webhooksDisabled: counter(
    'webhooks_disabled',
    'Webhook endpoints that were disabled because they only failed for days (failing) or said so (gone).',
    ['reason'],
  ),
  handoffSeconds: histogram(
    'handoff_seconds',
    'From the accepted request (or its sendAt) until the provider took the message, retries included.',
    ['channel', 'priority', 'kind'],
    JOURNEY,
  ),
  retries: counter('retries', 'Deliveries queued again for the same connection.', [
    'channel',
    'provider',
    'priority',
  ]),
  failovers: counter(
    'failovers',
    'Deliveries handed to another connection; `provider` is the one they left.',
    ['channel', 'provider'],
  ),
  rateLimited: counter(
    'rate_limited',
    'Answers by which a provider asked for a slower pace (429 and its like).',
    ['channel', 'provider'],
  ),
  ended: counter(
    'deliveries_ended',
    'Deliveries that reached an end: sent, failed, dead (the dead letters), skipped, expired, cancelled.',
    ['channel', 'provider', 'priority', 'kind', 'state'],
  ),
  unknown: counter('deliveries_became_unknown', 'Attempts whose outcome nobody can tell.', [
    'channel',
    'provider',
    'reason',
  ]),
  unknownDecided: counter(
    'unknown_decided',
    'Unknown deliveries that the policy decided once no evidence came; those that a receipt settled are not counted.',
    ['channel', 'provider', 'state', 'reason'],
  ),
  fenced: counter(
    'results_fenced',
    'Results that were not written because the attempt had been given up meanwhile.',
    [],
  ),
  takenOver: counter('attempts_taken_over', 'Attempts that a dead worker left behind.', []),
  claimSize: histogram('claim_size', 'Deliveries of one claim.', [], ITEMS),
  resultsSize: histogram('results_size', 'Results of one write.', [], ITEMS),
  resultsSeconds: histogram('results_seconds', 'Duration of one write of results.', [], STATEMENT),

  breakersOpen: gauge('breakers_open', 'Connections of this process whose breaker is open or probing.', [
    'provider',
  ]),
  pruned: counter('devices_pruned', 'Devices switched off because the provider called their token dead.', [
    'provider',
  ]),
  suppressions: counter(
    'suppressions',
    'Addresses that must not be written to any more, by what said so (outcome, receipt, or stop: an answer to a text message).',
    ['channel', 'source'],
  ),
  receipts: counter('receipts', 'Receipts from providers, repeats not counted.', ['provider', 'event']),
  receiptSeconds: histogram(
    'receipt_seconds',
    'From routing until the receipt came in.',
    ['provider', 'event'],
    ROUND_TRIP,
  ),

  visits: counter(
    'visits',
    'Visits to tracked addresses, by what was visited (link, pixel, beacon) and by whom: person, proxy (of a mail program), machine; forged where the token does not open.',
    ['source', 'by'],
  ),
  visitsLost: counter(
    'visits_lost',
    'Visits that were answered but not written down: too many from one address (limited), too many waiting (overloaded), refused by the database or left at the end (failed).',
    ['reason'],
  ),
  visitsWaiting: gauge('visits_waiting', 'Visits of this process that wait to be written down.', []),
  receiptsWaiting: gauge('receipts_waiting', 'Posts of vendors under way in this process.', []),
  receiptsTurnedAway: counter(
    'receipts_turned_away',
    'Posts of vendors answered 503 before they were read: too many under way (full), too many of one connection (rate).',
    ['reason'],
  ),
  receiptsLeftOut: counter(
    'receipts_left_out',
    'Receipts that the database refused, which is logged; the rest of their posts counts.',
    [],
  ),
  receiptBatchSize: histogram('receipt_batch_size', 'Receipts of one commit.', [], ITEMS),
  receiptBatchSeconds: histogram(
    'receipt_batch_seconds',
    'Duration of one commit of receipts.',
    [],
    STATEMENT,
  ),
  inboxStreams: gauge('inbox_streams', 'Inbox streams that are open in this process.', []),
  inboxEvents: counter('inbox_events', 'Events written to inbox streams.', ['event']),
  inboxStreamsDropped: counter(
    'inbox_streams_dropped',
    'Inbox streams that were cut off because their reader was too slow.',
    [],
  ),

  spansExported: counter('spans_exported', 'Spans that the collector of traces took.', []),
  spansDropped: counter(
    'spans_dropped',
    'Spans that were lost because the collector of traces did not take them in time.',
    [],
  ),

  databaseClients: gauge(
    'database_clients',
    'Connections of this process to its database (state open or idle) and callers that wait for one (waiting).',
    ['pool', 'state'],
  ),
  loopAge: gauge('loop_age_seconds', 'Time since a loop of this process last turned; 0 while it rests.', [
    'loop',
  ]),
  loopsStuck: counter(
    'loops_stuck',
    'Loops found standing still; the process ends itself when that happens.',
    ['loop'],
  ),
  info: gauge('info', 'Always 1; says which version runs.', ['version']),
} as const satisfies Record<string, Declaration>;

export type MetricKey = keyof typeof METRICS;
