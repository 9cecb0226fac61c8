import type { Queryable } from '../store/index.ts';
import { type EventStream, renderEvent } from './event-stream.ts';
import { type InboxLook, loadLooks, loadNews, type NewsRow, TOLD_AT_MOST } from './news-store.ts';
import { COUNTED_AT_MOST, renderCounts, renderInboxItem } from './schema.ts';
import type { InboxKey } from './store.ts';

/** All streams of this process that look at one inbox. */
export interface Audience {
  inbox: InboxKey;
  streams: Set<EventStream>;
  /** When the inbox was last looked at, and when the next item in it expires (ms since the epoch). */
  lookedAt: number;
  nextExpiry: number;
}

/** What one stream is told. */
export interface Telling {
  stream: EventStream;
  text: string;
  /** The last change it knows of then. */
  after: number;
  /** The names of the events. */
  events: string[];
}

/** Reads what is new for these audiences in two statements, and puts it into words. */
export async function readNews(db: Queryable, audiences: Audience[], now: number): Promise<Telling[]> {
  const watched = audiences.map(({ inbox, streams }) => ({
    ...inbox,
    after: Math.min(...[...streams].map(({ after }) => after)),
  }));
  const news = Map.groupBy(await loadNews(db, watched), ({ place }) => place);
  const concerned = audiences.flatMap((audience, place) => {
    const rows = news.get(place) ?? [];
    const isDue = audience.nextExpiry <= now || [...audience.streams].some((stream) => !stream.isGreeted);
    return rows.length > 0 || isDue ? [{ audience, rows }] : [];
  });
  if (concerned.length === 0) return [];
  const looks = await loadLooks(
    db,
    concerned.map(({ audience }) => ({ ...audience.inbox, since: audience.lookedAt })),
    { now: new Date(now), most: COUNTED_AT_MOST },
  );
  return concerned.flatMap(({ audience, rows }, i) => {
    const look = looks[i]!;
    audience.lookedAt = now;
    audience.nextExpiry = look.nextExpiry?.getTime() ?? Number.POSITIVE_INFINITY;
    return tellAll(audience, rows, look);
  });
}

function tellAll({ streams }: Audience, rows: NewsRow[], look: InboxLook): Telling[] {
  const counts = renderCounts(look);
  const told = new Map<NewsRow, string[]>();
  // Rendered once, however many listen.
  const render = (row: NewsRow) => {
    const known = told.get(row) ?? renderChange(row, counts);
    told.set(row, known);
    return known;
  };
  return [...streams].map((stream) => {
    const { after } = stream;
    const latest = rows[0]?.latest ?? after;
    const own = rows.filter(({ seq }) => seq !== null && seq > after);
    // Without gaps from the last change it knows up to the newest one: neither forgotten nor too many.
    const isWhole =
      latest === after ||
      (own.length <= TOLD_AT_MOST && own[0]?.seq === after + 1 && own.at(-1)?.seq === latest);
    const changes = isWhole
      ? own.flatMap((row) => render(row))
      : [renderEvent('sync.required', { counts }, latest)];
    const gone = look.expired.map((id) => renderEvent('item.deleted', { id, counts }));
    const greeting = stream.isGreeted ? [] : [renderEvent('counts', counts, latest)];
    const parts = [...changes, ...gone, ...greeting];
    return { stream, text: parts.join(''), after: latest, events: parts.map(nameOf) };
  });
}

/** A change is told as the item is by now: a later change that says the same does no harm. */
function renderChange({ event, seq, itemId, item, replaces }: NewsRow, counts: object): string[] {
  const id = seq!;
  const removed = (replaces ?? []).map((old) => renderEvent('item.deleted', { id: old, counts }));
  switch (event!) {
    case 'item.created':
    case 'item.updated':
      if (!item) return [...removed, renderEvent('item.deleted', { id: itemId, counts }, id)];
      return [...removed, renderEvent(event!, { item: renderInboxItem(item), counts }, id)];
    case 'item.deleted':
      return [renderEvent('item.deleted', { id: itemId, counts }, id)];
    case 'sync.required':
      return [renderEvent('sync.required', { counts }, id)];
  }
}

function nameOf(text: string): string {
  return /event: (\S+)/.exec(text)![1]!;
}
