import { truncate } from '../lib/text.ts';
import { CHANNELS, type Channel } from '../providers/index.ts';
import { type NotificationRequest, storedRequest } from '../queue/index.ts';
import type { Category } from '../rules/index.ts';
import type { Contents, DigestRow, ShownEvent } from './store.ts';

const MAX_LINES = 10;
const MAX_LINE_LENGTH = 120;

/** What a template knows of one event. */
interface EventValues {
  id: string;
  /** RFC 3339. */
  createdAt: string;
  title?: string;
  body?: string;
  url?: string;
  /** The variables of its template, or the data of its message. */
  data: Record<string, unknown>;
}

type Shown = Omit<ShownEvent, 'request'> & { request: NotificationRequest };

/** Which template a digest would be made of: its own, else the one that all of its events name. Pure. */
export function templateOf({ settings }: DigestRow, { shown }: Contents): string | null {
  if (settings.template) return settings.template.id;
  const named = new Set(shown.map(({ request }) => templateIdOf(storedRequest(request))));
  return named.size === 1 ? [...named][0]! : null;
}

/**
 * The one message that several events become: of the template, when there is one to be used, else a plain summary. Pure,
 * and never throws, whatever the events hold.
 */
export function digestRequest(
  digest: DigestRow,
  contents: Contents,
  { category, template }: { category: Category; template: string | null },
): NotificationRequest {
  const shown = contents.shown.map((event) => ({ ...event, request: storedRequest(event.request) }));
  const { events: count } = contents;
  const carries = { digestId: digest.id, events: count };
  const channels = channelsOf(shown, template !== null);
  // What must not be tracked by itself must not be in company either.
  const isUntracked = shown.some(({ request }) => request.tracking === false);
  const shared = { channels, carries, ...(isUntracked && { tracking: false }) };
  if (template === null) return { ...shared, message: summary(shown.map(valuesOf), count, category) };
  // The template of the events themselves gets what it knows already, of the newest one.
  const own = digest.settings.template ? {} : recordOf(shown.at(-1)?.request.template?.variables);
  const variables = { ...own, events: shown.map(valuesOf), count, key: digest.key };
  return { ...shared, template: { id: template, variables } };
}

/** All that any event asked for or, by default, was decided about; undefined (the usual ones) when none asked for any. */
function channelsOf(shown: Shown[], hasTemplate: boolean): Channel[] | undefined {
  const isUsual = shown.every(({ request }) => !Array.isArray(request.channels));
  if (isUsual && (hasTemplate || shown.every(({ request }) => !request.template))) return undefined;
  const wanted = new Set(
    shown.flatMap(({ request, channels }) => (Array.isArray(request.channels) ? request.channels : channels)),
  );
  return CHANNELS.filter((channel) => wanted.has(channel));
}

function templateIdOf({ template }: NotificationRequest): string | null {
  return textOf(template?.id) ?? null;
}

function valuesOf({ id, createdAt, request: { message, template } }: Shown): EventValues {
  const { title, body, url, data, ...own } = recordOf(message);
  const [push, email, sms] = [recordOf(own.push), recordOf(own.email), recordOf(own.sms)];
  return {
    id,
    createdAt: new Date(createdAt).toISOString(),
    title: textOf(title) ?? textOf(push.title) ?? textOf(email.subject),
    body: textOf(body) ?? textOf(push.body) ?? textOf(sms.body) ?? textOf(email.text),
    url: textOf(url),
    data: recordOf(template ? template.variables : data),
  };
}

function summary(
  events: EventValues[],
  count: number,
  { id, name }: Category,
): NotificationRequest['message'] {
  const title = name === id ? `${count} new notifications` : `${name}: ${count} new`;
  const lines = events.slice(-MAX_LINES).flatMap(lineOf);
  const more = count - lines.length;
  if (lines.length === 0) return { title };
  if (more > 0) lines.push(`… and ${more} more`);
  return { title, body: lines.join('\n'), sms: { body: title } };
}

function lineOf({ title, body }: EventValues): string[] {
  const text = [title, body?.split('\n', 1)[0]].filter(Boolean).join(': ');
  if (text === '') return [];
  return [`• ${text.length > MAX_LINE_LENGTH ? `${truncate(text, MAX_LINE_LENGTH - 1)}…` : text}`];
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
