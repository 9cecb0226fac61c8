import { isUuid } from '../../lib/ids.ts';
import { REASONS, type Reason, type Receipt, type ReceiptEvent, type ReceiptRequest } from '../contract.ts';
import { idOf, parseExact } from '../wire/exact-json.ts';
import { toText } from './filters.ts';
import { compilePointer, type Pointer, valueAt } from './pointer.ts';
import type { Reader } from './reader.ts';
import { compileSignature, type Signature } from './signature.ts';

const EVENTS = [
  ...(['queued', 'sent', 'delayed', 'delivered', 'opened', 'clicked'] as const),
  ...(['bounced', 'failed', 'complained', 'unsubscribed'] as const),
] satisfies ReceiptEvent[];
const EFFECTS = ['prune-device', 'suppress-contact'] as const;
const UNITS = ['seconds', 'milliseconds', 'iso'] as const;
const NAMES = [
  ...['signature', 'format', 'reports', 'messageId', 'deliveryId', 'status', 'code', 'time', 'timeUnit'],
  'events',
];
const MOST_REPORTS = 1_000;

/** What an event of the vendor's is in our words. */
type Meaning = Pick<Receipt, 'event' | 'reason' | 'effect'>;

/** How the vendor reports on messages, as a connection describes it. */
export interface ReceiptDescription {
  signature: Signature;
  format: 'json' | 'form';
  /** Where a list of reports is; the whole body is one report, or a list, by default. */
  reports: Pointer;
  messageId?: Pointer;
  deliveryId?: Pointer;
  status: Pointer;
  code?: Pointer;
  time?: { pointer: Pointer; unit: (typeof UNITS)[number] };
  events: Map<string, Meaning>;
}

export function compileReceipts(given: unknown, reader: Reader): ReceiptDescription {
  const raw = reader.object(given, NAMES) ?? {};
  const pointer = (name: string) =>
    raw[name] === undefined ? undefined : compilePointer(raw[name], reader.at(name));
  if (raw.messageId === undefined && raw.deliveryId === undefined)
    reader.refuse('needs messageId or deliveryId: by what else would a report find its message');
  const signature = compileSignature(raw.signature, reader.at('signature'));
  const unit = reader.at('timeUnit').oneOf(raw.timeUnit ?? 'seconds', UNITS) ?? 'seconds';
  const time = pointer('time');
  return {
    signature,
    format: reader.at('format').oneOf(raw.format ?? 'json', ['json', 'form']) ?? 'json',
    reports: pointer('reports') ?? [],
    messageId: pointer('messageId'),
    deliveryId: pointer('deliveryId'),
    status: compilePointer(raw.status, reader.at('status')) ?? [],
    code: pointer('code'),
    time: time && { pointer: time, unit },
    events: compileEvents(raw.events, signature, reader.at('events')),
  };
}

function compileEvents(given: unknown, signature: Signature, reader: Reader): Map<string, Meaning> {
  const entries = Object.entries(reader.object(given) ?? {});
  if (entries.length === 0) reader.refuse('names no event');
  return new Map(
    entries.map(([name, value]) => [name.toLowerCase(), compileMeaning(value, signature, reader.at(name))]),
  );
}

function compileMeaning(given: unknown, signature: Signature, reader: Reader): Meaning {
  if (typeof given === 'string') return { event: reader.oneOf(given, EVENTS) ?? 'failed' };
  const raw = reader.object(given, ['event', 'reason', 'effect']) ?? {};
  const event = reader.at('event').oneOf(raw.event, EVENTS) ?? 'failed';
  const reason =
    raw.reason === undefined ? undefined : reader.at('reason').oneOf<Reason>(raw.reason, REASONS);
  const effect = raw.effect === undefined ? undefined : reader.at('effect').oneOf(raw.effect, EFFECTS);
  // Else a stranger who guesses the address could have any device or address written off.
  if (effect && signature.type === 'none') reader.at('effect').refuse('needs a signature');
  return { event, ...(reason && { reason }), ...(effect && { effect: { type: effect } }) };
}

/** Pure, never throws. What names no message or has no known status is left out. */
export function parseReports(description: ReceiptDescription, { url, body }: ReceiptRequest): Receipt[] {
  const text = Buffer.from(body).toString();
  const parsed =
    description.format === 'form' ? Object.fromEntries(new URLSearchParams(text)) : parseExact(text);
  const found = valueAt(parsed, description.reports);
  const ofUrl = URL.parse(url)?.searchParams.get('delivery') ?? '';
  return [found]
    .flat()
    .slice(0, MOST_REPORTS)
    .flatMap((report) => parseReport(description, report, ofUrl));
}

function parseReport(description: ReceiptDescription, report: unknown, ofUrl: string): Receipt[] {
  const read = (pointer: Pointer | undefined) => pointer && valueAt(report, pointer);
  const status = toText(read(description.status)).toLowerCase();
  const meaning = description.events.get(status);
  const messageId = idOf(read(description.messageId)) ?? null;
  const named = toText(read(description.deliveryId)) || ofUrl;
  const deliveryId = isUuid(named) ? named : null;
  if (!meaning || (messageId === null && deliveryId === null)) return [];
  const code = codeOf(read(description.code));
  return [
    {
      ...meaning,
      deliveryId,
      providerMessageId: messageId,
      at: description.time ? timeOf(read(description.time.pointer), description.time.unit) : null,
      eventKey: `${messageId ?? deliveryId}:${status}`,
      ...(code !== undefined && { code }),
    },
  ];
}

function timeOf(value: unknown, unit: (typeof UNITS)[number]): number | null {
  const at =
    unit === 'iso'
      ? Date.parse(toText(value))
      : Number(toText(value) || Number.NaN) * (unit === 'seconds' ? 1_000 : 1);
  return at >= 0 && !Number.isNaN(new Date(at).getTime()) ? Math.round(at) : null;
}

function codeOf(value: unknown): string | undefined {
  const text = toText(value);
  return /^[\w.-]{1,64}$/.test(text) ? text : undefined;
}
