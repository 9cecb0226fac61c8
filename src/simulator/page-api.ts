import type { IncomingMessage } from 'node:http';
import { BREAKDOWNS, behavioursOf } from './faults.ts';
import { type Mailbox, withoutRaw } from './mailbox.ts';
import type { Stage } from './vendor-api.ts';

const MAX_BODY_BYTES = 64 * 1024;

export interface Answer {
  status: number;
  type?: string;
  body?: string | Buffer;
}

/** The JSON API of the page, also good for tests: messages to look at and to clear, faults to change. */
export async function answerApi(
  { mailbox, faults }: Stage,
  request: IncomingMessage,
  path: string,
  search: string,
): Promise<Answer> {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (!isRead && isForeign(request)) return problem(403, 'Only the page itself may change something.');
  if (path === '/messages') {
    if (isRead) return listMessages(mailbox, new URLSearchParams(search));
    if (request.method !== 'DELETE') return notAllowed();
    mailbox.clear();
    return { status: 204 };
  }
  if (path === '/faults') {
    if (isRead) return json(faults.settings);
    return request.method === 'PUT' ? changeFaults(faults, request) : notAllowed();
  }
  const id = /^\/messages\/([0-9]{1,15})$/.exec(path)?.[1];
  if (!id) return problem(404, 'There is no such resource.');
  if (!isRead) return notAllowed();
  const message = mailbox.get(Number(id));
  return message ? json(message) : problem(404, 'This message is gone.');
}

/** What the page must know once: the providers with their behaviours, and where everything is. */
export function describeSetup(
  { providers }: Stage,
  places: { baseUrl?: string; hint?: string; isAlone: boolean; smtpOrigin: string | null },
): Answer {
  return json({
    breakdowns: BREAKDOWNS,
    providers: providers.map((provider) => ({
      id: provider.id,
      name: provider.name,
      channel: provider.channel,
      isSmtp: provider.transport === 'smtp',
      behaviours: provider.transport === 'inbox' ? [] : [...behavioursOf(provider)],
    })),
    ...places,
  });
}

function listMessages(mailbox: Mailbox, query: URLSearchParams): Answer {
  const after = Number(query.get('after') ?? 0);
  if (!Number.isSafeInteger(after) || after < 0) return problem(400, 'after must be the id of a message.');
  const filter = {
    after,
    userId: query.get('user') ?? undefined,
    channel: query.get('channel') ?? undefined,
  };
  return json({ items: mailbox.list(filter).map(withoutRaw), lastId: mailbox.lastId });
}

async function changeFaults(faults: Stage['faults'], request: IncomingMessage): Promise<Answer> {
  const body = await readJson(request);
  if (body === undefined) return problem(400, `The body must be JSON of at most ${MAX_BODY_BYTES} bytes.`);
  const settings = faults.parse(body);
  if ('problem' in settings) return problem(400, settings.problem);
  faults.set(settings);
  return json(faults.settings);
}

/** A browser names the page a change comes from; programs without an Origin are no browsers. */
function isForeign({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true;
  if (headers.origin === undefined) return false;
  return !URL.canParse(headers.origin) || new URL(headers.origin).host !== headers.host;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    // Read to the end all the same: leaving early would close the connection before the answer.
    if (text.length <= MAX_BODY_BYTES) text += chunk;
  }
  if (text.length > MAX_BODY_BYTES) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function json(value: unknown): Answer {
  return { status: 200, type: 'application/json', body: JSON.stringify(value) };
}

export function problem(status: number, detail: string): Answer {
  return { status, type: 'application/problem+json', body: JSON.stringify({ status, detail }) };
}

export function notAllowed(): Answer {
  return problem(405, 'This method is not allowed here.');
}
