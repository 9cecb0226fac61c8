import type { Receipt, ReceiptEvent } from '../providers/index.ts';
import type { Tracked, Verdict } from '../visits/index.ts';
import type { VisitCount, VisitedDelivery, VisitKind } from './visit-store.ts';

/** One visit to a tracked address, judged as far as it can be by itself. */
export interface Visit {
  tracked: Tracked;
  what: VisitKind;
  /** Milliseconds since the epoch. */
  at: number;
  verdict: Verdict;
}

/** What people do, in the words for what vendors report. In the inbox what is shown is seen, on a lock screen it has arrived. */
export function eventOf(what: VisitKind, channel: string): ReceiptEvent {
  if (what === 'shown') return channel === 'inbox' ? 'opened' : 'delivered';
  return what === 'dismissed' ? 'opened' : what;
}

/** The visits of people as receipts: one for each thing that was visited, however often. Pure. */
export function receiptsFrom(visits: readonly Visit[], deliveries: Map<string, VisitedDelivery>): Receipt[] {
  return visits.flatMap(({ tracked, what, at, verdict }) => {
    const delivery = deliveries.get(tracked.deliveryId);
    if (!delivery || verdict.who !== 'person') return [];
    const event = eventOf(what, delivery.channel);
    const eventKey = `visit ${what} ${tracked.link}`;
    return { event, deliveryId: delivery.id, providerMessageId: null, at, eventKey };
  });
}

/** Visits of a batch to the same address become one row. Pure. */
export function countsFrom(visits: readonly Visit[]): VisitCount[] {
  const groups = Map.groupBy(visits, ({ tracked, what }) => `${tracked.deliveryId} ${what} ${tracked.link}`);
  return [...groups.values()].map((group) => {
    const { tracked, what } = group[0]!;
    const who = (wanted: Verdict['who']) => group.filter(({ verdict }) => verdict.who === wanted).length;
    const times = group.map(({ at }) => at);
    const reasons = group.flatMap(({ verdict }) => (verdict.who === 'person' ? [] : [verdict.why]));
    return {
      deliveryId: tracked.deliveryId,
      tenantId: tracked.tenantId,
      kind: what,
      link: tracked.link,
      url: tracked.url === '' ? null : tracked.url,
      people: who('person'),
      proxies: who('proxy'),
      machines: who('machine'),
      why: reasons.at(-1) ?? null,
      firstAt: new Date(Math.min(...times)),
      lastAt: new Date(Math.max(...times)),
    };
  });
}
