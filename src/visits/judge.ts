/** One request for a tracked address, as it came in. */
export interface VisitFacts {
  kind: 'link' | 'pixel' | 'beacon';
  method: string;
  /** Names in small letters. */
  headers: Record<string, string | string[] | undefined>;
  /** Milliseconds since the epoch. */
  at: number;
}

/** What is known of the message that was visited. */
export interface SentFacts {
  /** When it was handed over (ms since the epoch). */
  sentAt: number;
}

/**
 * Who came: a person; a proxy that fetches pictures for a mail program, whether or not anybody looks; or a machine.
 * `why` is stored and shown.
 */
export type Verdict = { who: 'person' } | { who: 'proxy' | 'machine'; why: string };

/** Nobody reads a mail and clicks in it this soon after it was handed over; scanners on its way do. */
const TOO_SOON_MS = 2_000;
/** Links of one message visited within `BURST_MS` by a scanner, while the message is on its way. */
const BURST_LINKS = 3;
export const BURST_MS = 5_000;
export const ON_ITS_WAY_MS = 120_000;

/** Browsers say by these that nobody asked yet: Chrome, Safari (`preview`), Firefox. */
const PREFETCH_HEADERS = ['purpose', 'sec-purpose', 'x-purpose', 'x-moz'];
const PREFETCH = /prefetch|prerender|preview/i;

/**
 * Mail programs that fetch pictures by their own servers. Apple's fetches all when the mail arrives, and calls itself
 * nothing but `Mozilla/5.0`; Gmail's and Yahoo's come when somebody looks, or before.
 */
const PROXIES: [why: string, agent: RegExp][] = [
  ['apple-mail', /^Mozilla\/5\.0$/],
  ['gmail', /GoogleImageProxy/],
  ['yahoo', /YahooMailProxy/],
];

/** Products that look behind links so that a person need not, and programs that no person reads mail with. */
const MACHINES =
  /bot\b|bot\/|crawl|spider|slurp|scan|preview|facebookexternalhit|whatsapp|skypeuri|embedly|headless|phantomjs|selenium|puppeteer|playwright|barracuda|mimecast|proofpoint|symantec|messagelabs|trend ?micro|fireeye|trellix|zscaler|sophos|forcepoint|ironport|safelinks|avanan|virustotal|curl\/|wget\/|python|go-http-client|java\/|okhttp|libwww|httpclient|node-fetch|undici|axios|guzzle|ruby|perl/i;
/** Android mail programs fetch pictures by this library: for those alone it is no sign. */
const PICTURE_LIBRARY = /okhttp/i;

/** Who made a request, by what it says of itself and when it came. Pure. */
export function judgeVisit(visit: VisitFacts, sent: SentFacts): Verdict {
  const { kind, method, headers, at } = visit;
  if (method === 'HEAD') return machine('head');
  if (PREFETCH_HEADERS.some((name) => PREFETCH.test(String(headers[name] ?? '')))) return machine('prefetch');
  const agent = String(headers['user-agent'] ?? '').trim();
  // A beacon is sent by a script of the site itself, where a notification was shown.
  if (kind === 'beacon') return { who: 'person' };
  if (agent === '') return machine('no-agent');
  const proxy = PROXIES.find(([, pattern]) => pattern.test(agent));
  if (proxy) return kind === 'pixel' ? { who: 'proxy', why: proxy[0] } : machine(proxy[0]);
  if (MACHINES.test(agent) && !(kind === 'pixel' && PICTURE_LIBRARY.test(agent))) return machine('agent');
  if (kind === 'link' && at - sent.sentAt < TOO_SOON_MS) return machine('too-soon');
  return { who: 'person' };
}

/** A click that may be one of a scanner's that tries every link: told only by those that come right after it. */
export function mayBeBurst({ kind, at }: Pick<VisitFacts, 'kind' | 'at'>, { sentAt }: SentFacts): boolean {
  return kind === 'link' && at - sentAt < ON_ITS_WAY_MS;
}

/** Whether clicks in one message, each of which may be one of a burst, are one: so many links at once. Pure. */
export function isBurst(clicks: readonly { link: number; at: number }[]): boolean {
  const sorted = [...clicks].sort((a, b) => a.at - b.at);
  return sorted.some((first, i) => {
    const soon = sorted.slice(i).filter(({ at }) => at - first.at <= BURST_MS);
    return new Set(soon.map(({ link }) => link)).size >= BURST_LINKS;
  });
}

function machine(why: string): Verdict {
  return { who: 'machine', why };
}
