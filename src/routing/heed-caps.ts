import { laneOf, priorityOf, stepOnly } from '../ledger/index.ts';
import type { Channel } from '../providers/index.ts';
import { type Hold, reservePlaces } from '../rules/index.ts';
import type { Queryable } from '../store/index.ts';
import type { SkipReason } from './decide.ts';
import type { ChannelAsk, NotificationPlan } from './plan-notification.ts';
import type { DeliveryRow } from './store.ts';

/** What is left of the plans of a batch, and what its messages hold. */
export interface Heeded {
  deliveries: DeliveryRow[];
  holds: Hold[];
}

const CAPPED: SkipReason = 'capped';

/**
 * Takes the places for everything that the batch would send, once all of it is decided: a channel that gets none is
 * skipped as a whole. No statement when nothing is capped.
 */
export async function heedCaps(
  db: Queryable,
  plans: readonly NotificationPlan[],
  now: number,
): Promise<Heeded> {
  const asks = plans.flatMap((plan) => plan.asks);
  if (asks.length === 0) return { deliveries: plans.flatMap(({ deliveries }) => deliveries), holds: [] };
  const refusals = await reservePlaces(db, asks, now);
  const ruleAgainst = new Map(asks.map((ask, i) => [ask, refusals[i]]));
  const holds: Hold[] = [];
  const deliveries = plans.flatMap((plan) => {
    let rows = plan.deliveries;
    for (const ask of plan.asks) {
      const rule = ruleAgainst.get(ask);
      if (rule) rows = skipChannel(rows, ask.channel, rule);
      else holds.push(holdOf(rows, ask));
    }
    return rows;
  });
  return { deliveries, holds };
}

/** One row says it for all devices. */
function skipChannel(rows: readonly DeliveryRow[], channel: string, rule: string): DeliveryRow[] {
  const first = rows.findIndex((row) => row.channel === channel);
  return rows.flatMap((row, i) => {
    if (row.channel !== channel) return [row];
    return i === first ? [cappedBy(row, rule)] : [];
  });
}

function cappedBy(row: DeliveryRow, rule: string): DeliveryRow {
  return {
    ...row,
    lane: laneOf(row.channel as Channel, null, priorityOf(row.lane)),
    deviceId: null,
    contactKind: null,
    provider: null,
    connection: '',
    choice: stepOnly(row.choice),
    state: 'skipped',
    reason: CAPPED,
    code: rule,
    dueAt: null,
  };
}

function holdOf(rows: readonly DeliveryRow[], { channel, places }: ChannelAsk): Hold {
  const own = rows.filter((row) => row.channel === channel && row.state === 'queued');
  const { tenantId, live } = own[0]!;
  return { tenantId, live, deliveryIds: own.map(({ id }) => id), places };
}
