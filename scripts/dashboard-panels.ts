/** A graph of the dashboard. */
export interface Panel {
  title: string;
  unit?: 's' | 'short' | 'percentunit' | 'ops';
  /** Legend → PromQL. A legend in braces names labels. */
  lines: Record<string, string>;
  kind?: 'timeseries' | 'stat' | 'table';
  help?: string;
}

const rate = (metric: string, by: string, filter = '') =>
  `sum by (${by}) (rate(bellhop_${metric}${filter}[$__rate_interval]))`;
const p = (quantile: number, metric: string, by: string) =>
  `histogram_quantile(${quantile}, sum by (${by}, le) (rate(bellhop_${metric}_bucket[$__rate_interval])))`;

/** The dashboard's rows of panels. */
export const ROWS: Record<string, Panel[]> = {
  Overview: [
    {
      title: 'Success of the last 5 minutes',
      kind: 'stat',
      unit: 'percentunit',
      lines: { '{{channel}}': 'bellhop:success:ratio5m' },
    },
    {
      title: 'Oldest work that could be done',
      kind: 'stat',
      unit: 's',
      lines: {
        routing: 'max(bellhop_routing_oldest_due_seconds{priority!="low"})',
        sending: 'max(bellhop_queue_oldest_sendable_seconds{priority!="low"})',
      },
    },
    {
      title: 'Broken connections',
      kind: 'stat',
      lines: { '{{provider}}': 'sum by (provider) (bellhop_breakers_open)' },
    },
    {
      title: 'Alerts',
      kind: 'table',
      lines: { alerts: 'ALERTS{alertname=~"Bellhop.*",alertstate="firing"}' },
    },
    {
      title: 'Accepted',
      unit: 'ops',
      lines: { '{{priority}} {{kind}}': rate('notifications_accepted_total', 'priority, kind') },
    },
    { title: 'Ended', unit: 'ops', lines: { '{{state}}': rate('deliveries_ended_total', 'state') } },
    {
      title: 'To the hand-off, 95 %',
      unit: 's',
      help: 'From the accepted request until the provider took the message.',
      lines: { '{{channel}} {{priority}}': 'bellhop:handoff:p95' },
    },
    {
      title: 'To the receipt, 95 %',
      unit: 's',
      lines: { '{{provider}} {{event}}': p(0.95, 'receipt_seconds', 'provider, event') },
    },
  ],
  Lanes: [
    {
      title: 'Depth',
      help: 'Counted up to 10,000 a lane.',
      lines: { '{{lane}}': 'bellhop:queue_depth:lane > 0', routing: 'max(bellhop_routing_depth)' },
    },
    {
      title: 'Depth against normal',
      help: 'Normal is the median of the same hour over seven days, 50 at least.',
      lines: { '{{lane}}': 'bellhop:queue_depth:lane / bellhop:queue_depth:normal' },
    },
    {
      title: 'Oldest due',
      unit: 's',
      lines: {
        '{{lane}}': 'max by (lane) (bellhop_queue_oldest_due_seconds) > 0',
        'routing {{priority}}': 'max by (priority) (bellhop_routing_oldest_due_seconds)',
      },
    },
    {
      title: 'Routed',
      unit: 'ops',
      lines: {
        'notifications {{kind}}': rate('notifications_routed_total', 'kind'),
        '{{channel}} {{priority}}': rate('deliveries_queued_total', 'channel, priority'),
      },
    },
    {
      title: 'Batch sizes, median',
      lines: {
        accept: p(0.5, 'accept_commit_size', 'line'),
        routing:
          'histogram_quantile(0.5, sum by (le) (rate(bellhop_routing_batch_size_bucket[$__rate_interval])))',
        claim: 'histogram_quantile(0.5, sum by (le) (rate(bellhop_claim_size_bucket[$__rate_interval])))',
        results: 'histogram_quantile(0.5, sum by (le) (rate(bellhop_results_size_bucket[$__rate_interval])))',
      },
    },
    {
      title: 'Batch durations, 95 %',
      unit: 's',
      lines: {
        'accept {{line}}': p(0.95, 'accept_commit_seconds', 'line'),
        routing:
          'histogram_quantile(0.95, sum by (le) (rate(bellhop_routing_batch_seconds_bucket[$__rate_interval])))',
        results:
          'histogram_quantile(0.95, sum by (le) (rate(bellhop_results_seconds_bucket[$__rate_interval])))',
      },
    },
  ],
  Schedules: [
    {
      title: 'Occurrences',
      unit: 'ops',
      lines: { '{{outcome}} {{kind}}': rate('schedule_occurrences_total', 'outcome, kind') },
    },
    {
      title: 'Found with missed occurrences',
      unit: 'ops',
      lines: { '{{kind}}': rate('schedules_missed_total', 'kind') },
    },
    {
      title: 'Fired late by, 99 %',
      unit: 's',
      lines: {
        all: 'histogram_quantile(0.99, sum by (le) (rate(bellhop_schedule_lag_seconds_bucket[$__rate_interval])))',
      },
    },
  ],
  Digests: [
    {
      title: 'Events collected',
      unit: 'ops',
      lines: { '{{kind}}': rate('digest_events_total', 'kind') },
    },
    {
      title: 'Digests closed',
      unit: 'ops',
      lines: { '{{outcome}} {{kind}}': rate('digests_closed_total', 'outcome, kind') },
    },
  ],
  Audiences: [
    {
      title: 'Imported rows',
      unit: 'ops',
      lines: { '{{outcome}}': rate('imported_rows_total', 'outcome') },
    },
    {
      title: 'Passes of segments',
      unit: 'ops',
      lines: { '{{outcome}}': rate('segment_passes_total', 'outcome') },
    },
  ],
  Providers: [
    {
      title: 'Attempts by outcome',
      unit: 'ops',
      lines: { '{{provider}} {{outcome}}': rate('attempts_total', 'provider, outcome') },
    },
    {
      title: 'Answer time, 95 %',
      unit: 's',
      lines: { '{{provider}}': p(0.95, 'attempt_seconds', 'provider') },
    },
    {
      title: 'Answer time, median',
      unit: 's',
      lines: { '{{provider}}': p(0.5, 'attempt_seconds', 'provider') },
    },
    {
      title: 'Retries and failovers',
      unit: 'ops',
      lines: {
        '{{provider}} retries': rate('retries_total', 'provider'),
        '{{provider}} failovers': rate('failovers_total', 'provider'),
      },
    },
    {
      title: 'Asked for a slower pace',
      unit: 'ops',
      lines: { '{{provider}}': rate('rate_limited_total', 'provider') },
    },
    {
      title: 'Receipts',
      unit: 'ops',
      lines: { '{{provider}} {{event}}': rate('receipts_total', 'provider, event') },
    },
  ],
  Problems: [
    {
      title: 'Failures by reason',
      unit: 'ops',
      lines: {
        '{{provider}} {{reason}}': rate('attempts_total', 'provider, reason', '{outcome!="accepted"}'),
      },
    },
    {
      title: 'Dead letters',
      unit: 'ops',
      lines: {
        '{{channel}} {{provider}}': rate('deliveries_ended_total', 'channel, provider', '{state="dead"}'),
      },
    },
    {
      title: 'Unknown outcomes',
      lines: {
        now: 'max(bellhop_deliveries_unknown)',
        'new {{provider}}': rate('deliveries_became_unknown_total', 'provider'),
        'decided {{state}}': rate('unknown_decided_total', 'state'),
        'taken over': 'sum(rate(bellhop_attempts_taken_over_total[$__rate_interval]))',
        fenced: 'sum(rate(bellhop_results_fenced_total[$__rate_interval]))',
      },
    },
    {
      title: 'Skipped by routing',
      unit: 'ops',
      lines: {
        '{{channel}} {{reason}}': rate('deliveries_skipped_total', 'channel, reason'),
        '{{channel}} {{reason}}, later': rate('channels_postponed_total', 'channel, reason'),
        failures: 'sum(rate(bellhop_routing_failures_total[$__rate_interval]))',
      },
    },
    {
      title: 'Calls of hooks',
      unit: 'ops',
      lines: {
        '{{moment}} {{by}} {{outcome}}': rate('hook_calls_total', 'moment, by, outcome'),
        'events lost': 'sum(rate(bellhop_hook_events_lost_total[$__rate_interval]))',
      },
    },
    {
      title: 'Hooks, p95 until their answer',
      unit: 's',
      lines: { '{{moment}} {{by}}': p(0.95, 'hook_seconds', 'moment, by') },
    },
    {
      title: 'Calls of webhook endpoints',
      unit: 'ops',
      lines: {
        '{{outcome}}': rate('webhook_calls_total', 'outcome'),
        'given up': 'sum(rate(bellhop_webhooks_failed_total[$__rate_interval]))',
        'disabled {{reason}}': rate('webhooks_disabled_total', 'reason'),
      },
    },
    {
      title: 'Webhooks, p95 until an answer and until it was told',
      unit: 's',
      lines: {
        'answer, {{outcome}}': p(0.95, 'webhook_seconds', 'outcome'),
        told: 'histogram_quantile(0.95, sum by (le) (rate(bellhop_webhook_delay_seconds_bucket[$__rate_interval])))',
      },
    },
    {
      title: 'One-time passwords',
      unit: 'ops',
      lines: {
        'sent {{channel}}': rate('otp_sent_total', 'channel'),
        '{{outcome}}': rate('otp_checks_total', 'outcome'),
        'refused {{reason}}': rate('otp_refused_total', 'reason'),
      },
    },
    {
      title: 'Posts of vendors',
      help: 'Those under way, those answered 503 before they were read, and receipts that the database refused.',
      lines: {
        'under way': 'sum(bellhop_receipts_waiting)',
        'turned away, {{reason}}': rate('receipts_turned_away_total', 'reason'),
        'left out': 'sum(rate(bellhop_receipts_left_out_total[$__rate_interval]))',
        'of one commit, p95':
          'histogram_quantile(0.95, sum by (le) (rate(bellhop_receipt_batch_size_bucket[$__rate_interval])))',
      },
    },
    {
      title: 'Commits of receipts, p95',
      unit: 's',
      lines: {
        commit:
          'histogram_quantile(0.95, sum by (le) (rate(bellhop_receipt_batch_seconds_bucket[$__rate_interval])))',
      },
    },
    {
      title: 'Visits to tracked addresses',
      unit: 'ops',
      lines: {
        '{{source}} by {{by}}': rate('visits_total', 'source, by'),
        'lost, {{reason}}': rate('visits_lost_total', 'reason'),
        waiting: 'sum(bellhop_visits_waiting)',
      },
    },
    {
      title: 'Inbox streams',
      lines: {
        open: 'sum(bellhop_inbox_streams)',
        '{{event}} a second': rate('inbox_events_total', 'event'),
        'cut off a second': 'sum(rate(bellhop_inbox_streams_dropped_total[$__rate_interval]))',
      },
    },
    {
      title: 'Refused requests',
      unit: 'ops',
      lines: { '{{part}} {{code}}': rate('refusals_total', 'part, code') },
    },
    {
      title: 'Devices pruned, addresses suppressed',
      unit: 'ops',
      lines: {
        'pruned {{provider}}': rate('devices_pruned_total', 'provider'),
        'suppressed {{channel}} by {{source}}': rate('suppressions_total', 'channel, source'),
      },
    },
    {
      title: 'Loops',
      unit: 's',
      help: 'Since each loop last turned.',
      lines: {
        '{{loop}}': 'max by (loop) (bellhop_loop_age_seconds)',
        'stuck {{loop}}': 'sum by (loop) (bellhop_loops_stuck_total)',
      },
    },
    {
      title: 'Waiting in front of the database',
      lines: {
        '{{pool}}': 'max by (pool) (bellhop_database_clients{state="waiting"})',
        'commit {{line}}': 'max by (line) (bellhop_accept_waiting)',
      },
    },
    {
      title: 'Event loop delay, 99 %',
      unit: 's',
      lines: { '{{instance}}': 'nodejs_eventloop_lag_p99_seconds and on (instance) bellhop_info' },
    },
    {
      title: 'Memory',
      unit: 'short',
      lines: { '{{instance}}': 'process_resident_memory_bytes and on (instance) bellhop_info' },
    },
    {
      title: 'Spans',
      help: 'Sent to the collector, and dropped because it was away or too slow.',
      lines: {
        exported: 'sum(rate(bellhop_spans_exported_total[$__rate_interval]))',
        dropped: 'sum(rate(bellhop_spans_dropped_total[$__rate_interval]))',
      },
    },
  ],
};
